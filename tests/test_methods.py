"""Methods of Tensor: each is the function of its name, or one line that calls it with the function's own arguments."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections import Counter
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg import methods, ops
from tinygrad_reg.engine.primitive import Primitive
from tinygrad_reg.methods import Methods
from tinygrad_reg.ops.arguments import numpy_names
from tinygrad_reg.ops.pointwise import Elementwise

MODULES = [importlib.import_module(f"tinygrad_reg.ops.{module.name}") for module in pkgutil.iter_modules(ops.__path__)]

#: Where PyTorch's method differs from its function of the same name: the method's arguments after self.
DIFFERENT = {
    "where": "(condition, other)",  # the tensor is the second argument of the function
    "split": "(split_size, dim=0)",
    "repeat_interleave": "(repeats, dim=None, *, output_size=None)",  # the function also takes the repeats alone
}


def function_of(name: str) -> Any:
    """The function of this name: the public one, else the one that a file of ops defines; None if there is none."""
    public = getattr(tg, name, None)
    if inspect.isfunction(public) or isinstance(public, Primitive):
        return public
    for module in MODULES:
        found = vars(module).get(name)
        if inspect.isfunction(found) and found.__module__ == module.__name__:
            return found
    return None


def arguments(function: Any) -> str:
    """The arguments after the first, with kinds and defaults, without annotations."""
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    return str(inspect.Signature(parameters[1:]))


METHODS = {name: method for name, method in vars(Methods).items() if inspect.isfunction(method) and not name.startswith("_")}
FORWARDS = sorted(name for name in METHODS if not name.endswith("_") and function_of(name) is not None)


@pytest.mark.parametrize("name", FORWARDS)
def test_a_method_takes_what_the_function_takes_after_its_first_argument(name: str) -> None:
    function = function_of(name)
    if isinstance(function, Primitive) and type(function).__call__ in (Primitive.__call__, Elementwise.__call__):
        assert len(inspect.signature(METHODS[name]).parameters) == len(function.arguments)  # it is called by position only
    else:
        assert arguments(METHODS[name]) == DIFFERENT.get(name, arguments(function))


@pytest.mark.parametrize("name", sorted(set(FORWARDS) - DIFFERENT.keys()))
def test_a_method_is_the_function_itself_where_it_can_be(name: str) -> None:
    function = function_of(name)
    lazy = getattr(function, "__module__", "").startswith("tinygrad_reg.nn.")  # loaded when it is first asked for
    assert METHODS[name] is function or isinstance(function, Primitive) or lazy


def knows_numpys_spellings(function: Any) -> bool:
    return getattr(function, "__code__", None) is numpy_names(lambda: None).__code__


@pytest.mark.parametrize("name", FORWARDS)
def test_a_method_knows_numpys_spellings_where_the_function_does(name: str) -> None:
    assert knows_numpys_spellings(METHODS[name]) == knows_numpys_spellings(function_of(name))


OTHERWISE = {"bernoulli_"}  # draws with one probability; `bernoulli` takes the tensor's elements as probabilities


@pytest.mark.parametrize("name", sorted(name for name in METHODS if name.endswith("_") and name[:-1] in METHODS and name not in OTHERWISE))
def test_the_in_place_form_takes_what_the_method_takes(name: str) -> None:
    assert arguments(METHODS[name]) == arguments(METHODS[name[:-1]])


def definitions() -> list[ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(methods))
    return [node for cls in tree.body if isinstance(cls, ast.ClassDef) for node in cls.body if isinstance(node, ast.FunctionDef)]


def test_no_name_is_defined_twice_and_no_two_methods_do_the_same() -> None:
    names = Counter(node.name for node in definitions())
    assert [name for name, count in names.items() if count > 1] == []
    named = [node for node in definitions() if not node.name.startswith("__")]
    bodies = Counter(ast.unparse(node.args) + ast.unparse(node.body[-1]) for node in named)
    assert [body for body, count in bodies.items() if count > 1] == []


def test_a_method_is_one_line_and_leaves_the_documentation_to_the_function() -> None:
    for node in definitions():
        statements = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        assert len(statements) == 1, f"{node.name} does more than to call"
        if node.name in FORWARDS:
            assert len(node.body) == 1, f"{node.name} repeats the documentation of the function"


def test_no_method_takes_just_anything() -> None:
    assert [node.name for node in definitions() if node.args.kwarg is not None] == []


def test_random_takes_its_bounds_as_pytorch_does() -> None:
    x = tg.zeros(200, dtype=tg.int8)
    for args, kwargs, low, high in [
        ((5,), {}, 0, 5),
        ((2, 5), {}, 2, 5),
        ((), {"to": 5}, 0, 5),
        ((2,), {"to": 5}, 2, 5),
        ((100, None), {}, 100, 128),
    ]:
        x.random_(*args, **kwargs)
        assert low <= int(x.min()) < int(x.max()) < high
