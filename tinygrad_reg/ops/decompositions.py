"""Decompositions of matrices: the last two dimensions, any number of them before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.strong_zero import masked
from ..errors import ArgumentError, DtypeError, ShapeError
from .arguments import rank
from .elementwise import eq
from .reduction import widened
from .shape import transpose_p, unsqueeze_p

if TYPE_CHECKING:
    from ..tensor import Tensor


@primitive(name="svd", outputs=True, fails=True)
def svd_p(x: Array) -> tuple[Array, Array, Array]:
    """U, s, V with x = U diag(s) Vᵀ, s descending; (..., m, n) -> (..., m, k), (..., k), (..., n, k) with k = min(m, n)."""
    try:
        u, s, vt = np.linalg.svd(widened(x), full_matrices=False)
    except np.linalg.LinAlgError:
        s = np.array(np.nan)
    if not np.isfinite(s).all():
        raise ArgumentError(f"svd: does not converge for this matrix of shape {x.shape}, which holds nan or inf")
    return u.astype(x.dtype, copy=False), s.astype(x.dtype, copy=False), vt.swapaxes(-2, -1).astype(x.dtype, copy=False)


def _svd_rule(g: Any, out: Any) -> Any:
    """∂x = U (∂s + (K_U / E) s + s (K_V / E)) Vᵀ + (1 - U Uᵀ) ∂U s⁻¹ Vᵀ + U s⁻¹ ((1 - V Vᵀ) ∂V)ᵀ, with K_Z = Zᵀ∂Z - (Zᵀ∂Z)ᵀ and
    E_ij = s_j² - s_i². Townsend, "Differentiating the Singular Value Decomposition", 2016.

    0 divided by 0 is 0 here: equal singular values have derivatives, only their vectors have none.
    """
    (gu, gs, gv), (u, s, v) = g, out
    last = u.ndim - 1
    ut, vt = transpose_p.bind(u, dim0=last - 1, dim1=last), transpose_p.bind(v, dim0=last - 1, dim1=last)
    columns, rows = unsqueeze_p.bind(s, dim=last - 1), unsqueeze_p.bind(s, dim=last)
    gaps = columns * columns - rows * rows
    u_parts, v_parts = ut @ gu, vt @ gv
    inner = _ratio(_skew(u_parts), gaps) * columns + rows * _ratio(_skew(v_parts), gaps)
    total = (u * unsqueeze_p.bind(gs, dim=last - 1) + u @ inner) @ vt
    if u.shape[-2] > s.shape[-1]:
        total = total + _ratio(gu - u @ u_parts, columns) @ vt
    if v.shape[-2] > s.shape[-1]:
        total = total + u @ transpose_p.bind(_ratio(gv - v @ v_parts, columns), dim0=last - 1, dim1=last)
    return total


def _skew(x: Any) -> Any:
    return x - transpose_p.bind(x, dim0=x.ndim - 2, dim1=x.ndim - 1)


def _ratio(x: Any, y: Any) -> Any:
    """x / y, and 0 where both are 0."""
    return masked(x / y, eq(x, 0.0) & eq(y, 0.0))


svd_p.vjp(x=_svd_rule)


@typed_errors
def svdvals(A: Tensor, *, driver: Any = None) -> Tensor:  # noqa: N803
    """The singular values of matrices in descending order; (..., m, n) -> (..., min(m, n)).

    >>> tg.linalg.svdvals(tg.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor([4., 3.])
    """
    if driver is not None:
        raise ArgumentError(f"linalg.svdvals: driver is for GPUs, leave it None; got {driver!r}")
    return singular_values(A, "linalg.svdvals")  # type: ignore[no-any-return]


def singular_values(x: Any, what: str) -> Any:
    """The singular values of the matrices of x."""
    if rank(x, what) < 2:
        raise ShapeError(f"{what}: needs matrices, got shape {tuple(x.shape)}")
    if x.dtype.kind != "f":
        raise DtypeError(f"{what}: needs a floating point tensor, got {x.dtype}; convert it first, for example with .float()")
    return svd_p(x)[1]
