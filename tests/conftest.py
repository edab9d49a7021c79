"""What holds for every test: the profile of hypothesis, chosen by HYPOTHESIS_PROFILE, threads, and what the garbage collector looks at."""

import gc
import os

import tinygrad_reg as tg
from tinygrad_reg.testing import register_profiles

register_profiles()
pytest_plugins = ["pytester"]
if "PYTEST_XDIST_WORKER" in os.environ:  # there is one worker for each core
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for processes that a test starts
    tg.set_num_threads(1)


def pytest_collection_finish() -> None:
    """The tests themselves stay: a collection need not look at a million objects to find that out."""
    gc.collect()
    gc.freeze()
