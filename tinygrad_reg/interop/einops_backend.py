"""einops on tensors, with gradient.

einops finds libraries among the subclasses of its AbstractBackend at the first call with a new type. Ours is declared when einops is
imported, before or after this package: einops is neither needed nor loaded for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, cast

from ..engine.node import Value, wrap
from ..ops import arrangement, einsum, extremes, joining, reduction, scan, shape

_REDUCTIONS = {
    "min": extremes.amin,
    "max": extremes.amax,
    "sum": reduction.sum,
    "mean": reduction.mean,
    "any": reduction.any,
    "all": reduction.all,
}


class Backend:
    """What einops asks of a library."""

    framework_name = "tinygrad_reg"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, Value)

    def from_numpy(self, x: Any) -> Any:
        return wrap(Value.result_class, x)

    def to_numpy(self, x: Any) -> Any:
        return x.detach().numpy()

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        return shape.permute(x, tuple(axes))

    def reduce(self, x: Any, operation: str, axes: Sequence[int]) -> Any:
        if operation != "prod":
            return _REDUCTIONS[operation](x, tuple(axes))
        for axis in sorted(axes, reverse=True):
            x = scan.prod(x, axis)
        return x

    def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Any:
        return joining.stack(tensors)

    def add_axis(self, x: Any, new_position: int) -> Any:
        return shape.unsqueeze(x, new_position)

    def tile(self, x: Any, repeats: Sequence[int]) -> Any:
        return arrangement.tile(x, tuple(repeats))

    def concat(self, tensors: Sequence[Any], axis: int) -> Any:
        return joining.cat(tensors, axis)

    def is_float_type(self, x: Any) -> bool:
        return bool(x.is_floating_point())

    def einsum(self, pattern: str, *x: Any) -> Any:
        return einsum.einsum(pattern, *x)


_declared: list[type] = []  # einops looks for living subclasses


def _declare(backends: Any) -> None:
    _declared.append(type("TinygradRegBackend", (Backend, backends.AbstractBackend), {}))


class _Watcher:
    """Lets einops._backends load as usual, then declares our backend in it: a finder and loader by their methods alone.

    Their base classes are in `importlib.abc`, whose import would take longer than all of this package's.
    """

    loader: Any

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "einops._backends":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            self.loader, spec.loader = spec.loader, cast(Any, self)
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _declare(module)


def register_when_imported() -> None:
    """Declare the backend: now if einops is there, else as soon as it is imported."""
    backends = sys.modules.get("einops._backends")
    if backends is None:
        sys.meta_path.insert(0, _Watcher())
    else:
        _declare(backends)
