"""Tools to check one's own functions, layers and primitives: the ones this package is checked with."""

from ..autograd.checks import GradcheckError as GradcheckError
from ..autograd.checks import gradcheck as gradcheck
from .domains import arrays_for as arrays_for
