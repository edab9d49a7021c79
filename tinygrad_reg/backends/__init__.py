"""The switches of other machines' libraries, under PyTorch's names: they may be set and change nothing."""

from . import cudnn as cudnn
from . import mps as mps
