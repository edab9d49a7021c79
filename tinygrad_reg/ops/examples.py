"""Examples of the rows of the table of elementwise functions, which have no room for them; each becomes part of its docstring."""

EXAMPLES = {
    "abs": """
>>> x = tg.tensor([-2.0, 0.0, 3.0], requires_grad=True)
>>> tg.autograd.grad(tg.abs(x).sum(), x)
(tensor([-1.,  0.,  1.]),)
""",
    "acos": """
>>> tg.acos(tg.tensor([-1.0, 0.0, 1.0]))
tensor([3.1416, 1.5708, 0.0000])
""",
    "acosh": """
>>> tg.acosh(tg.tensor([1.0, 2.0]))
tensor([0.0000, 1.3170])
""",
    "asin": """
>>> tg.asin(tg.tensor([-1.0, 0.0, 1.0]))
tensor([-1.5708,  0.0000,  1.5708])
""",
    "asinh": """
>>> tg.asinh(tg.tensor([0.0, 2.0]))
tensor([0.0000, 1.4436])
""",
    "atan": """
>>> tg.atan(tg.tensor([0.0, 1.0, tg.inf]))
tensor([0.0000, 0.7854, 1.5708])
""",
    "atan2": """
>>> tg.atan2(tg.tensor([1.0, 1.0]), tg.tensor([1.0, -1.0]))
tensor([0.7854, 2.3562])
""",
    "atanh": """
>>> tg.atanh(tg.tensor([0.0, 0.5, 1.0]))
tensor([0.0000, 0.5493,    inf])
""",
    "bitwise_and": """
>>> tg.bitwise_and(tg.tensor([12, 10]), 6)
tensor([4, 2])
""",
    "bitwise_or": """
>>> tg.bitwise_or(tg.tensor([12, 10]), 6)
tensor([14, 14])
""",
    "bitwise_xor": """
>>> tg.bitwise_xor(tg.tensor([12, 10]), 6)
tensor([10, 12])
""",
    "bitwise_left_shift": """
>>> tg.bitwise_left_shift(tg.tensor([1, 3]), tg.tensor([4, 1]))
tensor([16,  6])
""",
    "bitwise_right_shift": """
>>> tg.bitwise_right_shift(tg.tensor([20, -1]), 2)
tensor([ 5, -1])
""",
    "bitwise_not": """
>>> tg.bitwise_not(tg.tensor([0, 5]))
tensor([-1, -6])
""",
    "ceil": """
>>> tg.ceil(tg.tensor([-1.5, 0.2, 2.0]))
tensor([-1.,  1.,  2.])
""",
    "cos": """
>>> tg.cos(tg.tensor([0.0, 1.0, 3.0]))
tensor([ 1.0000,  0.5403, -0.9900])
""",
    "cosh": """
>>> tg.cosh(tg.tensor([0.0, 1.0]))
tensor([1.0000, 1.5431])
""",
    "eq": """
>>> tg.eq(tg.tensor([1.0, tg.nan]), tg.tensor([1.0, tg.nan]))
tensor([ True, False])
""",
    "exp": """
>>> tg.exp(tg.tensor([-tg.inf, 0.0, 1.0]))
tensor([0.0000, 1.0000, 2.7183])
""",
    "exp2": """
>>> tg.exp2(tg.tensor([-1.0, 3.0]))
tensor([0.5000, 8.0000])
""",
    "expm1": """
>>> tg.expm1(tg.tensor([0.0, 1e-9]))
tensor([0.0000e+00, 1.0000e-09])
""",
    "floor": """
>>> tg.floor(tg.tensor([-1.5, 0.2, 2.0]))
tensor([-2.,  0.,  2.])
""",
    "fmax": """
>>> tg.fmax(tg.tensor([1.0, tg.nan]), tg.tensor([3.0, 2.0]))
tensor([3., 2.])
""",
    "fmin": """
>>> tg.fmin(tg.tensor([1.0, tg.nan]), tg.tensor([3.0, 2.0]))
tensor([1., 2.])
""",
    "fmod": """
>>> tg.fmod(tg.tensor([-3.0, 3.0]), 2)
tensor([-1.,  1.])
""",
    "ge": """
>>> tg.ge(tg.tensor([1, 2, 3]), 2)
tensor([False,  True,  True])
""",
    "gt": """
>>> tg.gt(tg.tensor([1, 2, 3]), 2)
tensor([False, False,  True])
""",
    "hypot": """
>>> tg.hypot(tg.tensor([3.0]), tg.tensor([4.0]))
tensor([5.])
""",
    "isfinite": """
>>> tg.isfinite(tg.tensor([1.0, tg.inf, tg.nan]))
tensor([ True, False, False])
""",
    "isinf": """
>>> tg.isinf(tg.tensor([1.0, -tg.inf, tg.nan]))
tensor([False,  True, False])
""",
    "isnan": """
>>> tg.isnan(tg.tensor([1.0, -tg.inf, tg.nan]))
tensor([False, False,  True])
""",
    "le": """
>>> tg.le(tg.tensor([1, 2, 3]), 2)
tensor([ True,  True, False])
""",
    "lt": """
>>> tg.lt(tg.tensor([1, 2, 3]), 2)
tensor([ True, False, False])
""",
    "log": """
>>> tg.log(tg.tensor([0.0, 1.0, 2.0]))
tensor([  -inf, 0.0000, 0.6931])
""",
    "log10": """
>>> tg.log10(tg.tensor([1.0, 50.0]))
tensor([0.0000, 1.6990])
""",
    "log1p": """
>>> tg.log1p(tg.tensor([0.0, 1e-9]))
tensor([0.0000e+00, 1.0000e-09])
""",
    "log2": """
>>> tg.log2(tg.tensor([0.5, 8.0]))
tensor([-1.,  3.])
""",
    "logaddexp": """
>>> tg.logaddexp(tg.tensor([100.0]), tg.tensor([100.0]))
tensor([100.6931])
""",
    "logical_and": """
>>> tg.logical_and(tg.tensor([0, 1, 2]), tg.tensor([1, 1, 0]))
tensor([False,  True, False])
""",
    "logical_or": """
>>> tg.logical_or(tg.tensor([0, 1, 2]), tg.tensor([0, 1, 0]))
tensor([False,  True,  True])
""",
    "logical_xor": """
>>> tg.logical_xor(tg.tensor([0, 1, 2]), tg.tensor([0, 1, 0]))
tensor([False, False,  True])
""",
    "logical_not": """
>>> tg.logical_not(tg.tensor([0.0, 0.5]))
tensor([ True, False])
""",
    "maximum": """
>>> x, y = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([1.0, 0.0])
>>> tg.autograd.grad(tg.maximum(x, y).sum(), x)
(tensor([0.5000, 1.0000]),)
""",
    "minimum": """
>>> x, y = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([1.0, 0.0])
>>> tg.autograd.grad(tg.minimum(x, y).sum(), x)
(tensor([0.5000, 0.0000]),)
""",
    "mul": """
>>> tg.mul(tg.tensor([1.0, 2.0]), tg.tensor([[10.0], [20.0]]))
tensor([[10., 20.],
        [20., 40.]])
""",
    "ne": """
>>> tg.ne(tg.tensor([1.0, tg.nan]), tg.tensor([1.0, tg.nan]))
tensor([False,  True])
""",
    "neg": """
>>> tg.neg(tg.tensor([1.0, -2.0]))
tensor([-1.,  2.])
""",
    "reciprocal": """
>>> tg.reciprocal(tg.tensor([4.0, 0.0]))
tensor([0.2500,    inf])
""",
    "remainder": """
>>> tg.remainder(tg.tensor([-3.0, 3.0]), 2)
tensor([1., 1.])
""",
    "sin": """
>>> x = tg.tensor(0.0, requires_grad=True)
>>> tg.autograd.grad(tg.sin(x), x)
(tensor(1.),)
""",
    "sinh": """
>>> tg.sinh(tg.tensor([0.0, 1.0]))
tensor([0.0000, 1.1752])
""",
    "sqrt": """
>>> x = tg.tensor([4.0, 0.0], requires_grad=True)
>>> tg.autograd.grad(tg.sqrt(x).sum(), x)
(tensor([0.2500,    inf]),)
""",
    "square": """
>>> tg.square(tg.tensor([-3.0, 2.0]))
tensor([9., 4.])
""",
    "tan": """
>>> tg.tan(tg.tensor([0.0, 1.0]))
tensor([0.0000, 1.5574])
""",
    "tanh": """
>>> tg.tanh(tg.tensor([-1.0, 0.0, 100.0]))
tensor([-0.7616,  0.0000,  1.0000])
""",
    "trunc": """
>>> tg.trunc(tg.tensor([-1.5, 0.2, 2.0]))
tensor([-1.,  0.,  2.])
""",
    "relu": """
>>> x = tg.tensor([-1.0, 0.0, 2.0], requires_grad=True)
>>> tg.autograd.grad(tg.relu(x).sum(), x)
(tensor([0., 0., 1.]),)
""",
    "rsqrt": """
>>> tg.rsqrt(tg.tensor([4.0, 0.25]))
tensor([0.5000, 2.0000])
""",
    "sign": """
>>> tg.sign(tg.tensor([-3.0, 0.0, 0.5]))
tensor([-1.,  0.,  1.])
""",
    "erf": """
>>> tg.special.erf(tg.tensor([0.0, 0.5, 4.0]))
tensor([0.0000, 0.5205, 1.0000])
""",
    "erfc": """
>>> tg.special.erfc(tg.tensor(10.0, dtype=tg.float64))
tensor(2.0885e-45, dtype=float64)
""",
    "erfinv": """
>>> tg.special.erfinv(tg.tensor([0.0, 0.5, 1.0]))
tensor([0.0000, 0.4769,    inf])
""",
    "normal_cdf": """
>>> tg.special.ndtr(tg.tensor([0.0, 1.96]))
tensor([0.5000, 0.9750])
""",
    "log_sigmoid": """
>>> tg.nn.functional.logsigmoid(tg.tensor([0.0, -1000.0]))
tensor([-6.9315e-01, -1.0000e+03])
""",
    "sigmoid": """
>>> tg.sigmoid(tg.tensor([-1000.0, 0.0, 2.0]))
tensor([0.0000, 0.5000, 0.8808])
""",
}


def documented(name: str, doc: str) -> str:
    """The docstring of a row of the table."""
    return f"{doc}\n\n{EXAMPLES[name].strip()}" if name in EXAMPLES else doc
