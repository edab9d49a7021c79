"""`functional_call` under the name it had first; `func.functional_call`, which PyTorch recommends, takes several dicts too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...func.call import functional_call as _functional_call
from ...tensor import Tensor
from ..module import Module


def functional_call(
    module: Module,
    parameters_and_buffers: Mapping[str, Tensor],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with these tensors in place of its own, see `func.functional_call`.

    >>> tg.nn.utils.stateless.functional_call(tg.nn.Linear(2, 1), {"weight": tg.ones(1, 2), "bias": tg.zeros(1)}, tg.ones(2)).detach()
    tensor([2.])
    """
    return _functional_call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
