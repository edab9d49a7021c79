"""The public names: what is exported, that each is documented, and that methods, functions and PyTorch agree on arguments."""

from __future__ import annotations

import inspect
import types
from pathlib import Path
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.methods import Methods

PUBLIC = sorted(name for name in dir(tg) if not name.startswith(("_", "@")))  # "@": put in by pytest, as into every package with a plugin
SUBMODULES = {"autograd", "backends", "compiler", "errors", "linalg", "nn", "optim", "testing", "utils"}


def is_submodule(name: str) -> bool:
    return isinstance(getattr(tg, name), types.ModuleType)


def test_modules_that_are_public() -> None:
    imported = {name for name in PUBLIC if is_submodule(name)}
    internal = {
        "absent",
        "blas",
        "creation",
        "device",
        "dtypes",
        "engine",
        "interop",
        "legacy",
        "methods",
        "ops",
        "printing",
        "random",
        "tensor",
        "testing",
    }
    assert imported >= SUBMODULES
    assert imported - SUBMODULES <= internal | {"func", "utils", "serialization", "explain", "special", "linalg", "fft"}


@pytest.mark.parametrize("name", [n for n in PUBLIC if callable(getattr(tg, n))])
def test_every_public_function_is_documented(name: str) -> None:
    text = inspect.getdoc(getattr(tg, name))
    assert text, f"tg.{name} has no docstring"


def taking_a_dim() -> list[Any]:
    """All public functions and methods with an argument `dim`."""
    places = (tg, tg.nn.functional, tg.linalg, tg.special, tg.Tensor)
    named = {getattr(place, name) for place in places for name in dir(place) if not name.startswith("_") and hasattr(place, name)}
    return [f for f in named if inspect.isfunction(f) and "dim" in inspect.signature(f).parameters]


def test_axis_is_taken_wherever_dim_is() -> None:
    functions = taking_a_dim()
    assert len(functions) > 60
    for function in functions:
        others = [p for name, p in inspect.signature(function).parameters.items() if name != "dim"]
        needed = [tg.tensor([[0]])] * sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in others)
        with pytest.raises(tg.errors.TinygradRegError) as caught:
            function(*needed, axis="no axis")
        assert "unexpected keyword" not in str(caught.value), function.__qualname__


@pytest.mark.parametrize("name", [n for n in vars(tg.Tensor) if not n.startswith("_") and callable(getattr(tg.Tensor, n, None))])
def test_every_method_of_its_own_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(tg.Tensor, name)), f"Tensor.{name} has no docstring"


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults of the parameters after the first; [] if it takes anything."""
    signature = list(inspect.signature(function).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in signature):
        return []
    return [(p.name, p.kind, p.default) for p in signature[1:]]


BOTH = sorted(
    name
    for name in PUBLIC
    if inspect.isfunction(getattr(tg, name, None)) and inspect.isfunction(getattr(Methods, name, None)) and not name.startswith("_")
)


@pytest.mark.parametrize("name", BOTH)
def test_method_and_function_take_the_same_arguments(name: str) -> None:
    function, method = parameters(getattr(tg, name)), parameters(getattr(Methods, name))
    if function and method and name not in ("where", "split", "dot", "repeat_interleave"):  # as in PyTorch, they differ
        assert [p[0] for p in method] == [p[0] for p in function][: len(method)]
        assert [p[2] for p in method] == [p[2] for p in function][: len(method)]


def test_no_function_hides_behind_a_module_of_its_name() -> None:
    """`from .linear import other` makes `linear` the module, even if it was a function before."""
    for package in (tg, tg.nn.functional):
        for path in Path(str(package.__file__)).parent.glob("*.py"):
            public = getattr(package, path.stem, None)
            if isinstance(public, types.ModuleType):
                assert not hasattr(public, path.stem), f"{package.__name__}.{path.stem} is the module, not what it holds"


def test_every_in_place_method_belongs_to_another_one() -> None:
    alone = {"copy_", "fill_", "fill_diagonal_", "zero_", "uniform_", "normal_", "bernoulli_", "random_"}
    alone |= {"exponential_", "log_normal_", "cauchy_", "geometric_"}
    for name in vars(Methods):
        if name.endswith("_") and not name.startswith("_") and name not in alone:
            assert hasattr(Methods, name[:-1]), f"{name} without {name[:-1]}"
            assert parameters(getattr(Methods, name)) == parameters(getattr(Methods, name[:-1])), name


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in tg.__version__.split(".")[:2]] == [True, True]


def test_dtypes_by_all_their_names() -> None:
    assert (tg.float, tg.double, tg.half, tg.int, tg.long, tg.short) == (tg.float32, tg.float64, tg.float16, tg.int32, tg.int64, tg.int16)
    assert tg.finfo(tg.float32).eps == 2**-23
    assert tg.iinfo(tg.int8).max == 127
    assert tg.can_cast(tg.int64, tg.float16)
    assert not tg.can_cast(tg.float32, tg.int64)


def test_error_classes_are_those_that_torch_users_catch() -> None:
    errors = tg.errors
    for ours, theirs in {
        errors.ShapeError: (ValueError, RuntimeError),
        errors.DimensionError: (IndexError,),
        errors.DtypeError: (TypeError, RuntimeError),
        errors.ArgumentError: (ValueError, RuntimeError),
        errors.ArgumentTypeError: (TypeError,),
        errors.GradientError: (RuntimeError,),
        errors.InplaceError: (RuntimeError,),
    }.items():
        assert issubclass(ours, errors.TinygradRegError)
        assert all(issubclass(ours, base) for base in theirs)


def test_every_error_class_is_documented() -> None:
    for error in vars(tg.errors).values():
        if inspect.isclass(error):
            assert issubclass(error, tg.errors.TinygradRegError)
            assert error.__doc__


NO_FILES = [n for n in PUBLIC if n not in ("load", "save")]  # for these, a text is the name of a file
TENSOR = tg.ones(2, 2)
WRONG: list[tuple[Any, ...]] = [
    ("text",),
    (None,),
    (object(),),
    ([],),
    ([None],),
    ((),),
    ({},),
    ("text", "text"),
    (TENSOR, "text"),
    (TENSOR, None),
    (TENSOR, object()),
    (TENSOR, 99),
    (TENSOR, -99),
    (TENSOR, (5, 6)),
    (TENSOR, [0, 0]),
    (TENSOR, 1, "text"),
    (TENSOR, 0, None),
    (TENSOR, TENSOR, "text"),
    (TENSOR, TENSOR, None),
    (TENSOR, 0, TENSOR),
]


@pytest.mark.parametrize(
    "name", [n for n in NO_FILES if inspect.isfunction(getattr(tg, n)) or isinstance(getattr(tg, n), tg.ops.pointwise.Elementwise)]
)
@pytest.mark.filterwarnings("ignore")
def test_arguments_of_wrong_kinds_are_refused_with_a_clear_error(name: str) -> None:
    """An error of the package, or Python's TypeError; never one that only a reader of the source would understand."""
    assert tg.get_default_dtype() == tg.float32
    for arguments in WRONG:
        try:
            getattr(tg, name)(*arguments)
        except (tg.errors.TinygradRegError, TypeError, ValueError):
            pass
        except Exception as error:
            raise AssertionError(f"{name}{tuple(type(a).__name__ for a in arguments)} raises {error!r}") from error
