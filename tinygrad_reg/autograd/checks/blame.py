"""Which operation has made a gradient wrong? Each call that f makes is checked by itself, at the values it had."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...errors import TinygradRegError
from .check import Finding, Request, first_wrong
from .subject import Array, prepared, tensor_of
from .tape import Call, Tape, taped

_CALLS = 500  # of which no more are looked at


class Blame(NamedTuple):
    """The call whose own derivative is wrong."""

    call: Call
    finding: Finding
    request: Request  # that repeats the finding

    @property
    def op(self) -> str:
        """The name of the operation."""
        return self.call.primitive.name

    def lines(self) -> Iterator[str]:
        """Where it was called, and where the user has defined its derivative."""
        yield f"{self.op}, called at {self.call.line or 'an unknown line'}"
        rule = getattr(getattr(self.call.function, "__self__", None), "backward", None) or next(
            (r for r in self.call.primitive.rules.values() if r is not None), None
        )
        code = getattr(inspect.unwrap(rule), "__code__", None) if rule is not None else None
        if code is not None:
            yield f"its derivative stands at {code.co_filename}:{code.co_firstlineno}"


def calls_of(request: Request) -> tuple[Tape, list[Array]]:
    """The calls that f makes, and the arrays it starts from."""
    tape = Tape(lines=True)
    with prepared(request.f, request.args, request.kwargs) as subject:
        point = taped(lambda: subject.run(subject.arrays), tape)
    return tape, [x.array for x in point.leaves]


def find_blame(request: Request, tape: Tape, order: int) -> Blame | None:
    """The first call that is wrong in its derivative of this order; None if all are right by themselves."""
    for call in tape.calls[:_CALLS]:
        again = request_for(call, order, request.seed)
        if again is None:
            continue
        try:
            finding = first_wrong(again)
        except TinygradRegError:  # not a call that can be repeated by itself
            continue
        if finding is not None:
            return Blame(call, finding, again)
    return None


def request_for(call: Call, order: int, seed: int) -> Request | None:
    """The check of a call by itself; None if there is nothing to differentiate."""
    count = len(call.args)
    same = call.function is call.primitive
    varied = [_is_float(x) and (not same or call.primitive.rule_of(i) is not None) for i, x in enumerate(call.args)]
    if not any(varied[i] and not call.loose[i] for i in range(count)):
        return None
    args = [tensor_of(x, varied[i]) if isinstance(x, np.ndarray) else x for i, x in enumerate(call.args)]
    return Request(call.function, args, call.params, (order,), seed, enough=4)


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def lost_histories(tape: Tape, leaves: list[Array]) -> list[str]:
    """The calls that use a value that depends on the inputs, but whose gradient does not flow back: detached, or under no_grad."""
    live, lost = set(map(id, leaves)), list(tape.taken)
    for call in tape.calls:
        used = [i for i, x in enumerate(call.args) if id(x) in live and _is_float(x)]
        if any(call.loose[i] for i in used):
            lost.append(f"{call.primitive.name} at {call.line}")
        if used:
            live.update(id(y) for y in call.outs)
    return list(dict.fromkeys(lost))
