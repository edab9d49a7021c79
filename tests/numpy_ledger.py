"""docs/numpy_functions.md, from the table of covered functions and NumPy itself: `python -m tests.numpy_ledger` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_reg.interop.dispatch import WRITERS
from tinygrad_reg.interop.functions import FUNCTIONS, UFUNCS

PAGE = Path(__file__).parent.parent / "docs" / "numpy_functions.md"

X = np.array([[0.3, 0.7, 0.2], [0.9, 0.4, 0.6]])
SQUARE = np.array([[0.3, 0.7], [0.9, 0.4]])
LINE = np.array([0.3, 0.7, 0.2])

#: Arguments where those of the general rule (one matrix, or two for a ufunc of two) do not fit. Floats become tensors.
ARGUMENTS: dict[Callable[..., Any], tuple[Any, ...]] = {
    np.arccosh: (X + 1.5,),
    np.matmul: (X, X.T),
    np.linalg.matmul: (X, X.T),
    np.linalg.multi_dot: ([X, X.T],),
    np.linalg.outer: (LINE, LINE),
    np.linalg.vecdot: (X, X),
    np.linalg.tensordot: (X, X),
    np.reshape: (X, (3, 2)),
    np.swapaxes: (X, 0, 1),
    np.moveaxis: (X, 0, 1),
    np.squeeze: (X[None],),
    np.expand_dims: (X, (0, 2)),
    np.broadcast_to: (X, (2, 2, 3)),
    np.concatenate: ([X, X],),
    np.stack: ([X, X],),
    np.hstack: ([X, X],),
    np.vstack: ([X, X],),
    np.split: (X, 3, 1),
    np.array_split: (X, 2, 1),
    np.roll: (X, 1),
    np.tile: (X, (2, 1)),
    np.repeat: (X, 2),
    np.quantile: (X, [0.2, 0.5], 1),
    np.percentile: (X, 70.0),
    np.pad: (X, ((1, 0), (0, 2))),
    np.take: (X, [[0, -1], [2, 2]], 1),
    np.inner: (X, X),
    np.astype: (X, np.float32),
    np.where: (X > 0.5, X, 2 * X),
    np.clip: (X, 0.25, 0.65),
    np.take_along_axis: (X, np.array([[0], [2]]), 1),
    np.isclose: (X, X),
    np.allclose: (X, X),
    np.array_equal: (X, X),
    np.cumulative_sum: (LINE,),
    np.cumulative_prod: (LINE,),
    np.meshgrid: (LINE, LINE[:2]),
    np.dot: (X, X.T),
    np.vdot: (X, X),
    np.outer: (LINE, LINE),
    np.kron: (X, X),
    np.tensordot: (X, X),
    np.einsum: ("ij,kj->ik", X, X),
}
_BITS = {ufunc: (X > 0.5, X.T.reshape(2, 3) > 0.5)[: ufunc.nin] for ufunc in UFUNCS if ufunc.__name__.startswith(("bitwise", "invert"))}
_SHIFTS = {ufunc: (np.array([5, -3, 1]), np.array([1, 0, 2])) for ufunc in UFUNCS if ufunc.__name__.endswith("_shift")}
ARGUMENTS |= _BITS | _SHIFTS


def arguments(function: Callable[..., Any]) -> tuple[Any, ...]:
    """An example call."""
    if function in ARGUMENTS:
        return ARGUMENTS[function]
    return (X, 0.5 * X + 0.2)[: function.nin] if isinstance(function, np.ufunc) else (X,)


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function of np and np.linalg, by name."""
    for prefix, module in (("np", np), ("np.linalg", np.linalg)):
        for name in sorted(dir(module)):
            function = getattr(module, name)
            if not name.startswith("_") and callable(function) and not isinstance(function, type) and name != "test":
                yield f"{prefix}.{name}", function


def standing(function: Callable[..., Any]) -> str:
    """What happens when a tensor is given."""
    if function in FUNCTIONS or function in UFUNCS:
        return "covered"
    if function in WRITERS:
        return "refused: it writes into its argument"
    if isinstance(function, np.ufunc) or hasattr(function, "_implementation"):
        return "without gradient"
    return "not dispatched"


def text() -> str:
    rows = [f"| `{name}` | {standing(function)} |" for name, function in public()]
    return INTRODUCTION + "\n".join(rows) + "\n"


INTRODUCTION = """# NumPy's functions on tensors

Written by `python -m tests.numpy_ledger`; a test compares each row with what happens.

- **covered**: gives a tensor, differentiable where the function is. Arguments have NumPy's meaning (`ddof=0`, `axis=None`); dtypes
  follow PyTorch's promotion, as everywhere: `np.add(float64_array, float32_tensor)` is float64, a NumPy scalar counts as a Python number.
  An argument that is not covered (`out=`, `where=`, `initial=`) makes the call one "without gradient".
- **without gradient**: NumPy runs on the memory of tensors that need no gradient and gives arrays. A tensor that requires grad raises
  `ArgumentTypeError`: use the tensor's functions, or `.detach().numpy()`.
- **refused**: always raises, since the tensor's graph would not know of the write.
- **not dispatched**: NumPy does not ask the tensor. Where such a function reads data (`np.asarray`), a tensor that requires grad raises.

Of ufuncs' methods, `outer` of every covered ufunc is covered, `reduce` of add, multiply, maximum, minimum, logical_and and logical_or, and
`accumulate` of add and multiply.

| function | on tensors |
|---|---|
"""

if __name__ == "__main__":
    PAGE.write_text(text())
