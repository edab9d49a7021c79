"""Hypothesis profiles for every test, chosen by HYPOTHESIS_PROFILE.

`dev` (the default) and `ci` draw the same inputs on every run, so that a failure is a change and not a chance;
`nightly` draws new ones each time and prints what repeats a failure.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

ALWAYS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # how fast the machine is, is no property of the code

settings.register_profile("dev", max_examples=25, derandomize=True, **ALWAYS)
settings.register_profile("ci", max_examples=150, derandomize=True, **ALWAYS)
settings.register_profile("nightly", max_examples=2000, print_blob=True, **ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
