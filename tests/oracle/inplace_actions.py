"""What a random program can do: views, writes in place and ordinary operations, the same call in every library.

Each action is `action(m, x, y, r)`: the library, a tensor, another one, and a source of random choices. Choices depend on shapes alone,
so that all libraries make the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

Action = Callable[[Any, Any, Any, Random], Any]


def axis(x: Any, r: Random) -> int:
    return r.randrange(-x.ndim, x.ndim)


def fitting(x: Any, y: Any) -> Any:
    """y if it broadcasts into x, else a 0-d tensor made of it."""
    a, b = tuple(x.shape), tuple(y.shape)
    fits = len(b) <= len(a) and all(n in (1, k) for n, k in zip(reversed(b), reversed(a), strict=False))
    return y if fits else y.sum() * 0.1


def a_slice(n: int, r: Random) -> slice:
    bound = [None, *range(-n, n + 1)]
    return slice(r.choice(bound), r.choice(bound), r.choice([None, None, 1, 2]))


def basic(x: Any, r: Random) -> Any:
    """Ints, slices, None and an ellipsis."""
    items: list[Any] = []
    for n in tuple(x.shape)[: r.randint(0, x.ndim)]:
        if r.random() < 0.15:
            items.append(None)
        items.append(r.randrange(-n, n) if n and r.random() < 0.5 else a_slice(n, r))
    if r.random() < 0.3:
        items.append(...)
    return items[0] if len(items) == 1 else tuple(items)


def masked_or_listed(m: Any, x: Any, r: Random) -> Any:
    """One mask, or positions in one or two dimensions, behind, between and before slices and ints. Repeated positions do not occur."""
    shape = tuple(x.shape)
    if not shape or r.random() < 0.25:
        return x.detach() > 0.1
    items: list[Any] = [r.choice([slice(None), a_slice(n, r), r.randrange(n)]) if n else slice(None) for n in shape]
    chosen = r.sample(range(len(shape)), r.randint(1, min(2, len(shape))))
    count = r.randint(1, max(1, min(3, *[shape[d] for d in chosen], 3)))
    for d in chosen:
        n = shape[d]
        items[d] = m.tensor(r.sample(range(-n, 0), count)) if n >= count else slice(None)
    if len(chosen) == 1 and r.random() < 0.4:
        items[chosen[0]] = m.tensor([r.random() < 0.5 for _ in range(shape[chosen[0]])], dtype=m.bool)
    return tuple(items)


def positions(m: Any, n: int, r: Random) -> Any:
    """Some different positions of a dimension of this size."""
    return m.tensor(r.sample(range(n), r.randint(0, n)), dtype=m.int64)


def places(m: Any, x: Any, dim: int, r: Random) -> Any:
    """A shuffle along a dimension, for scatter: no place twice."""
    rng = np.random.default_rng(r.randrange(1 << 30))
    return m.tensor(np.argsort(rng.random(tuple(x.shape)), axis=dim))


# ---- views, or copies where the memory does not allow one --------------------------------------------------------------------


def reshaped(x: Any, r: Random) -> tuple[int, ...]:
    n = max(int(x.numel()), 0)
    return r.choice([(-1,), (n, 1), (1, n), (n,), *[(k, n // k) for k in (2, 3) if n and n % k == 0]]) if n else tuple(x.shape)


def expanded(x: Any, r: Random) -> Any:
    if x.ndim >= 3:
        return x.select(0, 0) if x.shape[0] else x.flatten()
    return x.expand(r.choice([1, 2]), *x.shape) if r.random() < 0.5 else x.unsqueeze(-1).expand(*x.shape, 2)


VIEWS: dict[str, Action] = {
    "index": lambda m, x, y, r: x[basic(x, r)],
    "index again": lambda m, x, y, r: x[basic(x, r)],
    "view": lambda m, x, y, r: x.view(reshaped(x, r)),
    "reshape": lambda m, x, y, r: x.reshape(reshaped(x, r)),
    "transpose": lambda m, x, y, r: x.transpose(axis(x, r), axis(x, r)) if x.ndim else x.view(1),
    "permute": lambda m, x, y, r: x.permute(r.sample(range(x.ndim), x.ndim)),
    "unsqueeze": lambda m, x, y, r: x.unsqueeze(r.randint(0, x.ndim)) if x.ndim < 4 else x.squeeze(),
    "squeeze": lambda m, x, y, r: x.squeeze() if r.random() < 0.5 or not x.ndim else x.squeeze(axis(x, r)),
    "expand": lambda m, x, y, r: expanded(x, r),
    "broadcast_to": lambda m, x, y, r: m.broadcast_to(x, (2, *x.shape)) if x.ndim < 3 else x.flatten(),
    "diagonal": lambda m, x, y, r: x.diagonal(r.choice([0, 1, -1])) if x.ndim >= 2 else x.view(-1),
    "flatten": lambda m, x, y, r: x.flatten(),
    "split": lambda m, x, y, r: x.split(r.choice([1, 2]), axis(x, r)) if x.ndim and 0 not in x.shape else x.view(-1),
    "chunk": lambda m, x, y, r: x.chunk(2, axis(x, r)) if x.ndim and 0 not in x.shape else x.view(-1),
    "unbind": lambda m, x, y, r: x.unbind(axis(x, r)) if x.ndim and 0 not in x.shape else x.view(-1),
    "narrow": lambda m, x, y, r: x.narrow(0, r.randint(0, x.shape[0] - 1), 1) if x.ndim and x.shape[0] else x.flatten(),
    "select": lambda m, x, y, r: x.select(axis(x, r), -1) if x.ndim and 0 not in x.shape else x.flatten(),
    "movedim": lambda m, x, y, r: x.movedim(axis(x, r), axis(x, r)) if x.ndim else x.view(1),
    "swapaxes": lambda m, x, y, r: x.swapaxes(0, -1) if x.ndim else x.view(1, 1),
    "T": lambda m, x, y, r: x.T if x.ndim == 2 else x.flatten(),
    "mT": lambda m, x, y, r: x.mT if x.ndim >= 2 else x.flatten(),
    "unflatten": lambda m, x, y, r: x.unflatten(0, (1, -1)) if x.ndim and x.shape[0] else x.flatten(),
    "view_as": lambda m, x, y, r: x.view_as(x),
    "ravel": lambda m, x, y, r: x.ravel(),
    "contiguous": lambda m, x, y, r: x.contiguous(),
    "to": lambda m, x, y, r: x.to(m.float64),
    "iterated": lambda m, x, y, r: list(x)[-1] if x.ndim and x.shape[0] else x.flatten(),
}

# ---- other operations ------------------------------------------------------------------------------------------------------------


def matched(x: Any, y: Any) -> Any:
    return x.flatten() @ (y.flatten() if x.numel() == y.numel() else x.flatten() * 0.5)


COPIES: dict[str, Action] = {
    "sin": lambda m, x, y, r: m.sin(x),
    "exp": lambda m, x, y, r: m.exp(x * 0.1),
    "tanh": lambda m, x, y, r: m.tanh(x),
    "sqrt": lambda m, x, y, r: m.sqrt(x * x + 0.5),
    "relu": lambda m, x, y, r: m.relu(x),
    "mul": lambda m, x, y, r: x * fitting(x, y),
    "div": lambda m, x, y, r: x / (fitting(x, y) ** 2 + 0.7),
    "square": lambda m, x, y, r: x**2,
    "add": lambda m, x, y, r: x + fitting(x, y),
    "sum": lambda m, x, y, r: x.sum() if r.random() < 0.5 or not x.ndim else x.sum(axis(x, r)),
    "mean": lambda m, x, y, r: x.mean(0, keepdim=True) if x.ndim and x.shape[0] else x * 1,
    "softmax": lambda m, x, y, r: m.softmax(x, -1),
    "norm": lambda m, x, y, r: (x + 2.0).norm(),
    "amax": lambda m, x, y, r: x.amax() if 0 not in x.shape else x * 1,
    "prod": lambda m, x, y, r: (x * 0.5 + 1.0).prod(),
    "cumsum": lambda m, x, y, r: x.cumsum(0) if x.ndim else x * 2,
    "matmul": lambda m, x, y, r: matched(x, y),
    "gram": lambda m, x, y, r: x.mT @ x if x.ndim >= 2 else x * x,
    "where": lambda m, x, y, r: m.where(x > 0.1, x, fitting(x, y)),
    "clone": lambda m, x, y, r: x.clone(),
    "cat": lambda m, x, y, r: m.cat([x, x]) if x.ndim and x.numel() < 20 else x * 2,
    "stack": lambda m, x, y, r: m.stack([x, x * 2]) if x.ndim < 3 and x.numel() < 20 else x * 2,
    "read": lambda m, x, y, r: x[masked_or_listed(m, x, r)],
    "index_select": lambda m, x, y, r: x.index_select(0, positions(m, x.shape[0], r)) if x.ndim else x * 1,
    "gather": lambda m, x, y, r: x.gather(0, places(m, x, 0, r)) if x.ndim else x * 1,
    "flip": lambda m, x, y, r: x.flip(0) if x.ndim else x * 1,
    "constant": lambda m, x, y, r: m.ones(tuple(x.shape), dtype=m.float64),
    "detached copy": lambda m, x, y, r: x.detach().clone(),
    "repeat": lambda m, x, y, r: x.repeat(1, 2) if x.ndim == 2 and x.numel() < 20 else x * 3,
    "masked_fill": lambda m, x, y, r: x.masked_fill(x > 0.3, 0.25),
    "index_put": lambda m, x, y, r: m.index_put(x, (m.tensor([0]),), y.sum()) if x.ndim and x.shape[0] else x * 1,
}

# ---- writes ----------------------------------------------------------------------------------------------------------------------


def put(x: Any, index: Any, value: Any) -> None:
    x[index] = value


def increase(x: Any, index: Any, value: Any) -> None:
    x[index] += value


def operated(x: Any, y: Any, r: Random) -> None:
    kind = r.randrange(5)
    if kind == 0:
        x += y
    elif kind == 1:
        x *= y
    elif kind == 2:
        x -= y
    elif kind == 3:
        x /= y * y + 1.5
    else:
        x **= 2


def slots(m: Any, x: Any, r: Random) -> tuple[int, Any, tuple[int, ...]]:
    """A dimension, different positions in it, and the shape of what stands there."""
    dim = axis(x, r)
    index = positions(m, x.shape[dim], r)
    shape = list(x.shape)
    shape[dim] = len(index)
    return dim, index, tuple(shape)


def along(method: str, m: Any, x: Any, y: Any, r: Random) -> None:
    if x.ndim:
        dim, index, shape = slots(m, x, r)
        getattr(x, method)(dim, index, (y.sum() * 0.1).expand(shape))


def scatters(x: Any) -> bool:
    return bool(x.ndim and 0 not in x.shape)


def valued(m: Any, x: Any, y: Any, index: Any, r: Random) -> Any:
    """A number or a tensor that x[index] can take."""
    kind = r.randrange(4)
    part = x.detach()[index]
    return 0.75 if kind == 0 else y.sum() * 0.1 if kind == 1 else fitting(part, y) if kind == 2 else m.sin(y.sum()).expand(part.shape)


def item(write: Callable[..., None], find: Callable[..., Any]) -> Action:
    def action(m: Any, x: Any, y: Any, r: Random) -> None:
        index = find(m, x, r)
        write(x, index, valued(m, x, y, index, r))

    return action


WRITES: dict[str, Action] = {
    "add_": lambda m, x, y, r: x.add_(fitting(x, y) if r.random() < 0.7 else 0.5, alpha=r.choice([1, 2])),
    "sub_": lambda m, x, y, r: x.sub_(fitting(x, y), alpha=0.3),
    "mul_": lambda m, x, y, r: x.mul_(fitting(x, y) if r.random() < 0.7 else 1.5),
    "div_": lambda m, x, y, r: x.div_(fitting(x, y).abs() + 1.0 if r.random() < 0.7 else 2.0),
    "operators": lambda m, x, y, r: operated(x, fitting(x, y), r),
    "copy_": lambda m, x, y, r: x.copy_(fitting(x, y)),
    "zero_": lambda m, x, y, r: x.zero_(),
    "fill_": lambda m, x, y, r: x.fill_(y.sum() * 0.2 if r.random() < 0.7 else 0.3),
    "sin_": lambda m, x, y, r: x.sin_(),
    "neg_": lambda m, x, y, r: x.neg_(),
    "tanh_": lambda m, x, y, r: x.tanh_(),
    "sigmoid_": lambda m, x, y, r: x.sigmoid_(),
    "relu_": lambda m, x, y, r: x.relu_(),
    "exp_": lambda m, x, y, r: x.mul_(0.1).exp_(),
    "clamp_": lambda m, x, y, r: x.clamp_(-0.7, 0.9),
    "pow_": lambda m, x, y, r: x.pow_(2),
    "lerp_": lambda m, x, y, r: x.lerp_(y, 0.3) if tuple(x.shape) == tuple(y.shape) else None,
    "addcmul_": lambda m, x, y, r: x.addcmul_(fitting(x, y), fitting(x, y), value=0.1),
    "cumsum_": lambda m, x, y, r: x.cumsum_(0) if x.ndim else None,
    "masked_fill_": lambda m, x, y, r: x.masked_fill_(x.detach() > 0.3, 0.25 if r.random() < 0.5 else y.sum()),
    "set": item(put, lambda m, x, r: basic(x, r)),
    "set chosen": item(put, masked_or_listed),
    "add to part": item(increase, lambda m, x, r: basic(x, r)),
    "add to chosen": item(increase, masked_or_listed),
    "set itself": lambda m, x, y, r: put(x, (i := basic(x, r)), x[i]),
    "set detached": lambda m, x, y, r: put(x, (i := basic(x, r)), x.detach()[i]),
    "set flipped": lambda m, x, y, r: put(x, ..., x.flip(0) if x.ndim else x),
    "index_add_": lambda m, x, y, r: along("index_add_", m, x, y, r),
    "index_copy_": lambda m, x, y, r: along("index_copy_", m, x, y, r),
    "index_fill_": lambda m, x, y, r: x.index_fill_(*slots(m, x, r)[:2], 0.4) if x.ndim else None,
    "index_put_": lambda m, x, y, r: x.index_put_((m.tensor([0]),), y.sum(), r.random() < 0.5) if x.ndim and x.shape[0] else None,
    "scatter_": lambda m, x, y, r: x.scatter_(0, places(m, x, 0, r), (y.sum() * 0.1).expand(x.shape)) if scatters(x) else None,
    "scatter_add_": lambda m, x, y, r: x.scatter_add_(0, places(m, x, 0, r), m.sin(y.sum()).expand(x.shape)) if scatters(x) else None,
    "part sin_": lambda m, x, y, r: x[basic(x, r)].sin_(),
    "transposed add_": lambda m, x, y, r: x.mT.add_(0.5) if x.ndim >= 2 else None,
}

# ---- the tensor itself becomes another view ------------------------------------------------------------------------------------------

BECOMES: dict[str, Action] = {
    "unsqueeze_": lambda m, x, y, r: x.unsqueeze_(0) if x.ndim < 4 else x.squeeze_(),
    "squeeze_": lambda m, x, y, r: x.squeeze_(),
    "transpose_": lambda m, x, y, r: x.transpose_(0, -1) if x.ndim else x,
    "t_": lambda m, x, y, r: x.t_() if x.ndim <= 2 else x.swapaxes_(0, 1),
}
