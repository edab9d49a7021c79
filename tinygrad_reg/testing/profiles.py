"""Hypothesis profiles: how many inputs are drawn.

`dev` (the default) and `ci` draw the same inputs on every run, so that a failure is a change and not a chance;
`nightly` draws new ones each time and prints what repeats a failure.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def register_profiles() -> None:
    """Register dev (25 examples), ci (150) and nightly (2000), and load the one that HYPOTHESIS_PROFILE names, or dev.

    It may name one of your own, registered before. Profiles that had these three names are replaced.

    >>> tg.testing.register_profiles()
    """
    # How fast the machine is, is no property of the code: no deadline.
    base = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("dev", base, max_examples=25, derandomize=True)
    settings.register_profile("ci", base, max_examples=150, derandomize=True)
    settings.register_profile("nightly", base, max_examples=2000, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
