"""Convolutions, and the windows they see."""

from ...ops.convolution import conv1d as conv1d
from ...ops.convolution import conv2d as conv2d
from ...ops.convolution import conv_transpose1d as conv_transpose1d
from ...ops.convolution import conv_transpose2d as conv_transpose2d
from ...ops.convolution import fold as fold
from ...ops.convolution import unfold as unfold
