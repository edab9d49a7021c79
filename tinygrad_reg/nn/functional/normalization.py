"""Normalizations by PyTorch's names."""

from ...ops.fused import layer_norm as layer_norm
from ...ops.normalization import batch_norm as batch_norm
from ...ops.normalization import group_norm as group_norm
from ...ops.normalization import instance_norm as instance_norm
from ...ops.normalization import normalize as normalize
from ...ops.normalization import rms_norm as rms_norm
