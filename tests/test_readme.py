"""What the README promises is there: its commands, its code, its links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("*.md")))]


def test_starts_with_the_two_commands() -> None:
    first, *_ = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    commands = [line.split("#")[0].strip() for line in first.splitlines()]
    assert commands == ['pip install ".[examples]" && python examples/sin_regression.py', 'pip install ".[test]" && python -m pytest']


def test_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    loss, derivatives = capsys.readouterr().out.splitlines()
    assert 0.005 < float(loss) < 0.015
    assert derivatives == "tensor([ 3., 12.], grad_fn=<MulBackward0>) tensor([ 6., 12.])"


def test_the_step_of_the_page_about_compiling(capsys: pytest.CaptureFixture[str]) -> None:
    """Its blocks in order; what they print is the report and the text in C, or in NumPy where there is no compiler."""
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "compile.md").read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(code, "compile.md", "exec"), names)
    assert "replayed 1 times" in capsys.readouterr().out
    for n in (8, 32, 16, 24):  # the step of the last block, whose sizes may change
        for _ in range(2):
            names["step"](names["tg"].ones(n, 3), names["tg"].ones(n, 1))
    assert names["step"].traces == 1


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8"))
    absent = [link for link in links if "://" not in link and not ((ROOT / page).parent / link).exists()]
    assert absent == []
