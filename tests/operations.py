"""docs/operations.md, from the registry of primitives and the public functions: `python -m tests.operations` writes it."""

from __future__ import annotations

import ast
import dis
import inspect
import math
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import tinygrad_reg as tg
import tinygrad_reg.nn.functional  # loads the operations that only layers use
import tinygrad_reg.optim  # and those of optimizers
from tinygrad_reg.engine.primitive import PRIMITIVES, Primitive

from .examples_of_primitives import DECIDED, INTERNAL, Decided
from .mutation.faults import definition

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
PACKAGE = tg.__name__

#: Where public functions live; a function is shown by its first name in the first of them.
NAMESPACES = {"tg": tg, "tg.nn.functional": tg.nn.functional, "tg.linalg": tg.linalg, "tg.special": tg.special}

RANDOM = f"{PACKAGE}.ops.random"  # generators and their state
OPERATIONS = tuple(f"{PACKAGE}.{family}" for family in ("ops.", "nn.functional."))

#: What is called for conversions, in-place variants and random numbers everywhere, and would hide what a function is made of.
PLUMBING = {"cast", "cut", "copied", "overwritten", "output", "clone"}


# ---- where things are defined --------------------------------------------------------------------------------------------


def _home(p: Primitive) -> types.ModuleType | None:
    """The module of this package that defines a primitive; None for one of a user's own."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.") and any(vars(module).get(defined) is p for defined in _defined(str(module.__file__))):
            return module
    return None


@cache
def _defined(file: str) -> tuple[str, ...]:
    """The names that a module defines itself, by a function or by an assignment that is no second name."""
    names: list[str] = []
    for statement in ast.parse(Path(file).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef):
            names.append(statement.name)
        elif isinstance(statement, ast.AnnAssign | ast.Assign) and isinstance(statement.value, ast.Call):
            targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return tuple(names)


def public() -> Iterator[tuple[str, Any]]:
    """The public operations, each once: by its own name where several lead to it."""
    found: dict[int, tuple[str, Any]] = {}
    for prefix, namespace in NAMESPACES.items():
        for name, f in vars(namespace).items():
            if _is_operation(f) and not name.startswith("_") and (id(f) not in found or (name == f.__name__ and prefix == "tg")):
                found[id(f)] = (f"{prefix}.{name}", f)
    yield from found.values()


def _is_operation(f: Any) -> bool:
    home = f.__module__ if inspect.isfunction(f) else ""
    return isinstance(f, Primitive) or (home.startswith(OPERATIONS) and home != RANDOM)


# ---- who calls what ------------------------------------------------------------------------------------------------------


def _named(code: types.CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """What the code of a function reads of its module, also as `module.name`; with the code of functions inside of it."""
    value: Any = None
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            value = names.get(step.argval)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(value, types.ModuleType):
            value = getattr(value, step.argval, None)
        else:
            value = None
        if value is not None:
            yield value
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _named(constant, names)


def calls(f: Callable[..., Any], known: dict[int, str]) -> list[str]:
    """The primitives and public functions that a function names, itself or in private functions it calls."""
    found: dict[str, None] = {}
    waiting, seen = [inspect.unwrap(f)], {id(f)}
    while waiting:
        function = waiting.pop(0)
        for value in _named(function.__code__, function.__globals__):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Primitive):
                found[value.name] = None
            elif id(value) in known:
                found[known[id(value)]] = None
            elif inspect.isfunction(value) and value.__module__.startswith(f"{PACKAGE}."):
                waiting.append(inspect.unwrap(value))
    return [name for name in found if name not in PLUMBING]


# ---- what is said of a primitive -----------------------------------------------------------------------------------------


def _syntax(rule: Any) -> ast.AST | None:
    """The lambda or the function that a rule is."""
    return definition(rule) if rule.__name__ == "<lambda>" else ast.parse(textwrap.dedent(inspect.getsource(rule))).body[0]


def _one_line(rule: Any) -> str | None:
    """A rule as one expression; None if it needs statements."""
    node = _syntax(rule)
    if isinstance(node, ast.Lambda):
        return ast.unparse(node.body)
    assert isinstance(node, ast.FunctionDef), f"the source of {rule} was not found"
    body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
        return ast.unparse(body[0].value)
    return None


def derivative(p: Primitive) -> str:
    """What each argument gets of the cotangent g."""
    rules = {
        name: None if rule is None else f"`{(_one_line(rule) or rule.__name__ + '(...)').replace('.bind(', '(')}`"
        for name, rule in {**p.rules, **p.shared}.items()
    }
    given = {name: text for name, text in rules.items() if text is not None}
    if not given:
        return "none"
    if len(rules) == 1:
        return next(iter(given.values()))
    return "<br>".join(f"{name}: {text or 'none'}" for name, text in rules.items())


def signature(p: Primitive) -> str:
    """Arrays; keywords."""
    arrays = ", ".join((*p.arguments, *([f"*{p.tail}"] if p.tail else [])))
    return f"{p.name}({'; '.join(filter(None, [arrays, ', '.join(p.keywords)]))})"


def _interval(bounds: tuple[float, float]) -> str:
    return f"({', '.join('∞' if b == math.inf else '-∞' if b == -math.inf else f'{b:g}' for b in bounds)})"


def where(p: Primitive) -> str:
    """The open intervals the arguments are drawn from, and the points without a derivative."""
    domain = getattr(p, "domain", None) or ()
    limited = any(interval != (-math.inf, math.inf) for interval in domain)
    kinks = getattr(p, "kinks", ())
    at = kinks if isinstance(kinks, str) else ", ".join(f"{k:g}" if isinstance(k, float) else k for k in kinks)
    return "; ".join(filter(None, [" × ".join(map(_interval, domain)) if limited else "", f"kinks: {at}" if at else ""]))


def first_line(f: Any) -> str:
    return (f.__doc__ or "").strip().partition("\n")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# ---- the page ------------------------------------------------------------------------------------------------------------


def _table(head: str, rows: list[tuple[str, ...]]) -> str:
    columns = [column.strip() for column in head.split("|")]
    lines = [columns, ["---"] * len(columns), *[[_cell(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _long_rules(primitives: list[Primitive]) -> str:
    """The source of rules that are no single expression."""
    rules = {rule.__name__: rule for p in primitives for rule in p.rules.values() if rule is not None and _one_line(rule) is None}
    if not rules:
        return ""
    sources = [textwrap.dedent(inspect.getsource(rule)).rstrip().replace(".bind(", "(") for rule in rules.values()]
    return "\n```python\n" + "\n\n\n".join(sources) + "\n```\n"


def _family(module: types.ModuleType, primitives: list[Primitive], users: dict[str, list[str]]) -> str:
    rows = [
        (
            f"`{signature(p)}`",
            first_line(p),
            derivative(p),
            where(p),
            "yes" if p.analytic else "",
            ", ".join(f"`{name}`" for name in users.get(p.name, [])),
        )
        for p in primitives
    ]
    table = _table("primitive | formula | derivative | domain; kinks | analytic | used by", rows)
    path = module.__name__.replace(".", "/") + ".py"
    return f"### {path}\n\n{first_line(module)}\n\n{table}{_long_rules(primitives)}"


def _place(module: types.ModuleType) -> tuple[int, str]:
    """The order of families: the table of elementwise functions first, what the engine itself needs last."""
    area = module.__name__.split(".")[1]
    return (-1 if module.__name__.endswith(".elementwise") else ["ops", "nn", "engine"].index(area), module.__name__)


def usage(f: Any) -> str:
    """The signature of a public function, without annotations."""
    given = inspect.signature(f)
    bare = [p.replace(annotation=p.empty) for p in given.parameters.values()]
    return str(given.replace(parameters=bare, return_annotation=given.empty))


def _composed(functions: dict[str, Any], made_of: dict[str, list[str]]) -> str:
    rows = [
        (f"`{name}{usage(f)}`", first_line(f), ", ".join(f"`{part}`" for part in made_of[name]) or "operators")
        for name, f in functions.items()
        if not isinstance(f, Primitive)
    ]
    return _table("function | formula | made of", rows)


def _numbers(values: Any) -> str:
    return "none" if values is None else str(values).replace("inf", "∞").replace("0.16666666666666666", "1/6")


def _decided(point: Decided) -> tuple[str, ...]:
    arguments = ", ".join([*map(_numbers, point.arguments), *[f"{key}={value}" for key, value in point.params.items()]])
    return (f"`{point.name}({arguments})`", "; ".join(map(_numbers, point.gradients)))


def text() -> str:
    functions = dict(public())
    known = {id(f): name for name, f in functions.items() if not isinstance(f, Primitive)}
    made_of = {name: calls(f, known) for name, f in functions.items() if not isinstance(f, Primitive)}
    users: dict[str, list[str]] = {p.name: [name] for name, p in functions.items() if isinstance(p, Primitive)}
    for name, parts in made_of.items():
        for part in parts:
            users.setdefault(part, []).append(name)
    homes = {p.name: _home(p) for p in PRIMITIVES.values() if p.name not in INTERNAL}
    families = sorted({home for home in homes.values() if home is not None}, key=_place)
    sections = [_family(home, [PRIMITIVES[name] for name, at in homes.items() if at is home], users) for home in families]
    decided = _table("call | gradient of the sum of the result", [_decided(point) for point in DECIDED])
    count = sum(home is not None for home in homes.values())
    return INTRODUCTION.format(count=count, primitives="\n".join(sections), decided=decided, composed=_composed(functions, made_of))


INTRODUCTION = """# Operations

Written by `python -m tests.operations` from the registry and the source; a test compares. Derivatives are quoted, not retold: what stands
here is what runs.

## How to read the tables

A *primitive* is a function on arrays with one derivative rule for each argument. There are {count}; everything else is composed of them.

- **primitive**: arrays; then, after a semicolon, keywords, which are no arrays.
- **derivative**: what the argument gets of `g`, the gradient of the result. `x`, `y` are arguments, `out` is the result, `x_shape` the
  shape of x; `masked(g, m)` is g, and 0 where m is true. `none`: no gradient, by declaration. A rule that takes several lines is quoted
  below its table. Broadcast arguments get the sum over what was broadcast, which no rule needs to say.
- **domain**: open intervals, one for each argument, in which the laws test the derivative; none said: all numbers. **kinks**: points
  without a derivative, where the rule chooses one. "ties" are equal arguments, "integers" and "halves" where rounding steps, "jumps"
  where x / y is whole, "zero" is x = 0; a name is that of a keyword.
- **analytic**: complex-differentiable and defined on complex arrays, so that derivatives are also checked by the complex step, to rounding.
- **used by**: the public functions that call it, directly or through private ones. Operators and methods of `Tensor` call the function
  of their name.

## Primitives

{primitives}
## At points without a derivative

What was decided, and is tested. `none`: that argument has no derivative.

{decided}
## Functions composed of others

They need no rules of their own. Conversions, copies and operators are not listed.

{composed}"""

if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
