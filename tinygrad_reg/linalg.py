"""Linear algebra, by the names of `torch.linalg`."""

from .ops.decompositions import svdvals as svdvals
from .ops.linalg import matmul as matmul
from .ops.norms import linalg_norm as norm
from .ops.norms import matrix_norm as matrix_norm
from .ops.norms import multi_dot as multi_dot
from .ops.norms import vecdot as vecdot
from .ops.norms import vector_norm as vector_norm

__all__ = ["matmul", "matrix_norm", "multi_dot", "norm", "svdvals", "vecdot", "vector_norm"]
