"""What all the example scripts promise, on small settings: they learn, print a result, draw a picture, and repeat themselves."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from examples.gallery import EXAMPLES
from tests.examples.loading import DIRECTORY, SMALL, load

every_script = pytest.mark.parametrize("name", SMALL)


def losses(script: ModuleType, *flags: str) -> list[float]:
    settings = script.parse([*SMALL[script.__name__], *flags])
    data = script.make_data(settings)
    found: list[float] = script.train(script.make_model(data, settings), data, settings)
    return found


def test_every_script_is_in_the_tables() -> None:
    names = {path.stem for path in DIRECTORY.glob("*.py")} - {"gallery"}
    assert set(EXAMPLES) == names
    assert {"sin_regression", *SMALL} == names


@every_script
def test_result_and_picture(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    load(name).main(SMALL[name])
    assert re.search(r"\d", capsys.readouterr().out.splitlines()[-1])
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")


@every_script
def test_no_training_and_no_picture(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = load(name)
    length = next(flag for flag in ("--epochs", "--steps") if flag in SMALL[name])
    script.main([*SMALL[name], length, "0", "--no-plot"])
    assert list(tmp_path.iterdir()) == []


@every_script
def test_same_seed_same_losses(name: str) -> None:
    script = load(name)
    first = losses(script, "--seed", "3")
    assert first == losses(script, "--seed", "3")
    assert first != losses(script, "--seed", "4")


@every_script
def test_float32_follows_float64(name: str) -> None:
    script = load(name)
    assert losses(script, "--dtype", "float32")[:5] == pytest.approx(losses(script, "--dtype", "float64")[:5], rel=1e-4)


@every_script
def test_names_the_library_in_imports_alone(name: str) -> None:
    """So that nothing else is to be changed for torch."""
    source = (DIRECTORY / f"{name}.py").read_text(encoding="utf-8")
    lines = source.partition('"""\n')[2].splitlines()  # behind the docstring
    assert all(line.startswith(("import ", "from ")) for line in lines if "tinygrad_reg" in line)
    assert "torch" not in source.partition('\n"""\n')[2]
