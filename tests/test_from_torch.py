"""docs/from_torch.md: its code runs, and what it says is not there is not there."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

import tinygrad_reg as tg
import tinygrad_reg.backends.cudnn as cudnn
from tinygrad_reg.errors import ArgumentError

PAGE = (Path(__file__).parents[1] / "docs" / "from_torch.md").read_text(encoding="utf-8")


def test_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block after the other, with what the ones before have defined."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 5
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "from_torch.md", "exec"), namespace)


def test_what_is_not_there() -> None:
    """Who adds one of these takes it out of the page."""
    table = PAGE.partition("| what | names |")[2]
    names = re.findall(r"`([\w.]+)`", table)
    assert len(names) >= 15
    for name in names:
        with pytest.raises(AttributeError):
            functools.reduce(getattr, name.split("."), tg)


def test_the_usual_first_lines_of_a_script_run() -> None:
    cudnn.benchmark = False
    tg.backends.cudnn.deterministic = True
    tg.cuda.manual_seed(0)
    tg.cuda.manual_seed_all(0)
    tg.use_deterministic_algorithms(True, warn_only=True)
    tg.set_float32_matmul_precision("high")
    with pytest.raises(ArgumentError, match="highest"):
        tg.set_float32_matmul_precision("exact")
    assert tg.accelerator.current_accelerator() is None
    assert not any(asked() for asked in (tg.accelerator.is_available, tg.backends.mps.is_available, tg.backends.mps.is_built))
    assert tg.accelerator.device_count() == tg.cuda.device_count() == 0
    tg.cuda.empty_cache()
    tg.set_default_device(tg.get_default_device())
    tg.set_default_device(None)
    with tg.device("cpu") as device, tg.device("cpu:0"):
        assert tg.zeros(2).device == device


def test_other_devices_are_refused() -> None:
    assert not tg.cuda.is_available()
    for refused in (
        lambda: tg.zeros(2, device="cuda"),
        lambda: tg.zeros(2).to("cuda"),
        lambda: tg.nn.Linear(2, 2).to("cuda"),
        lambda: tg.set_default_device("cuda"),
    ):
        with pytest.raises(ArgumentError, match="everything runs on 'cpu'"):
            refused()


def test_a_compiled_model_in_a_training_loop_is_refused_in_words() -> None:
    model = tg.compile(tg.nn.Linear(3, 1))
    with pytest.raises(tg.errors.TraceError, match="call backward inside of the step"):
        model(tg.ones(2, 3))
    with tg.no_grad():
        assert model(tg.ones(2, 3)).shape == (2, 1)
