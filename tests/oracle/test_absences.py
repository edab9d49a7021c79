"""Every public name of torch's is here, or in the list of those that are not."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Iterator
from typing import Any

import pytest

import tinygrad_reg as tg
from tests.absences import absent_methods
from tinygrad_reg.absent import ABSENT

torch = pytest.importorskip("torch")

NAMESPACES = ["nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrize", "nn.utils.parametrizations"]
NAMESPACES += ["optim", "optim.lr_scheduler", "optim.swa_utils", "utils.data", "func", "autograd", "autograd.graph"]

#: What stands in torch's namespaces without being offered there: what its files import, and its own machinery.
MACHINERY = {
    *("Tensor", "Optimizer", "bisect_right", "handle_torch_function", "has_torch_function", "has_torch_function_unary"),
    *("has_torch_function_variadic", "assert_int_or_pair", "boolean_dispatch", "PackedSequence_", "bind", "copy_method_params"),
    *("OpaqueBase", "get_swap_module_params_on_conversion", "is_opaque_reference_type", "is_traceable_wrapper_subclass"),
}


def place(library: Any, namespace: str) -> Any:
    return importlib.import_module(f"{library.__name__}.{namespace}")


def offered(namespace: Any) -> Iterator[str]:
    """The names of torch's own functions and classes; those of `__all__` where there is one."""
    for name in getattr(namespace, "__all__", dir(namespace)):
        thing = getattr(namespace, name)
        home = getattr(thing, "__module__", None) or ""
        own = inspect.isbuiltin(thing) or home.split(".")[0] == "torch"
        if callable(thing) and not isinstance(thing, types.ModuleType) and not name.startswith("_") and own and name not in MACHINERY:
            yield name


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_name_is_decided(namespace: str) -> None:
    ours = place(tg, namespace)
    absent = {name for names, _ in ABSENT.get(namespace, []) for name in names}
    theirs = set(offered(place(torch, namespace)))
    assert len(theirs) > 2
    assert {name for name in theirs if not hasattr(ours, name)} - absent == set()
    assert {name for name in absent if not hasattr(place(torch, namespace), name)} == set()


def test_what_the_package_itself_lacks_is_torchs() -> None:
    assert {name for names, _ in ABSENT[""] for name in names if not hasattr(torch, name)} == set()


def test_every_method_of_a_module_is_decided() -> None:
    absent = {name for name, _ in absent_methods(tg.nn.Module)}
    theirs = {name for name in dir(torch.nn.Module) if not name.startswith("_")}
    assert {name for name in theirs if not hasattr(tg.nn.Module, name)} - absent == {"T_destination", "call_super_init", "dump_patches"}
    assert absent <= theirs


def test_every_method_of_optimizers_and_schedules_is_there() -> None:
    for kind in ("Optimizer", "lr_scheduler.LRScheduler"):
        ours, theirs = (functools.reduce(getattr, kind.split("."), library.optim) for library in (tg, torch))
        assert {n for n in dir(theirs) if not n.startswith("_") and not hasattr(ours, n)} <= {
            "OptimizerPreHook",
            "OptimizerPostHook",
            "profile_hook_step",
        }
