"""Every public function and class shows an example, and the examples are true."""

from __future__ import annotations

import doctest
import inspect
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
import tinygrad_reg.nn.functional  # loads the operations that only layers use
import tinygrad_reg.optim  # and those of optimizers
from tinygrad_reg.engine.primitive import Primitive
from tinygrad_reg.methods import Methods

#: Namespaces whose functions and classes all need an example.
NAMESPACES = {
    "tg": tg,
    "tg.nn.functional": tg.nn.functional,
    "tg.linalg": tg.linalg,
    "tg.special": tg.special,
    "tg.autograd": tg.autograd,
    "tg.autograd.functional": tg.autograd.functional,
    "tg.func": tg.func,
    "tg.testing": tg.testing,
    "tg.nn.init": tg.nn.init,
    "tg.nn.utils": tg.nn.utils,
    "tg.nn.utils.rnn": tg.nn.utils.rnn,
    "tg.nn.utils.parametrizations": tg.nn.utils.parametrizations,
    "tg.nn.utils.parametrize": tg.nn.utils.parametrize,
    "tg.utils.checkpoint": tg.utils.checkpoint,
    "tg.utils.data": tg.utils.data,
    "tg.optim": tg.optim,
    "tg.optim.lr_scheduler": tg.optim.lr_scheduler,
    "tg.optim.swa_utils": tg.optim.swa_utils,
}

#: Modules whose layers and losses all need one.
LAYERS = ["activation", "batchnorm", "containers", "conv", "distance", "dropout", "linear", "loss", "margin", "module"]
LAYERS += ["normalization", "padding", "parameter", "pooling", "rnn", "sparse", "transformer", "upsampling"]


#: Of them, those that import what they do not offer.
FILES = {tg.nn.init, tg.optim.swa_utils, tg.nn.utils.rnn, tg.nn.utils.parametrizations, tg.nn.utils.parametrize, tg.utils.checkpoint}

#: What helps and is not offered, though its name does not say so.
HELPERS = {"numbers_of", "refusing"}


def public(namespace: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes a namespace offers: those in its `__all__`, or else of this package and not for use inside."""
    for name in getattr(namespace, "__all__", dir(namespace)):
        thing = getattr(namespace, name)
        if name.startswith(("_", "@")) or name in HELPERS:
            continue
        if isinstance(thing, Primitive) or inspect.isfunction(thing) or inspect.isclass(thing):
            yield name, thing


def defined_in(namespace: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """Those that a module defines itself."""
    for name, thing in public(namespace):
        if getattr(thing, "__module__", None) == namespace.__name__:
            yield name, thing


def collected() -> dict[str, Any]:
    """Everything that needs an example, each once, by its first name."""
    found: dict[int, tuple[str, Any]] = {}
    for prefix, namespace in NAMESPACES.items():
        members = defined_in(namespace) if namespace in FILES else public(namespace)
        for name, thing in members:
            if getattr(thing, "__module__", "") != "importlib":  # which tg.optim imports to load a part of itself
                found.setdefault(id(thing), (f"{prefix}.{name}", thing))
    for file in LAYERS:
        for name, thing in public(getattr(tg.nn, file)):
            if getattr(tg.nn, name, None) is thing:
                found.setdefault(id(thing), (f"tg.nn.{name}", thing))
    return dict(found.values())


THINGS = collected()


def examples(name: str) -> doctest.DocTest:
    text = inspect.getdoc(THINGS[name]) or ""
    return doctest.DocTestParser().get_doctest(text, {"tg": tg, "np": np}, name, None, 0)


#: These do something and give nothing; everywhere else an example that shows no value could not be wrong.
SILENT = {"tg.autograd.detect_anomaly", "tg.autograd.set_detect_anomaly", "tg.utils.checkpoint.noop_context_fn"}
SILENT |= {"tg.testing.assert_close", "tg.testing.register_profiles"}
SILENT |= {"tg.set_default_device", "tg.use_deterministic_algorithms", "tg.set_float32_matmul_precision"}


@pytest.mark.filterwarnings("ignore:`nn.functional.upsample:UserWarning")  # deprecated, as in PyTorch
@pytest.mark.parametrize("name", THINGS)
def test_says_what_it_is_and_shows_an_example_that_is_true(name: str) -> None:
    first, shown = (THINGS[name].__doc__ or "").split("\n")[0], examples(name)
    assert len(first) > 1, f"{name}: say in the first line of the docstring what it gives"
    assert shown.examples, f"{name}: show an example of one to four lines in the docstring"
    assert name in SILENT or any(example.want for example in shown.examples)
    tg.manual_seed(0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(shown, out=said.append)
    assert result.failed == 0, "".join(said)


def test_a_wrong_example_is_noticed() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(wrong, out=lambda _: None).failed == 1


METHODS = [name for name in vars(Methods) if not (name.startswith("_") or name.endswith("_")) and callable(getattr(tg, name, None))]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_forwards_to_the_function_of_its_name_or_is_documented(name: str) -> None:
    method = inspect.unwrap(getattr(Methods, name))
    assert method.__doc__ or {name, getattr(tg, name).__name__} & set(method.__code__.co_names)
