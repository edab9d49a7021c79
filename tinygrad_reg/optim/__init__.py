"""Optimizers and learning rate schedules."""

from importlib import import_module
from typing import TYPE_CHECKING

from ..absent import refusing as _refusing
from . import lr_scheduler as lr_scheduler
from .adadelta import Adadelta as Adadelta
from .adafactor import Adafactor as Adafactor
from .adagrad import Adagrad as Adagrad
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adamax import Adamax as Adamax
from .asgd import ASGD as ASGD
from .lbfgs import LBFGS as LBFGS
from .levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
from .muon import Muon as Muon
from .nadam import NAdam as NAdam
from .optimizer import Optimizer as Optimizer
from .radam import RAdam as RAdam
from .rmsprop import RMSprop as RMSprop
from .rprop import Rprop as Rprop
from .sgd import SGD as SGD

if TYPE_CHECKING:
    from . import swa_utils as swa_utils


def __getattr__(name: str) -> object:
    if name == "swa_utils":  # needs nn, which optimizers do not: loaded when first asked for
        return import_module(".swa_utils", __name__)
    return _refusing("optim")(name)


def __dir__() -> list[str]:
    return sorted({*globals(), "swa_utils"})
