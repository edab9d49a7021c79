"""The nodes of the computation graph, in PyTorch's `torch.autograd.graph` style."""

from typing import TYPE_CHECKING

from ..absent import refusing
from ..engine.node import Node as Node

__all__ = ["Node"]

if not TYPE_CHECKING:
    __getattr__ = refusing("autograd.graph")
