"""Products of many matrices, one of whose factors is a copy that is made matrix by matrix, just before each is used.

So the windows of a convolution are held for one sample at a time, in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...program import Var, row_major
from .kernels import Join, Kernel, Kernels, Product
from .layout import Layout
from .memory import Ref, Storage, view
from .products import ProductText
from .text import at, loops
from .threads import Division


class Itemwise(Kernel):
    """A copy, and the product that alone reads it."""


class ItemwiseText:
    """Both, laid out: there is memory for one matrix of the copy."""

    def __init__(self, kernel: Itemwise, layout: Layout) -> None:
        copy, product = kernel.equations
        [var] = copy.outputs
        self.source = layout.ref(copy.inputs[0])
        item = layout.place(var, _one_item(var))
        self.target = Ref(item.storage, item.offset, self.source.shape, (item.strides[0], *row_major(self.source.shape[1:], 1)))
        self.product = ProductText(product, layout)
        self.touched = [self.source.storage, *self.product.touched]

    def text(self) -> Iterator[str]:
        """The product's loop over its matrices, which begins with a copy."""
        yield from self.product.text(self._copy())

    def division(self) -> Division | None:
        """Matrices for threads to share, each with memory of its own for the copy; None if that does not pay."""
        found = self.product.division(self._copy())
        return None if found is None else found._replace(own=(*found.own, self.target.storage))

    def _copy(self) -> list[str]:
        indices = [f"i{d}" for d in range(len(self.source.shape))]
        sizes = list(zip(indices, self.source.shape, strict=True))
        return list(loops(sizes[1:], [f"{at(self.target, indices)} = {at(self.source, indices)};"]))


def itemwise(kernels: Kernels) -> Iterator[Kernel]:
    """The kernels in their order, with each such copy and the product that follows it as one."""
    waiting = list(reversed(kernels.list))
    while waiting:
        kernel = waiting.pop()
        if isinstance(kernel, Join) and waiting and _goes_with(kernel, waiting[-1], kernels):
            kernel = Itemwise(*kernel.equations, *waiting.pop().equations)
        yield kernel


def _goes_with(copy: Join, product: Kernel, kernels: Kernels) -> bool:
    """Whether the copy has a matrix for every one of the product's, and nothing else reads it."""
    [equation] = copy.equations
    [var] = equation.outputs
    if not isinstance(product, Product) or len(equation.inputs) != 1 or len(var.shape) != 3:
        return False
    [out], [source] = product.equations[0].outputs, equation.inputs
    readers = [kernel for kernel in kernels.list if any(need.base is var for need in kernels.readings(kernel))]
    factors = [x for x in product.equations[0].inputs if kernels.views.base(x) is var]
    if readers != [product] or var in kernels.ends or len(factors) != 1:
        return False
    items = {source.shape[:1], var.shape[:1], out.shape[:1], factors[0].shape[:1]}
    return len(items) == 1 and var.shape[0] > 1 and len(out.shape) == 3 and _keeps_items(factors[0], var, kernels)


def _keeps_items(x: Var, var: Var, kernels: Kernels) -> bool:
    """Whether x is var, or a view of it that leaves its first dimension alone."""
    if x is var:
        return True
    equation = kernels.views.made_by[x]
    assert var.dtype is not None
    seen = view(Ref(Storage(var.dtype, 0, ""), 0, var.shape, _one_item(var)), equation) if equation.inputs[0] is var else None
    return seen is not None and seen.strides[0] == 0


def _one_item(var: Var) -> tuple[int, ...]:
    """Strides of which every item is in the same memory."""
    return 0, *row_major(var.shape[1:], 1)
