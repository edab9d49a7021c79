"""torch.special's names for functions that are defined in ops/."""

from .ops.elementwise import exp2, expm1, log1p, logit, round
from .ops.fused import log_softmax, softmax
from .ops.fused import sigmoid as expit
from .ops.reduction import logsumexp
from .ops.special import erf, erfc, erfinv
from .ops.special import normal_cdf as ndtr

__all__ = ["erf", "erfc", "erfinv", "exp2", "expit", "expm1", "log1p", "log_softmax", "logit", "logsumexp", "ndtr", "round", "softmax"]
