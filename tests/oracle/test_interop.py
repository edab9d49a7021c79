"""Memory shared with torch and jax through DLPack."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

torch = pytest.importorskip("torch")

KINDS = [
    torch.arange(6.0).reshape(2, 3),
    torch.arange(6.0).reshape(2, 3).T,
    torch.arange(6)[::2],
    torch.tensor([True, False]),
    torch.tensor(2.0),
    torch.zeros(0, 3),
]


@pytest.mark.parametrize("theirs", KINDS, ids=range(len(KINDS)))
def test_torch_to_us_and_back(theirs: Any) -> None:
    ours = tg.from_dlpack(theirs)
    back = torch.from_dlpack(ours)
    assert (ours.shape, str(ours.dtype)) == (tuple(theirs.shape), str(theirs.dtype).removeprefix("torch."))
    assert back.equal(theirs)
    if theirs.numel():
        assert ours.data_ptr() == theirs.data_ptr() == back.data_ptr()
        assert ours.stride() == theirs.stride() == back.stride()
        assert tg.from_dlpack(theirs, copy=True).data_ptr() != theirs.data_ptr()


def test_a_write_on_one_side_is_seen_on_the_other() -> None:
    theirs = torch.zeros(3)
    ours = tg.from_dlpack(theirs)
    theirs[0] = 1.0
    ours[1] = 2.0
    assert theirs.tolist() == ours.tolist() == [1.0, 2.0, 0.0]
    mine = tg.zeros(3)
    yours = torch.from_dlpack(mine)
    mine.add_(1.0)
    yours[0] = 5.0
    assert mine.tolist() == yours.tolist() == [5.0, 1.0, 1.0]


def test_capsules() -> None:
    theirs = torch.ones(3)
    assert tg.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(theirs)).data_ptr() == theirs.data_ptr()
    mine = tg.ones(3)
    assert torch.utils.dlpack.from_dlpack(tg.utils.dlpack.to_dlpack(mine)).data_ptr() == mine.data_ptr()


@pytest.mark.parametrize("lib", [tg, torch])
def test_requires_grad_is_refused_as_in_torch(lib: Any) -> None:
    t = lib.ones(3, requires_grad=True)
    with pytest.raises(BufferError, match="detach"):
        t.__dlpack__()
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(t)
    assert tuple(t.__dlpack_device__()) == (1, 0)


def test_memory_of_torch_is_watched_for_our_writes() -> None:
    x = tg.from_dlpack(torch.ones(3))
    w = tg.ones(3, requires_grad=True)
    y = (w * x).sum()
    x.mul_(2.0)
    with pytest.raises(tg.errors.InplaceError):
        y.backward()


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax() -> None:
    import jax.numpy as jnp

    theirs = jnp.arange(3.0)
    ours = tg.from_dlpack(theirs)
    assert ours.data_ptr() == theirs.unsafe_buffer_pointer()
    with pytest.raises(RuntimeError, match="read-only"):  # jax arrays never change
        ours.add_(1.0)
    mine = tg.zeros(1024)
    assert jnp.from_dlpack(mine).tolist() == mine.tolist()


@pytest.mark.parametrize("copy", [None, True, False])
def test_asarray_of_torch_shares_its_memory_or_copies_it_as_told(copy: bool | None) -> None:
    theirs = torch.arange(3.0)
    ours = tg.asarray(theirs, copy=copy)
    assert ours.tolist() == theirs.tolist()
    assert (ours.data_ptr() == theirs.data_ptr()) is (copy is not True)
    with pytest.raises(tg.errors.ArgumentError, match="without a copy"):
        tg.asarray(theirs, dtype=tg.float64, copy=False)


def test_memory_of_torch_is_watched_for_its_writes() -> None:
    for share in (tg.as_tensor, tg.asarray, tg.from_dlpack):
        theirs = torch.ones(3)
        y = (tg.ones(3, requires_grad=True) * share(theirs)).sum()
        theirs[1] = 5.0
        with pytest.raises(tg.errors.InplaceError):
            y.backward()


def test_what_numpy_has_no_dtype_for_is_refused() -> None:
    with pytest.raises(tg.errors.DtypeError, match="Convert it first"):
        tg.from_dlpack(torch.ones(2, dtype=torch.bfloat16))
