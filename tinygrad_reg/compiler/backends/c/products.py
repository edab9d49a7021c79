"""Matrix products by a kernel of registers, and by BLAS where a long inner size makes its packing worth while.

The kernel holds a tile of the result, up to 8 rows and 3 vectors wide, in registers while it runs along the inner size: each
step takes a few vectors of the right matrix and one element of the left for every row (Goto and van de Geijn, "Anatomy of
High-Performance Matrix Multiplication", 2008, section 4, without the packing that only large matrices pay back). Rows of the
right matrix that are not contiguous, and the rest that fills no vector, are packed first, with zeros to the full width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

from ....blas import integer
from ...program import Equation
from . import threads
from .expressions import c_type, suffix
from .layout import Layout
from .memory import Ref, Storage
from .text import loops, place

ROWS = 8  # of a tile
LARGE, DEEP = 16_000_000, 1024  # so many multiplications, with such an inner size, and BLAS is faster: it packs both factors

_BLAS = r"""
/* Large products go to BLAS if the caller has named its function. */
typedef void (*gemm_@S@)(int, int, int, @I@, @I@, @I@, @T@, const @T@ *, @I@, const @T@ *, @I@, @T@, @T@ *, @I@);
static gemm_@S@ blas_@S@;
void use_blas_@S@(gemm_@S@ function) { blas_@S@ = function; }
"""

KERNEL = r"""
#define TG_ROWS @ROWS@
#define TG_VECTORS 3
#if defined(__AVX512F__)
#define TG_BYTES 64
#elif defined(__AVX__)
#define TG_BYTES 32
#else
#define TG_BYTES 16
#endif
#define TG_INLINE static inline __attribute__((always_inline))
/* products may be rounded once with their sum */
#pragma GCC push_options
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")
#endif
""".replace("@ROWS@", str(ROWS))

TYPED = r"""
typedef @T@ vector_@S@ __attribute__((vector_size(TG_BYTES)));
typedef @B@ bits_@S@ __attribute__((vector_size(TG_BYTES)));
enum { WIDTH_@S@ = TG_BYTES / sizeof(@T@) };

TG_INLINE void tile_@S@(int rows, int vectors, long k, const @T@ *a, long ai, long ak,
    const @T@ *b, long bk, @T@ *c, long ci, long cj, long n) {
    vector_@S@ total[TG_ROWS][TG_VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; ++v) total[i][v] = (vector_@S@){0};
    for (long p = 0; p < k; ++p) {
        vector_@S@ row[TG_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; ++v) memcpy(&row[v], b + p * bk + v * WIDTH_@S@, TG_BYTES);
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i) {
            const @T@ x = a[i * ai + p * ak];
#pragma GCC unroll 3
            for (int v = 0; v < vectors; ++v) total[i][v] += x * row[v];
        }
    }
    if (cj == 1 && n >= vectors * WIDTH_@S@) {
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
            for (int v = 0; v < vectors; ++v) memcpy(c + i * ci + v * WIDTH_@S@, &total[i][v], TG_BYTES);
    } else {
        @T@ out[TG_ROWS][TG_VECTORS * WIDTH_@S@];
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
            for (int v = 0; v < vectors; ++v) memcpy(&out[i][v * WIDTH_@S@], &total[i][v], TG_BYTES);
        for (int i = 0; i < rows; ++i)
            for (long j = 0; j < n && j < vectors * WIDTH_@S@; ++j) c[i * ci + j * cj] = out[i][j];
    }
}

TG_INLINE void panel_@S@(int vectors, long m, long k, const @T@ *a, long ai, long ak,
    const @T@ *b, long bk, @T@ *c, long ci, long cj, long n) {
    long i = 0;
    for (; i + TG_ROWS <= m; i += TG_ROWS) tile_@S@(TG_ROWS, vectors, k, a + i * ai, ai, ak, b, bk, c + i * ci, ci, cj, n);
    a += i * ai;
    c += i * ci;
    switch (m - i) {
@REST@
    }
}

TG_INLINE @T@ sum_@S@(vector_@S@ x) {
    @T@ lanes[16 / sizeof(@T@)];
    typedef @T@ quarter __attribute__((vector_size(16)));
    quarter part[TG_BYTES / 16];
    memcpy(part, &x, TG_BYTES);
#pragma GCC unroll 2
    for (int half = TG_BYTES / 32; half; half /= 2)
#pragma GCC unroll 2
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    memcpy(lanes, part, 16);
    return sizeof(@T@) == 4 ? (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) : lanes[0] + lanes[1];
}

TG_INLINE vector_@S@ part_@S@(const @T@ *x, bits_@S@ kept) {
    vector_@S@ all;
    memcpy(&all, x, TG_BYTES);
    return (vector_@S@)((bits_@S@)all & kept);
}

TG_INLINE void dots_@S@(int rows, int columns, long k, bits_@S@ kept, const @T@ *a, long ai, const @T@ *b, long bj,
    @T@ *c, long ci, long cj) {
    vector_@S@ total[6][4];
    const bits_@S@ all = ~(bits_@S@){0};
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < columns; ++j) total[i][j] = (vector_@S@){0};
    for (long p = 0; p < k; p += WIDTH_@S@) {
        const int last = p + WIDTH_@S@ > k; /* the last WIDTH elements, without those that were taken already */
        const long at = last ? k - WIDTH_@S@ : p;
        const bits_@S@ taken = last ? kept : all;
        vector_@S@ column[4];
#pragma GCC unroll 4
        for (int j = 0; j < columns; ++j) column[j] = part_@S@(b + j * bj + at, taken);
#pragma GCC unroll 6
        for (int i = 0; i < rows; ++i) {
            const vector_@S@ row = part_@S@(a + i * ai + at, taken);
#pragma GCC unroll 4
            for (int j = 0; j < columns; ++j) total[i][j] += row * column[j];
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < columns; ++j) c[i * ci + j * cj] = sum_@S@(total[i][j]);
}

/* The product where a row of a and a column of b are contiguous, and no shorter than a vector. */
static void dot_product_@S@(long m, long n, long k, const @T@ *a, long ai, const @T@ *b, long bj, @T@ *c, long ci, long cj) {
    bits_@S@ kept;
    for (int l = 0; l < WIDTH_@S@; ++l) kept[l] = -(l >= WIDTH_@S@ - k % WIDTH_@S@);
    for (long i = 0, rows; i < m; i += rows) {
        rows = m - i <= 6 ? m - i : 4;
        for (long j = 0, columns; j < n; j += columns) {
            const @T@ *x = a + i * ai, *y = b + j * bj;
            @T@ *z = c + i * ci + j * cj;
            columns = n - j >= 4 ? 4 : 1;
            switch (columns == 4 ? rows : -rows) {
@DOTS@
            }
        }
    }
}

/* c[i, j] = sum over p of a[i, p] b[p, j]; all strides in elements; packed: room for 3 vectors times k. */
static void product_@S@(long m, long n, long k, const @T@ *a, long ai, long ak,
    const @T@ *b, long bk, long bj, @T@ *c, long ci, long cj, @T@ *packed) {
    for (long j = 0; j < n;) {
        const long left = (n - j + WIDTH_@S@ - 1) / WIDTH_@S@;
        const int vectors = left == 2 || left == 4 ? 2 : left >= 3 ? 3 : 1;
        const long width = vectors * WIDTH_@S@, there = n - j < width ? n - j : width;
        const @T@ *from = b + j * bj;
        long step = bk;
        if (bj != 1 || there < width) {
            for (long p = 0; p < k; ++p) {
                for (long q = 0; q < there; ++q) packed[p * width + q] = from[p * bk + q * bj];
                for (long q = there; q < width; ++q) packed[p * width + q] = 0;
            }
            from = packed;
            step = width;
        }
        if (vectors == 3) panel_@S@(3, m, k, a, ai, ak, from, step, c + j * cj, ci, cj, there);
        else if (vectors == 2) panel_@S@(2, m, k, a, ai, ak, from, step, c + j * cj, ci, cj, there);
        else panel_@S@(1, m, k, a, ai, ak, from, step, c + j * cj, ci, cj, there);
        j += width;
    }
}
"""


#: The rows that are left over, in one tile.
_REST = "\n".join(f"    case {i}: tile_@S@({i}, vectors, k, a, ai, ak, b, bk, c, ci, cj, n); break;" for i in range(1, ROWS))

#: The elements of a few rows and columns.
_DOTS = "\n".join(
    f"            case {sign}{i}: dots_@S@({i}, {columns}, k, kept, x, ai, y, bj, z, ci, cj); break;"
    for sign, columns in (("", 4), ("-", 1))
    for i in range(1, 7)
)


def text(dtypes: Iterable[Any]) -> str:
    """The functions for products of these dtypes."""

    def filled(template: str, dtype: Any) -> str:
        bits = f"int{8 * dtype.itemsize}_t"
        marks = {"REST": _REST, "DOTS": _DOTS, "T": c_type(dtype), "B": bits, "S": suffix(dtype), "I": integer()}
        for mark, stands_for in marks.items():
            template = template.replace(f"@{mark}@", stands_for)
        return template

    ordered = sorted(dtypes, key=suffix)
    kernels = "".join([filled(TYPED, dtype) for dtype in ordered])
    return "".join([KERNEL, kernels, "#pragma GCC pop_options\n", *(filled(_BLAS, dtype) for dtype in ordered)]) if ordered else ""


class ProductText:
    """A product, laid out."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        [out] = equation.outputs
        x, y = equation.inputs
        assert out.dtype is not None
        self.dtype = out.dtype
        batch, (m, n) = out.shape[:-2], out.shape[-2:]
        k: int = x.shape[-1]
        self.left = layout.ref(x).broadcast((*batch, m, k))
        self.right = layout.ref(y).broadcast((*batch, k, n))
        self.sizes = m, n, k
        self.batch = batch
        self.out = layout.place(out, _strides(out.shape, n < m and n < 16))
        self._width = 64 // self.dtype.itemsize  # elements of the widest vector
        self._as_dots, *self._matrices = self._form()
        self._packed = layout.scratch(self.dtype, k * 3 * self._width, f"{layout.names[out]}_packed")
        self.touched = [self.left.storage, self.right.storage, self.out.storage, *self._packing()]

    @property
    def is_large(self) -> bool:
        """Whether it goes to BLAS, if there is one."""
        return prod(self.sizes) >= LARGE and self.sizes[-1] >= DEEP and bool(self._blas())

    def text(self, before: Sequence[str] = ()) -> Iterator[str]:
        """The call for each matrix of the batch, after some lines."""
        lines = [self._own()]
        if self.is_large:
            lines = [f"if (blas_{suffix(self.dtype)}) {self._blas()}", f"else {lines[0]}"]
        yield from loops(self._turns(), [*before, *lines])

    def division(self, before: Sequence[str] = ()) -> threads.Division | None:
        """Matrices of the batch, or rows or columns of the only one, for threads to share; None if that does not pay."""
        if 2 * prod(self.batch) * prod(self.sizes) * self.dtype.itemsize / 8 < threads.WORTH:
            return None
        if self._turns():
            (first, size), *others = self._turns()
            lines = [f"for (long {first} = begin; {first} < end; ++{first}) {{", *loops(others, [*before, self._own()]), "}"]
            return threads.Division(size, 1, [], lines, self._packing())
        rows, columns = self._matrices[-1].shape[-2:]
        wide = 3 * self._width
        if columns >= 2 * wide:
            return threads.Division(columns, wide, [], [self._own("columns")], self._packing())
        unit = ROWS if self._as_dots else 4 * ROWS  # more rows are packed for less often
        return threads.Division(rows, unit, [], [self._own("rows")], self._packing()) if rows > unit else None

    def _turns(self) -> list[tuple[str, int]]:
        return [(f"i{d}", size) for d, size in enumerate(self.batch) if size != 1]

    def _packing(self) -> tuple[Storage, ...]:
        """Memory of this product alone."""
        return () if self._as_dots else (self._packed,)

    def _at(self, ref: Ref) -> str:
        """Where the matrix of a batch begins."""
        indices = ["0" if size == 1 else f"i{d}" for d, size in enumerate(self.batch)]
        return f"{ref.storage.name} + {place(ref.offset, zip(ref.strides, indices, strict=False))}"

    def _form(self) -> tuple[bool, Ref, Ref, Ref]:
        """Whether elements are taken one by one as products of vectors; the factors and the result, in the form with the fewest steps."""
        a, b, c = self.left, self.right, self.out
        dots, straight, turned = self._cost_as_dots(), self._cost(), self._cost(turned=True)
        if dots is not None and dots < min(straight, turned):
            return True, a, b, c
        return (False, _turned(b), _turned(a), _turned(c)) if turned < straight else (False, a, b, c)

    def _own(self, part: str | None = None) -> str:
        """The call of our kernel, for all or for the "rows" or "columns" from `begin` to `end`."""
        a, b, c = self._matrices
        m, n = ["end - begin" if part == which else str(size) for which, size in zip(("rows", "columns"), c.shape[-2:], strict=True)]
        at_a, at_b, at_c = self._at(a), self._at(b), self._at(c)
        if part == "rows":
            at_a, at_c = (f"{at} + {x.strides[-2]} * begin" for at, x in ((at_a, a), (at_c, c)))
        elif part == "columns":
            at_b, at_c = (f"{at} + {x.strides[-1]} * begin" for at, x in ((at_b, b), (at_c, c)))
        sizes, kind = f"{m}, {n}, {self.sizes[-1]}", suffix(self.dtype)
        if self._as_dots:
            steps = f"{a.strides[-2]}, {at_b}, {b.strides[-1]}, {at_c}, {c.strides[-2]}, {c.strides[-1]}"
            return f"dot_product_{kind}({sizes}, {at_a}, {steps});"
        matrices = ", ".join([f"{at}, {x.strides[-2]}, {x.strides[-1]}" for at, x in ((at_a, a), (at_b, b), (at_c, c))])
        return f"product_{kind}({sizes}, {matrices}, {self._packed.name});"

    def _blas(self) -> str:
        """The call of BLAS; nothing if a matrix has no contiguous dimension."""
        a, b, c = self.left, self.right, self.out
        if c.strides[-1] != 1:
            a, b, c = _turned(b), _turned(a), _turned(c)
        (m, k), n = a.shape[-2:], b.shape[-1]
        forms = [_form(x) for x in (a, b, c)]
        if None in forms or forms[2] != (False, c.strides[-2]):
            return ""
        (a_turned, a_step), (b_turned, b_step), (_, c_step) = [form for form in forms if form]
        turns = f"{112 if a_turned else 111}, {112 if b_turned else 111}"  # CblasTrans, CblasNoTrans
        matrices = f"{self._at(a)}, {a_step}, {self._at(b)}, {b_step}, 0, {self._at(c)}, {c_step}"
        return f"blas_{suffix(self.dtype)}(101, {turns}, {m}, {n}, {k}, 1, {matrices});"

    def _cost(self, turned: bool = False) -> int:
        """About how many steps the kernel takes, packing and storing included; or for the transposed product."""
        m, n, k = self.sizes
        right_step, out_step = self.right.strides[-1], self.out.strides[-1]
        if turned:
            m, n, right_step, out_step = n, m, self.left.strides[-2], self.out.strides[-2]
        packing = k * n * 2 if right_step != 1 else k * min(n, 3 * self._width) if n % self._width else 0
        return m * -(-n // self._width) * k + packing + m * n * (0 if out_step == 1 else 1)

    def _cost_as_dots(self) -> int | None:
        """The same where the elements are taken one by one as products of contiguous vectors; None if they are not contiguous."""
        m, n, k = self.sizes
        contiguous = self.left.strides[-1] == 1 and self.right.strides[-2] == 1 and k >= self._width
        return m * n * (-(-k // self._width) + 5) if contiguous else None


def _form(ref: Ref) -> tuple[bool, int] | None:
    """Whether BLAS has to turn a matrix, and the step between its rows; None if nothing in it is contiguous."""
    (m, n), (row, column) = ref.shape[-2:], ref.strides[-2:]
    if column == 1 and row >= n:
        return False, row
    return (True, column) if row == 1 and column >= m else None


def _turned(ref: Ref) -> Ref:
    (*batch, m, n), (*steps, row, column) = ref.shape, ref.strides
    return ref._replace(shape=(*batch, n, m), strides=(*steps, column, row))


def _strides(shape: tuple[int, ...], turned: bool) -> tuple[int, ...]:
    """Dense strides; of turned matrices the columns are contiguous."""
    order = list(range(len(shape)))
    if turned:
        order[-2:] = order[-1], order[-2]
    strides, step = [0] * len(shape), 1
    for d in reversed(order):
        strides[d] = step
        step *= shape[d]
    return tuple(strides)
