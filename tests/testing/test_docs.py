"""The code on the pages about testing runs, and fails where the page says it would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def run(pytester: pytest.Pytester, *options: str, edit: tuple[str, str] = ("", "")) -> pytest.RunResult:
    for text in blocks("testing_in_ci.md"):
        name = re.match(r"# (\w+\.py)", text)
        assert name is not None
        (pytester.path / name[1]).write_text(text.replace(*edit) if edit[0] else text)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:tinygrad_reg", "-p", "tinygrad_reg.testing.plugin", *options)


def test_the_project_of_the_page_passes(pytester: pytest.Pytester) -> None:
    run(pytester).assert_outcomes(passed=4)


def test_the_mistake_of_the_page_is_found(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-k", "layer", edit=("** 1.5", "** 0.5"))  # the others would look for a smaller input for a minute
    result.assert_outcomes(failed=2, deselected=2)
    result.stdout.fnmatch_lines(["*to blame  SoftClip*", "*to see it again*"])


@pytest.mark.parametrize("number", range(len(blocks("testing.md"))))
def test_the_blocks_of_the_other_page(number: int, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tinygrad_reg.testing import register_profiles\n\nregister_profiles()\n")
    path = pytester.makepyfile(blocks("testing.md")[number] + "\n\ndef test_nothing():\n    pass\n")
    assert pytester.runpytest_subprocess("-p", "no:cacheprovider", path).ret == 0
