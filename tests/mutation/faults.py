"""Faults: a derivative rule in, the same rule with one mistake out.

Most are made in the rule's source: a sign, a swapped operand, a dropped or detached factor, a constant. Those that no source shows are
made around the rule: its result scaled, of another dtype, or not summed back to the argument's shape.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_reg.engine.primitive import PRIMITIVES, Primitive
from tinygrad_reg.ops.pointwise import Elementwise

Rule = Callable[..., Any]


class Mutant(NamedTuple):
    """A fault in the rule of one argument of a primitive."""

    primitive: str
    argument: str  # or what several rules share
    kind: str  # what sort of fault
    change: str  # what exactly
    rule: Rule

    @property
    def key(self) -> str:
        """How the list of explained survivors names it."""
        return f"{self.primitive}.{self.argument}: {self.change}"


def mutants_of(name: str) -> Iterator[Mutant]:
    """All faults of all rules of one primitive."""
    p = PRIMITIVES[name]
    for argument, rule in {**p.rules, **p.shared}.items():
        if rule is None:
            continue
        for kind, change, made in [*_around(p, argument, rule), *_in_source(rule), *_swapped(p, argument)]:
            yield Mutant(name, argument, kind, change, made)


# ---- around a rule -------------------------------------------------------------------------------------------------------


def _wrapped(rule: Rule, change: Callable[..., Any], also: str = "") -> Rule:
    """A rule that asks for what `rule` asks for (and for `also`) and changes what it gives."""
    names = list(inspect.signature(rule).parameters)
    asked = names if not also or also in names else [*names, also]
    source = f"lambda {', '.join(asked)}: _change(_rule({', '.join(names)}){', ' + also if also else ''})"
    made: Rule = eval(source, {"_change": change, "_rule": rule})
    return made


def _around(p: Primitive, argument: str, rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    yield "sign", "negated", _wrapped(rule, lambda part: -part)
    yield "factor", "times 1.001", _wrapped(rule, lambda part: part * 1.001)
    yield "factor", "times 0.999", _wrapped(rule, lambda part: part * 0.999)
    yield "dtype", "as float64 or float32", _wrapped(rule, _other_dtype)
    if isinstance(p, Elementwise) and len(p.arguments) > 1:
        yield "un-broadcast", "first row instead of the sum", _wrapped(rule, _first_instead_of_sum, f"{argument}_shape")
    yield "second order", "result detached", _wrapped(rule, _detached)


def _other_dtype(part: Any) -> Any:
    wanted = np.float32 if part.dtype == np.float64 else np.float64
    return part.astype(wanted) if isinstance(part, np.ndarray | np.generic) else part.to(wanted)


def _first_instead_of_sum(part: Any, shape: tuple[int, ...]) -> Any:
    for _ in range(part.ndim - len(shape)):
        part = part[0]
    for i, n in enumerate(shape):
        if n == 1 != part.shape[i]:
            part = part[(slice(None),) * i + (slice(0, 1),)]
    return part


def _detached(part: Any) -> Any:
    """The value, or each of a tuple, without its history: the first derivative stays right."""
    if isinstance(part, tuple):
        return tuple(map(_detached, part))
    return part.detach() if hasattr(part, "detach") else part


def _swapped(p: Primitive, argument: str) -> Iterator[tuple[str, str, Rule]]:
    for other, rule in p.rules.items():
        if argument in p.rules and other != argument and rule is not None and rule is not p.rules[argument]:
            yield "swapped rules", f"the rule of {other}", rule


# ---- in its source -------------------------------------------------------------------------------------------------------


@functools.cache
def _tree(file: str) -> ast.Module:
    with open(file) as source:
        return ast.parse(source.read())


def definition(rule: Rule) -> ast.Lambda | ast.FunctionDef | None:
    """The syntax of a rule: the innermost function that its code lies in; None of what is no function of a file, or one made in another."""
    if not isinstance(rule, FunctionType) or rule.__closure__:
        return None
    line, column = [(line or 0, column or 0) for line, _, column, end in rule.__code__.co_positions() if end][-1]
    around = [
        node
        for node in ast.walk(_tree(rule.__code__.co_filename))
        if isinstance(node, ast.Lambda | ast.FunctionDef)
        and (node.lineno, node.col_offset) <= (line, column) < (node.end_lineno or line, node.end_col_offset or column)
    ]
    return max(around, key=lambda node: (node.lineno, node.col_offset), default=None)


def _compiled(node: ast.Lambda | ast.FunctionDef, rule: FunctionType) -> FunctionType:
    """The function that this syntax defines, in the rule's module; annotations are left away, they may name what only checkers see."""
    node = copy.deepcopy(node)
    if isinstance(node, ast.Lambda):
        made = eval(compile(ast.fix_missing_locations(ast.Expression(node)), "<mutant>", "eval"), rule.__globals__)
    else:
        node.returns = None
        for arg in node.args.args:
            arg.annotation = None
        names: dict[str, Any] = {}
        module = ast.Module([node], [])
        exec(compile(ast.fix_missing_locations(module), "<mutant>", "exec"), rule.__globals__, names)
        made = names[node.name]
    assert isinstance(made, FunctionType)
    return made


def _in_source(rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    node = definition(rule)
    if node is None or not isinstance(rule, FunctionType):
        return
    seen = {ast.dump(node)}
    globals_with_detach = FunctionType(rule.__code__, {**rule.__globals__, "_detached": _detached})
    for kind, change, mutated in _edits(node):
        if ast.dump(mutated) not in seen:
            seen.add(ast.dump(mutated))
            yield kind, change, _compiled(mutated, globals_with_detach)


def _edits(root: ast.Lambda | ast.FunctionDef) -> Iterator[tuple[str, str, Any]]:
    """Copies of the syntax with one change each."""
    body = [root.body] if isinstance(root, ast.Lambda) else root.body
    inside_steps = {id(sub) for part in body for step in ast.walk(part) if _is_step(step) for sub in ast.walk(step)}
    for place, node in enumerate(sub for part in body for sub in ast.walk(part)):
        for kind, new in _replacements(node):
            if (kind == "second order" and id(node) in inside_steps) or (kind == "swapped arguments" and _called(node) in _SYMMETRIC):
                continue
            mutated = copy.deepcopy(root)
            parts = [mutated.body] if isinstance(mutated, ast.Lambda) else mutated.body
            target = [sub for part in parts for sub in ast.walk(part)][place]
            replaced = _Replace(target, new).visit(mutated)
            text = f"{ast.unparse(node)} -> {ast.unparse(new)}" if isinstance(new, ast.expr) else ast.unparse(node)
            yield kind, text, replaced


def _is_step(node: ast.AST) -> bool:
    """Whether the value has no derivative: that of a step function, or a property that is no number."""
    return _called(node) in _STEPS or (isinstance(node, ast.Attribute) and node.attr in ("dtype", "ndim", "shape"))


def _called(node: ast.AST) -> str | None:
    """The function that a call names; of `masked.bind(...)` that is `masked`."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and function.attr == "bind":
        function = function.value
    return function.id if isinstance(function, ast.Name) else None


class _Replace(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return copy.deepcopy(self.new) if node is self.old else self.generic_visit(node)


#: Calls whose result has no derivative (bools, signs, rounded numbers): to detach what goes into them is no fault.
_STEPS = {
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "isnan",
    "isinf",
    "isfinite",
    "sign",
    "trunc",
    "floor_divide_p",
    "_nan_at_nonfinite",
    "window_argmax",
}
_SYMMETRIC = {"eq", "ne", "max", "channel_dot", "row_dot"}
_OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What may stand by mistake where this node stands."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in _OTHER:
            yield "operator", ast.BinOp(node.left, _OTHER[type(node.op)](), node.right)
        if not isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
            yield "swapped arguments", ast.BinOp(node.right, node.op, node.left)
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            yield "dropped term", node.left
            yield "dropped term", node.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value:
        yield "factor", ast.Constant(node.value * 1.001)
    elif isinstance(node, ast.Call) and len(node.args) == 2 and not any(isinstance(a, ast.Starred) for a in node.args):
        yield "swapped arguments", ast.Call(node.func, node.args[::-1], node.keywords)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in ("g", "x", "y", "out", "input", "weight"):
        yield "second order", ast.Call(ast.Name("_detached", ast.Load()), [node], [])
