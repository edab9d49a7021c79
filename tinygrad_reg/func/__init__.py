"""Functions of functions, in the style of `torch.func`: derivatives of pure functions, and modules as functions of their parameters."""

from typing import TYPE_CHECKING

from ..absent import refusing
from .call import functional_call as functional_call
from .transforms import grad as grad
from .transforms import grad_and_value as grad_and_value
from .transforms import hessian as hessian
from .transforms import jacfwd as jacfwd
from .transforms import jacrev as jacrev
from .transforms import vjp as vjp

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "vjp"]

if not TYPE_CHECKING:
    __getattr__ = refusing("func")
