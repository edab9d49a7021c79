"""The gallery: what it makes of a run, and that the page in the repository belongs to the scripts there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from examples import gallery

LARGEST_PICTURE = 150_000  # bytes


def test_runs_a_script_where_it_is_told_and_keeps_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir()
    script = tmp_path / "examples" / "tiny.py"
    script.write_text('"""Title."""\nprint("one")\nprint("  two 2")\nopen("tiny.png", "w").write("x")\nprint("drawn: tiny.png")\n')
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    (tmp_path / "pictures").mkdir()
    done = gallery.run("tiny", tmp_path / "pictures")
    assert (done.output, done.result) == ("one\n  two 2\ndrawn: tiny.png\n", "two 2")
    assert done.seconds > 0
    assert (tmp_path / "pictures" / "tiny.png").exists()
    assert gallery.title("tiny") == "Title."


def test_a_failing_script_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "tiny.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        gallery.run("tiny", tmp_path)


def test_the_page_in_the_repository_is_the_one_of_these_scripts() -> None:
    """All but the numbers: what was printed is taken from the page itself."""
    text = gallery.PAGE.read_text(encoding="utf-8")
    printed = [block.split("\n", 1)[1] for block in text.split("```text\n$ ")[1:]]
    outputs = [block.partition("```")[0] for block in printed]
    assert len(outputs) == len(gallery.EXAMPLES)
    rebuilt = gallery.page([gallery.Run(name, output, 0.0) for name, output in zip(gallery.EXAMPLES, outputs, strict=True)])
    measured = ("Machine:", "| [")  # the time is measured anew on each machine
    kept = [[line for line in page.splitlines() if not line.startswith(measured)] for page in (rebuilt, text)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("name", gallery.EXAMPLES)
def test_pictures_are_small(name: str) -> None:
    assert 1_000 < (gallery.PICTURES / f"{name}.png").stat().st_size < LARGEST_PICTURE
