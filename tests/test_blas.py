"""The number of threads, and what happens where NumPy has another BLAS."""

from __future__ import annotations

import ctypes
import os

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import blas


def test_the_number_of_threads_can_be_read_back() -> None:
    before = tg.get_num_threads()
    try:
        tg.set_num_threads(1)
        assert tg.get_num_threads() == 1
        tg.set_num_threads(np.int64(2))
        assert tg.get_num_threads() == 2
    finally:
        tg.set_num_threads(before)


def test_without_openblas_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_function", lambda name: None)
    monkeypatch.setattr(blas, "_threads", ctypes.c_int(0))
    assert tg.get_num_threads() == os.cpu_count()
    tg.set_num_threads(3)
    assert tg.get_num_threads() == 3
    assert blas.products() is None
