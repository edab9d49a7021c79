"""The largest or the mean element of windows."""

from ...ops.pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from ...ops.pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from ...ops.pooling import adaptive_max_pool1d as adaptive_max_pool1d
from ...ops.pooling import adaptive_max_pool2d as adaptive_max_pool2d
from ...ops.pooling import avg_pool1d as avg_pool1d
from ...ops.pooling import avg_pool2d as avg_pool2d
from ...ops.pooling import max_pool1d as max_pool1d
from ...ops.pooling import max_pool2d as max_pool2d
