"""What is said of a wrong gradient: where, how much, whose fault, and a program that shows it again."""

from __future__ import annotations

import ast
import dataclasses
import linecache
import math
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from ...engine.primitive import Primitive
from ...errors import TinygradRegError
from ...tensor import Tensor
from .blame import Blame, calls_of, find_blame, lost_histories
from .check import Finding, Request, first_wrong
from .subject import Array, is_module

tg: Any = import_module(__name__.partition(".")[0])  # the package itself, under the name that reproducers use
_PRINTED = 64  # elements that are written as numbers in a reproducer


class GradcheckError(TinygradRegError, RuntimeError, AssertionError):
    """An analytic gradient differs from the numeric one.

    It is element `index` of `input`, as it acts on element `output_index` of `output`, in the derivative of order `order`:
    `analytic` by the graph, `numeric` ± `error` by the values, with `sides` from left and right at a kink. `op` is the operation
    whose own derivative is wrong, called at `line`; None if each is right by itself. `reproducer` is a program that shows it again.

    >>> issubclass(tg.testing.GradcheckError, AssertionError)
    True
    """

    order = 1
    input: str | None = None
    output: str | None = None
    index: tuple[int, ...] | None = None
    output_index: tuple[int, ...] | None = None
    analytic = numeric = error = math.nan
    sides: tuple[float, float] | None = None
    op: str | None = None
    line: str | None = None
    reproducer: str | None = None


def _error(finding: Finding, blame: Blame | None, lost: list[str], program: str) -> GradcheckError:
    made, entry = GradcheckError("\n".join(_message(finding, blame, lost, program))), finding.entry
    made.order, made.input, made.index = finding.order, finding.input, finding.place
    made.output, made.output_index = finding.output, finding.output_place
    made.analytic, made.numeric, made.error, made.sides = entry.analytic, entry.numeric, entry.error, entry.sides
    made.reproducer = program
    if blame is not None:
        made.op, made.line = blame.op, blame.call.line
    return made


def check(request: Request, raise_exception: bool = True) -> bool:
    """True if all derivatives are right; otherwise GradcheckError, or False."""
    finding = first_wrong(request)
    if finding is None or not raise_exception:
        return finding is None
    tape, leaves = calls_of(request)
    blame = find_blame(request, tape, finding.order)
    lost = [] if blame is not None else lost_histories(tape, leaves)
    shown = request._replace(orders=(finding.order,))
    if blame is not None and not _name_of(request.f):  # a function without a name cannot be called again, the operation can
        shown = blame.request
    raise _error(finding, blame, lost, reproducer(shown))


def _message(finding: Finding, blame: Blame | None, lost: list[str], program: str) -> Iterator[str]:
    entry = finding.entry
    why = f": {entry.why}" if entry.why else ""
    yield f"gradcheck: the derivative of order {finding.order} with respect to {finding.input} is wrong{why}"
    yield f"  element   {finding.input}{_at(finding.place)}, as it acts on {finding.output}{_at(finding.output_place)}"
    yield f"  analytic  {entry.analytic!r}"
    yield f"  numeric   {entry.numeric!r} ± {entry.error:.2g}"
    if entry.sides is not None:
        yield f"            a kink, with {entry.sides[0]!r} and {entry.sides[1]!r} on its sides; the analytic one is not between"
    yield from _blaming(finding, blame) if blame is not None else _blaming_nobody(lost)
    yield "  to see it again:"
    yield from ("    " + line for line in program.splitlines())


def _blaming(finding: Finding, blame: Blame) -> Iterator[str]:
    first, *others = blame.lines()
    yield f"  to blame  {first}"
    yield from (f"            {line}" for line in others)
    own = blame.finding
    if own.entry != finding.entry:
        where = f"{own.input}{_at(own.place)}, as it acts on {own.output}{_at(own.output_place)}"
        yield f"            by itself: {where}: analytic {own.entry.analytic!r} · numeric {own.entry.numeric!r} ± {own.entry.error:.2g}"


def _blaming_nobody(lost: list[str]) -> Iterator[str]:
    yield "  to blame  no operation: each is right by itself; look for a detach(), a value read as a number, a branch, a hook,"
    yield "            or operations whose kinks meet at this input"
    yield from (f"            a value goes on without its history: {line}" for line in lost)


def _at(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


# ---- the program -------------------------------------------------------------------------------------------------------------


def reproducer(request: Request) -> str:
    """A program that makes the same inputs, bit by bit, and checks the same derivative."""
    imports = [
        "import numpy as np",
        "import tinygrad_reg as tg",
        "from numpy import inf, nan",
        "from tinygrad_reg.testing import gradcheck",
    ]
    f, (rtol, atol) = request.f, request.tolerance
    if isinstance(f, Primitive):
        imports += ["from tinygrad_reg.engine.primitive import PRIMITIVES", *_where_defined(f)]
        lines = [f'f = PRIMITIVES["{f.name}"]']
    elif _name_of(f):
        imports += _import_of(f)
        lines = [f"f = {_name_of(f)}  # {_place_of(f)}"]
    else:
        lines = [f"f = {_lambda_text(f) or '...'}  # {_place_of(f)}"]
    if is_module(f):
        lines += [f"f.load_state_dict({_text(f.state_dict())})"]
    inputs = "".join(f"\n    {_text(x)}," for x in request.args)
    options = f", kwargs={_text(request.kwargs)}" if request.kwargs else ""
    options += (f", rtol={rtol}" if rtol else "") + (f", atol={atol}" if atol else "")
    call = f"gradcheck(f, inputs{options}, order={max(request.orders)}, seed={request.seed})"
    return "\n".join([*imports, *lines, f"inputs = ({inputs}\n)", call])


def _where_defined(primitive: Primitive) -> list[str]:
    module = getattr(primitive.forward, "__module__", None)
    return [] if not module or module.startswith(("tinygrad_reg", "numpy")) else [f"import {module}  # defines the operation"]


def _name_of(f: Any) -> str:
    """The name under which f can be called: of a function, of a Function's apply; "" if it has none."""
    owner, short = getattr(f, "__self__", None), getattr(f, "__name__", "")
    if vars(tg).get(short) is f:
        return f"tg.{short}"
    name = f"{owner.__qualname__}.{short}" if isinstance(owner, type) else getattr(f, "__qualname__", "")
    name = name.rpartition("<locals>.")[2]
    return "" if "<" in name or (owner is not None and not isinstance(owner, type)) else name


def _import_of(f: Any) -> list[str]:
    """Where to get the first part of this name from, if it is no local one."""
    owner = getattr(f, "__self__", f)
    module, name = getattr(owner, "__module__", "__main__"), getattr(owner, "__qualname__", "").partition(".")[0]
    known = _name_of(f).startswith("tg.") or module == "__main__" or not hasattr(sys.modules.get(module), name)
    return [] if known else [f"from {module} import {name}"]


def _place_of(f: Any) -> str:
    owner = getattr(f, "__self__", None)
    code = getattr(getattr(owner, "forward", f) if isinstance(owner, type) else f, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else f"put your {type(f).__name__} here"


def _lambda_text(f: Any) -> str:
    """The source of a lambda; "" if f is none, or its file is not to be read."""
    code = getattr(f, "__code__", None)
    if code is None:
        return ""
    source, places = "".join(linecache.getlines(code.co_filename)), set(code.co_positions())
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Lambda)]
    except SyntaxError:
        return ""
    bodies = [(node, node.body) for node in nodes]
    found = [node for node, x in bodies if (x.lineno, x.end_lineno, x.col_offset, x.end_col_offset) in places]
    text = ast.get_source_segment(source, found[0]) if found else None
    return "" if text is None else f"({text})" if "\n" in text else text


def _text(x: Any) -> str:
    """An expression that makes x again."""
    if isinstance(x, Tensor):
        grad = ", requires_grad=True" if x.requires_grad else ""
        return f"tg.tensor({_array_text(x.array)}{grad})"
    if isinstance(x, np.ndarray):
        return _array_text(x)
    if isinstance(x, np.dtype):
        return f'np.dtype("{x}")'
    if isinstance(x, Mapping):
        return "{" + ", ".join(f"{key!r}: {_text(item)}" for key, item in x.items()) + "}"
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return f"{type(x).__name__}({', '.join(f'{part.name}={_text(getattr(x, part.name))}' for part in dataclasses.fields(x))})"
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return f"{type(x).__name__}({', '.join(map(_text, x))})"
    if isinstance(x, tuple):
        return "(" + "".join(f"{_text(item)}, " for item in x).strip() + ")"
    if isinstance(x, list):
        return "[" + ", ".join(map(_text, x)) + "]"
    return "..." if is_module(x) or repr(x).startswith("<") else repr(x)


def _array_text(x: Array) -> str:
    """Python writes a float with as many digits as tell it from its neighbours; many of them are written as bytes."""
    if not x.size:
        return f"np.zeros({x.shape}, np.{x.dtype.name})"
    if x.size > _PRINTED:
        return f'np.frombuffer(bytes.fromhex("{x.tobytes().hex()}"), np.{x.dtype.name}).reshape{x.shape}'
    return f"np.array({x.tolist()!r}, np.{x.dtype.name})"
