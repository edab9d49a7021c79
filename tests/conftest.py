"""The profile of hypothesis for every test, chosen by HYPOTHESIS_PROFILE."""

from tinygrad_reg.testing import register_profiles

register_profiles()
pytest_plugins = ["pytester"]
