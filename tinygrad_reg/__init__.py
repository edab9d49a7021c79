"""PyTorch's names on nothing but NumPy: tensors that differentiate, layers, optimizers, compiled training steps."""

from importlib import import_module as _import_module
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import autograd as autograd
from . import errors as errors
from . import linalg as linalg
from . import special as special
from .absent import refusing as _refusing
from .creation import arange as arange
from .creation import as_tensor as as_tensor
from .creation import asarray as asarray
from .creation import empty as empty
from .creation import empty_like as empty_like
from .creation import eye as eye
from .creation import from_numpy as from_numpy
from .creation import full as full
from .creation import full_like as full_like
from .creation import is_tensor as is_tensor
from .creation import linspace as linspace
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import scalar_tensor as scalar_tensor
from .creation import tensor as tensor
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
from .device import accelerator as accelerator
from .device import cuda as cuda
from .device import device as device
from .device import get_default_device as get_default_device
from .device import set_default_device as set_default_device
from .device import set_float32_matmul_precision as set_float32_matmul_precision
from .device import use_deterministic_algorithms as use_deterministic_algorithms
from .dtypes import bool as bool
from .dtypes import can_cast as can_cast
from .dtypes import double as double
from .dtypes import dtype as dtype
from .dtypes import finfo as finfo
from .dtypes import float as float
from .dtypes import float16 as float16
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import half as half
from .dtypes import iinfo as iinfo
from .dtypes import int as int
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import long as long
from .dtypes import promote_types as promote_types
from .dtypes import result_type as result_type
from .dtypes import short as short
from .dtypes import uint8 as uint8
from .engine.memory import keep_freed_memory as _keep_freed_memory
from .engine.primitive import check_registry as _check_registry
from .engine.state import enable_grad as enable_grad
from .engine.state import get_default_dtype as get_default_dtype
from .engine.state import inference_mode as inference_mode
from .engine.state import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from .engine.state import is_anomaly_enabled as is_anomaly_enabled
from .engine.state import is_grad_enabled as is_grad_enabled
from .engine.state import is_inference_mode_enabled as is_inference_mode_enabled
from .engine.state import no_grad as no_grad
from .engine.state import set_default_dtype as set_default_dtype
from .engine.state import set_grad_enabled as set_grad_enabled
from .interop import from_dlpack as from_dlpack
from .ops.arithmetic import add as add
from .ops.arithmetic import addcdiv as addcdiv
from .ops.arithmetic import addcmul as addcmul
from .ops.arithmetic import div as div
from .ops.arithmetic import divide as divide
from .ops.arithmetic import floor_divide as floor_divide
from .ops.arithmetic import lerp as lerp
from .ops.arithmetic import rsub as rsub
from .ops.arithmetic import sub as sub
from .ops.arithmetic import subtract as subtract
from .ops.arithmetic import true_divide as true_divide
from .ops.arrangement import flip as flip
from .ops.arrangement import fliplr as fliplr
from .ops.arrangement import flipud as flipud
from .ops.arrangement import repeat_interleave as repeat_interleave
from .ops.arrangement import roll as roll
from .ops.arrangement import rot90 as rot90
from .ops.arrangement import tile as tile
from .ops.comparison import allclose as allclose
from .ops.comparison import equal as equal
from .ops.comparison import isclose as isclose
from .ops.diagonals import diag as diag
from .ops.diagonals import diag_embed as diag_embed
from .ops.diagonals import diagonal as diagonal
from .ops.diagonals import trace as trace
from .ops.diagonals import tril as tril
from .ops.diagonals import triu as triu
from .ops.einsum import einsum as einsum
from .ops.einsum import tensordot as tensordot
from .ops.elementwise import abs as abs
from .ops.elementwise import absolute as absolute
from .ops.elementwise import acos as acos
from .ops.elementwise import acosh as acosh
from .ops.elementwise import arccos as arccos
from .ops.elementwise import arccosh as arccosh
from .ops.elementwise import arcsin as arcsin
from .ops.elementwise import arcsinh as arcsinh
from .ops.elementwise import arctan as arctan
from .ops.elementwise import arctan2 as arctan2
from .ops.elementwise import arctanh as arctanh
from .ops.elementwise import asin as asin
from .ops.elementwise import asinh as asinh
from .ops.elementwise import atan as atan
from .ops.elementwise import atan2 as atan2
from .ops.elementwise import atanh as atanh
from .ops.elementwise import bitwise_and as bitwise_and
from .ops.elementwise import bitwise_left_shift as bitwise_left_shift
from .ops.elementwise import bitwise_not as bitwise_not
from .ops.elementwise import bitwise_or as bitwise_or
from .ops.elementwise import bitwise_right_shift as bitwise_right_shift
from .ops.elementwise import bitwise_xor as bitwise_xor
from .ops.elementwise import ceil as ceil
from .ops.elementwise import clamp as clamp
from .ops.elementwise import clamp_max as clamp_max
from .ops.elementwise import clamp_min as clamp_min
from .ops.elementwise import clip as clip
from .ops.elementwise import cos as cos
from .ops.elementwise import cosh as cosh
from .ops.elementwise import eq as eq
from .ops.elementwise import exp as exp
from .ops.elementwise import exp2 as exp2
from .ops.elementwise import expm1 as expm1
from .ops.elementwise import fix as fix
from .ops.elementwise import floor as floor
from .ops.elementwise import fmax as fmax
from .ops.elementwise import fmin as fmin
from .ops.elementwise import fmod as fmod
from .ops.elementwise import ge as ge
from .ops.elementwise import greater as greater
from .ops.elementwise import greater_equal as greater_equal
from .ops.elementwise import gt as gt
from .ops.elementwise import hypot as hypot
from .ops.elementwise import isfinite as isfinite
from .ops.elementwise import isinf as isinf
from .ops.elementwise import isnan as isnan
from .ops.elementwise import le as le
from .ops.elementwise import less as less
from .ops.elementwise import less_equal as less_equal
from .ops.elementwise import log as log
from .ops.elementwise import log1p as log1p
from .ops.elementwise import log2 as log2
from .ops.elementwise import log10 as log10
from .ops.elementwise import logaddexp as logaddexp
from .ops.elementwise import logical_and as logical_and
from .ops.elementwise import logical_not as logical_not
from .ops.elementwise import logical_or as logical_or
from .ops.elementwise import logical_xor as logical_xor
from .ops.elementwise import logit as logit
from .ops.elementwise import lt as lt
from .ops.elementwise import maximum as maximum
from .ops.elementwise import minimum as minimum
from .ops.elementwise import mul as mul
from .ops.elementwise import multiply as multiply
from .ops.elementwise import nan_to_num as nan_to_num
from .ops.elementwise import ne as ne
from .ops.elementwise import neg as neg
from .ops.elementwise import negative as negative
from .ops.elementwise import not_equal as not_equal
from .ops.elementwise import positive as positive
from .ops.elementwise import pow as pow
from .ops.elementwise import reciprocal as reciprocal
from .ops.elementwise import relu as relu
from .ops.elementwise import remainder as remainder
from .ops.elementwise import round as round
from .ops.elementwise import rsqrt as rsqrt
from .ops.elementwise import sign as sign
from .ops.elementwise import sin as sin
from .ops.elementwise import sinh as sinh
from .ops.elementwise import sqrt as sqrt
from .ops.elementwise import square as square
from .ops.elementwise import tan as tan
from .ops.elementwise import tanh as tanh
from .ops.elementwise import trunc as trunc
from .ops.extremes import amax as amax
from .ops.extremes import amin as amin
from .ops.extremes import argmax as argmax
from .ops.extremes import argmin as argmin
from .ops.extremes import max as max
from .ops.extremes import min as min
from .ops.fused import log_softmax as log_softmax
from .ops.fused import sigmoid as sigmoid
from .ops.fused import softmax as softmax
from .ops.gathering import gather as gather
from .ops.gathering import index_add as index_add
from .ops.gathering import index_copy as index_copy
from .ops.gathering import index_fill as index_fill
from .ops.gathering import index_select as index_select
from .ops.gathering import narrow as narrow
from .ops.gathering import scatter as scatter
from .ops.gathering import scatter_add as scatter_add
from .ops.gathering import select as select
from .ops.gathering import take as take
from .ops.gathering import take_along_dim as take_along_dim
from .ops.indexing import index_put as index_put
from .ops.joining import broadcast_tensors as broadcast_tensors
from .ops.joining import cat as cat
from .ops.joining import chunk as chunk
from .ops.joining import concat as concat
from .ops.joining import concatenate as concatenate
from .ops.joining import hstack as hstack
from .ops.joining import meshgrid as meshgrid
from .ops.joining import split as split
from .ops.joining import split_with_sizes as split_with_sizes
from .ops.joining import stack as stack
from .ops.joining import tensor_split as tensor_split
from .ops.joining import unbind as unbind
from .ops.joining import vstack as vstack
from .ops.linalg import addbmm as addbmm
from .ops.linalg import addmm as addmm
from .ops.linalg import addmv as addmv
from .ops.linalg import baddbmm as baddbmm
from .ops.linalg import bmm as bmm
from .ops.linalg import dot as dot
from .ops.linalg import ger as ger
from .ops.linalg import inner as inner
from .ops.linalg import kron as kron
from .ops.linalg import matmul as matmul
from .ops.linalg import mm as mm
from .ops.linalg import mv as mv
from .ops.linalg import outer as outer
from .ops.linalg import vdot as vdot
from .ops.masking import argwhere as argwhere
from .ops.masking import masked_fill as masked_fill
from .ops.masking import masked_select as masked_select
from .ops.masking import nonzero as nonzero
from .ops.masking import where as where
from .ops.norms import norm as norm
from .ops.random import Generator as Generator
from .ops.random import bernoulli as bernoulli
from .ops.random import default_generator as default_generator
from .ops.random import get_rng_state as get_rng_state
from .ops.random import initial_seed as initial_seed
from .ops.random import manual_seed as manual_seed
from .ops.random import multinomial as multinomial
from .ops.random import seed as seed
from .ops.random import set_rng_state as set_rng_state
from .ops.reduction import all as all
from .ops.reduction import any as any
from .ops.reduction import count_nonzero as count_nonzero
from .ops.reduction import logsumexp as logsumexp
from .ops.reduction import mean as mean
from .ops.reduction import nanmean as nanmean
from .ops.reduction import nansum as nansum
from .ops.reduction import std as std
from .ops.reduction import std_mean as std_mean
from .ops.reduction import sum as sum
from .ops.reduction import var as var
from .ops.reduction import var_mean as var_mean
from .ops.scan import cumprod as cumprod
from .ops.scan import cumsum as cumsum
from .ops.scan import prod as prod
from .ops.shape import atleast_1d as atleast_1d
from .ops.shape import atleast_2d as atleast_2d
from .ops.shape import atleast_3d as atleast_3d
from .ops.shape import broadcast_to as broadcast_to
from .ops.shape import clone as clone
from .ops.shape import flatten as flatten
from .ops.shape import moveaxis as moveaxis
from .ops.shape import movedim as movedim
from .ops.shape import permute as permute
from .ops.shape import ravel as ravel
from .ops.shape import reshape as reshape
from .ops.shape import squeeze as squeeze
from .ops.shape import swapaxes as swapaxes
from .ops.shape import swapdims as swapdims
from .ops.shape import t as t
from .ops.shape import transpose as transpose
from .ops.shape import unflatten as unflatten
from .ops.shape import unsqueeze as unsqueeze
from .ops.sorting import argsort as argsort
from .ops.sorting import bucketize as bucketize
from .ops.sorting import kthvalue as kthvalue
from .ops.sorting import median as median
from .ops.sorting import mode as mode
from .ops.sorting import msort as msort
from .ops.sorting import searchsorted as searchsorted
from .ops.sorting import sort as sort
from .ops.sorting import topk as topk
from .ops.sorting import unique as unique
from .ops.sorting import unique_consecutive as unique_consecutive
from .ops.special import erf as erf
from .ops.special import erfc as erfc
from .ops.special import erfinv as erfinv
from .printing import set_printoptions as set_printoptions
from .random import normal as normal
from .random import rand as rand
from .random import rand_like as rand_like
from .random import randint as randint
from .random import randint_like as randint_like
from .random import randn as randn
from .random import randn_like as randn_like
from .random import randperm as randperm
from .tensor import Size as Size
from .tensor import Tensor as Tensor
from .tensor import broadcast_shapes as broadcast_shapes
from .tensor import is_complex as is_complex
from .tensor import is_floating_point as is_floating_point
from .tensor import is_nonzero as is_nonzero
from .tensor import numel as numel

if _TYPE_CHECKING:
    from . import backends as backends
    from . import compiler as compiler
    from . import func as func
    from . import nn as nn
    from . import optim as optim
    from . import serialization as serialization
    from . import testing as testing
    from . import utils as utils
    from .blas import get_num_threads as get_num_threads
    from .blas import set_num_threads as set_num_threads
    from .compiler import compile as compile
    from .legacy import BoolTensor as BoolTensor
    from .legacy import ByteTensor as ByteTensor
    from .legacy import CharTensor as CharTensor
    from .legacy import DoubleTensor as DoubleTensor
    from .legacy import FloatTensor as FloatTensor
    from .legacy import HalfTensor as HalfTensor
    from .legacy import IntTensor as IntTensor
    from .legacy import LongTensor as LongTensor
    from .legacy import ShortTensor as ShortTensor
    from .nn.functional import adaptive_avg_pool1d as adaptive_avg_pool1d
    from .nn.functional import avg_pool1d as avg_pool1d
    from .nn.functional import bilinear as bilinear
    from .nn.functional import celu as celu
    from .nn.functional import celu_ as celu_
    from .nn.functional import channel_shuffle as channel_shuffle
    from .nn.functional import conv1d as conv1d
    from .nn.functional import conv2d as conv2d
    from .nn.functional import conv3d as conv3d
    from .nn.functional import conv_transpose1d as conv_transpose1d
    from .nn.functional import conv_transpose2d as conv_transpose2d
    from .nn.functional import conv_transpose3d as conv_transpose3d
    from .nn.functional import cosine_similarity as cosine_similarity
    from .nn.functional import hardshrink as hardshrink
    from .nn.functional import max_pool1d as max_pool1d
    from .nn.functional import max_pool2d as max_pool2d
    from .nn.functional import max_pool3d as max_pool3d
    from .nn.functional import pairwise_distance as pairwise_distance
    from .nn.functional import pdist as pdist
    from .nn.functional import pixel_shuffle as pixel_shuffle
    from .nn.functional import pixel_unshuffle as pixel_unshuffle
    from .nn.functional import prelu as prelu
    from .nn.functional import relu_ as relu_
    from .nn.functional import rms_norm as rms_norm
    from .nn.functional import rrelu as rrelu
    from .nn.functional import rrelu_ as rrelu_
    from .nn.functional import selu as selu
    from .nn.functional import selu_ as selu_
    from .nn.functional import threshold as threshold
    from .nn.functional import threshold_ as threshold_
    from .serialization import load as load
    from .serialization import save as save

__version__ = "0.1.0"
newaxis = None

# Loaded when first asked for, by the attribute or by an import: they would double the time that `import tinygrad_reg` takes.
_ON_FIRST_USE = {name: f".{name}" for name in ("backends", "compiler", "func", "nn", "optim", "serialization", "testing", "utils")}
_ON_FIRST_USE |= {"compile": ".compiler", "load": ".serialization", "save": ".serialization"}
_ON_FIRST_USE |= {f"{kind}Tensor": ".legacy" for kind in ("Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")}
_ON_FIRST_USE |= {"get_num_threads": ".blas", "set_num_threads": ".blas"}
_ON_FIRST_USE |= dict.fromkeys(  # those of nn.functional that PyTorch shows at the top, too
    (
        "adaptive_avg_pool1d",
        "avg_pool1d",
        "bilinear",
        "celu",
        "celu_",
        "channel_shuffle",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "cosine_similarity",
        "hardshrink",
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "pairwise_distance",
        "pdist",
        "pixel_shuffle",
        "pixel_unshuffle",
        "prelu",
        "relu_",
        "rms_norm",
        "rrelu",
        "rrelu_",
        "selu",
        "selu_",
        "threshold",
        "threshold_",
    ),
    ".nn.functional",
)


_refuse = _refusing("")


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        return _refuse(name)
    module = _import_module(_ON_FIRST_USE[name], __name__)
    return module if module.__name__.endswith("." + name) else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE})


_check_registry()
_keep_freed_memory()
