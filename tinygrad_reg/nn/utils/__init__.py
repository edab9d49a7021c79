"""Helpers for training, for weights computed from others, and for sequences of unequal lengths, by PyTorch's names."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from ...absent import refusing as _refusing
from . import parametrizations as parametrizations
from . import parametrize as parametrize
from . import rnn as rnn
from . import stateless as stateless
from .gradients import clip_grad_norm_ as clip_grad_norm_
from .gradients import clip_grad_value_ as clip_grad_value_
from .gradients import clip_grads_with_norm_ as clip_grads_with_norm_
from .gradients import get_total_norm as get_total_norm
from .gradients import parameters_to_vector as parameters_to_vector
from .gradients import vector_to_parameters as vector_to_parameters

if not _TYPE_CHECKING:
    __getattr__ = _refusing("nn.utils")
