"""torch.utils' names, and logs of training."""

from . import checkpoint as checkpoint
from . import data as data
from . import dlpack as dlpack
from . import tensorboard as tensorboard
from .json_lines import JsonLinesWriter as JsonLinesWriter
from .json_lines import read_json_lines as read_json_lines
from .progress import progress as progress
