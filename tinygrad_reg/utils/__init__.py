"""torch.utils' names."""

from . import dlpack as dlpack
