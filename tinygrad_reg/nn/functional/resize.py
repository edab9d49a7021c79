"""Images of another size."""

from ...ops.resize import interpolate as interpolate
from ...ops.resize import pixel_shuffle as pixel_shuffle
from ...ops.resize import pixel_unshuffle as pixel_unshuffle
