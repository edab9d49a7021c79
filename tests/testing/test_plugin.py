"""The pytest plugin in pytest runs of their own."""

from __future__ import annotations

import pytest

PLUGIN = ("-p", "tinygrad_reg.testing.plugin")
TEST = """
import tinygrad_reg as tg

def test_right(gradcheck):
    assert gradcheck(tg.sin, tg.tensor([0.5], dtype=tg.float64))

def test_wrong(gradcheck):
    gradcheck(lambda x: x * x.detach(), tg.tensor([0.5, 1.5], dtype=tg.float64))
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    pytester.makepyfile(TEST)
    loaded = pytester.plugins or []
    assert not loaded
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:tinygrad_reg", *PLUGIN, *options)


def test_the_fixture_checks_and_reports(pytester: pytest.Pytester) -> None:
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*derivative of order 1 with respect to inputs?0? is wrong*", "*to see it again:*", "*seed=*"])


def seed_of(result: pytest.RunResult) -> str:
    return next(line.split("seed=")[1] for line in result.outlines if "seed=" in line and "gradcheck(f" in line)


def test_the_seed_is_the_tests_own_and_can_be_given(pytester: pytest.Pytester) -> None:
    assert seed_of(run(pytester)) == seed_of(run(pytester))
    assert seed_of(run(pytester, "--gradcheck-seed", "7")).startswith("7)")


def test_the_users_own_profile_is_loaded_and_nothing_unasked(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "mine")
    pytester.makeconftest("""
        from hypothesis import settings
        import tinygrad_reg.testing

        settings.register_profile("mine", max_examples=3)
        settings.register_profile("dev", max_examples=4)
        assert settings.get_profile("dev").max_examples == 4
        tinygrad_reg.testing.register_profiles()
        assert settings().max_examples == 3
        assert [settings.get_profile(name).max_examples for name in ("dev", "ci", "nightly")] == [25, 150, 2000]
    """)
    run(pytester).assert_outcomes(passed=1, failed=1)


def test_the_fixture_works_without_hypothesis(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\n\nsys.modules['hypothesis'] = None")
    run(pytester, "-p", "no:hypothesispytest").assert_outcomes(passed=1, failed=1)
