"""Tools to check one's own functions, layers and primitives: the ones this package is checked with.

The strategies need hypothesis; everything else works without.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ..autograd.checks import GradcheckError as GradcheckError
from ..autograd.checks import gradcheck as gradcheck
from .comparison import assert_close as assert_close
from .domains import arrays_for as arrays_for

if _TYPE_CHECKING:
    from .profiles import register_profiles as register_profiles
    from .random_programs import Program as Program
    from .random_programs import programs as programs
    from .strategies import broadcastable as broadcastable
    from .strategies import indices as indices
    from .strategies import shapes as shapes
    from .strategies import tensors as tensors

_WITH_HYPOTHESIS = {
    "register_profiles": ".profiles",
    "Program": ".random_programs",
    "programs": ".random_programs",
    "broadcastable": ".strategies",
    "indices": ".strategies",
    "shapes": ".strategies",
    "tensors": ".strategies",
}


def __getattr__(name: str) -> object:
    if name not in _WITH_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(_import_module(_WITH_HYPOTHESIS[name], __name__), name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(f'tinygrad_reg.testing.{name} needs hypothesis: pip install "tinygrad-reg[test]"') from error


def __dir__() -> list[str]:
    return sorted({*globals(), *_WITH_HYPOTHESIS})
