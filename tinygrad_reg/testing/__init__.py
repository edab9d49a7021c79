"""Tools to check one's own functions, layers and primitives: the ones this package is checked with."""

from .domains import arrays_for as arrays_for
from .gradcheck import GradcheckError as GradcheckError
from .gradcheck import gradcheck as gradcheck
