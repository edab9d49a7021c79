"""The log of JSON lines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, ShapeError
from tinygrad_reg.utils import JsonLinesWriter, read_json_lines


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with JsonLinesWriter(tmp_path / "run") as writer:
        writer.add_scalar("loss", tg.tensor(0.5), 1, walltime=7.0)
        writer.add_scalars("both", {"train": 1, "test": tg.tensor(2.0)}, global_step=2)
        writer.add_histogram("weights", tg.tensor([0.0, 1.0, 1.0, float("nan")]), 3, bins=2)
        writer.add_text("note", "a\nb")
        writer.add_hparams({"lr": 0.1, "name": "adam"}, {"accuracy": 1})
        assert writer.get_logdir() == str(tmp_path / "run")
    loss, both, weights, note, hparams = read_json_lines(writer.path)
    assert loss == {"tag": "loss", "value": 0.5, "step": 1, "time": 7.0}
    assert both["value"] == {"train": 1.0, "test": 2.0}
    assert abs(both["time"] - time.time()) < 60
    assert weights["value"]["counts"] == [1, 2]
    assert weights["value"]["edges"] == [0.0, 0.5, 1.0]
    assert (weights["value"]["count"], weights["value"]["nonfinite"]) == (4, 1)
    assert note["value"] == "a\nb"
    assert hparams["value"]["metrics"] == {"accuracy": 1.0}


def test_every_line_is_there_at_once_and_a_torn_one_is_left_out(tmp_path: Path) -> None:
    writer = JsonLinesWriter(tmp_path)
    writer.add_scalar("a", 1)
    writer.flush()
    assert json.loads(writer.path.read_text())["value"] == 1
    writer.close()
    with writer.path.open("a") as file:
        file.write('{"tag": "b", "va')
    assert [line["tag"] for line in read_json_lines(writer.path)] == ["a"]


def test_a_closed_log_is_continued_by_another_writer(tmp_path: Path) -> None:
    for step in range(2):
        with JsonLinesWriter(tmp_path) as writer:
            writer.add_scalar("a", 0.0, step)
    assert [line["step"] for line in read_json_lines(writer.path)] == [0, 1]
    writer.flush()
    with pytest.raises(ArgumentError, match="closed"):
        writer.add_scalar("a", 0.0)


def test_nothing_to_count(tmp_path: Path) -> None:
    with JsonLinesWriter(tmp_path) as writer, pytest.raises(ArgumentError, match="no finite"):
        writer.add_histogram("a", tg.tensor([float("nan")]))


def test_the_usual_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with JsonLinesWriter(comment="-x") as writer:
        assert writer.log_dir.endswith("-x")
    assert writer.path.exists()


@pytest.mark.parametrize(("value", "error"), [("x", ArgumentError), (None, ArgumentTypeError), (tg.ones(2), ShapeError)])
def test_what_is_no_number_is_refused(value: Any, error: type[Exception], tmp_path: Path) -> None:
    with JsonLinesWriter(tmp_path) as log, pytest.raises(error):
        log.add_scalar("loss", value)
