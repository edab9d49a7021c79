"""Wrong calls, by the table in `wrong_calls`: our class of error, the values that were given, and what to do about it."""

from __future__ import annotations

import re

import pytest

import tinygrad_reg as tg
from tinygrad_reg import Tensor
from tinygrad_reg.engine.refusal import expectation, typed_errors
from tinygrad_reg.errors import AllocationError, ArgumentTypeError, TinygradRegError

from . import scope
from .wrong_calls import ROWS, Row, refusal

#: Of the scope, what has no input that could be wrong, or is only tested where it does its work.
WITHOUT_ROWS = """
contiguous double float long bool nn.functional.selu no_grad enable_grad inference_mode set_grad_enabled finfo iinfo Generator
as_tensor from_dlpack testing.assert_close autograd.grad autograd.backward autograd.Function
nn.functional.multi_head_attention_forward
"""


@pytest.mark.parametrize("row", ROWS, ids=[row.call for row in ROWS])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_wrong_call(row: Row) -> None:
    error = refusal(tg, row.call)
    assert isinstance(error, row.error), f"{row.call} gives {error!r}"
    for words in row.words:
        assert words in str(error), f"{row.call} does not say {words!r}: {error}"


#: What an expectation or a remedy sounds like.
REMEDY = re.compile(
    r"\b(must|needs?|use|expected|expects?|write|give|convert|call it as|only|cannot|at most|takes?|wrap|choose|detach|reshape|say|to \d"
    r"|unsupported|name (each once|two)|swap|pad more|make one|everything runs on|letters|regular|differ|(do|does) not broadcast"
    r"|out of range|not defined|check|smaller|not supported)\b"
)


@pytest.mark.parametrize("row", ROWS, ids=[row.call for row in ROWS])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_form_of_its_message(row: Row) -> None:
    """It begins with what was called, and says what would be right."""
    message = str(refusal(tg, row.call))
    assert REMEDY.search(message), message
    if issubclass(row.error, TinygradRegError):
        assert re.match(r"[a-zA-Z_0-9.]+: ", message) or message.startswith("a value"), message
    assert "tinygrad_reg" not in message.lower(), "a message speaks of arguments, not of the code"


def covered(name: str) -> bool:
    short = name.split(".")[-1]
    return any(row.name in (name, short) or row.name.split(".")[0] == name or row.name.split(".")[-1] == short for row in ROWS)


def test_every_operation_of_the_scope_has_a_row() -> None:
    wanted = [name for name in (scope.OPERATIONS + scope.BESIDES).split() if name not in WITHOUT_ROWS.split()]
    assert [name for name in wanted if not covered(name)] == []


@pytest.mark.parametrize("sizes", [(10**15,), (10**6, 10**6, 10**6), (2**62, 2), (2**63 - 1,)])
@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
def test_what_does_not_fit_into_memory_is_refused_at_once(name: str, sizes: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError) as caught:
        getattr(tg, name)(*sizes)
    assert isinstance(caught.value, TinygradRegError)
    assert str(caught.value).startswith(f"{name}: ")


def test_an_allocation_error_is_a_memory_error() -> None:
    with pytest.raises(MemoryError, match="smaller sizes"):
        tg.zeros(10**15)
    assert issubclass(AllocationError, RuntimeError)


# ---- the border itself ---------------------------------------------------------------------------------------------------


@typed_errors
def sample(input: Tensor, count: int = 1, names: list[str] | None = None) -> object:
    return {}[count]  # type: ignore[index]


def test_a_foreign_error_becomes_one_of_ours_and_stays_visible_as_the_cause() -> None:
    with pytest.raises(tg.errors.ArgumentError, match=r"sample: .*\n  input float32 \(2,\) · count int 3\n  call it as sample") as caught:
        sample(tg.ones(2), 3)
    assert isinstance(caught.value.__cause__, KeyError)


def test_the_argument_that_is_to_blame_is_named() -> None:
    with pytest.raises(ArgumentTypeError, match="sample: count must be an integer, got str 'a'"):
        sample(tg.ones(2), "a")  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="sample: input must be a tensor .*got NoneType None"):
        sample(None)  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match=r"unexpected keyword argument 'no'; call it as sample\(input, count=1, names=None\)"):
        sample(tg.ones(2), no=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        ("Tensor", [tg.ones(1)], ["a", None, 1j]),
        ("int", [1, tg.tensor(1)], ["a", 1.5, None]),
        ("int | None", [1, None], ["a", 1.5]),
        ("float", [1, 1.5, tg.tensor(1.0)], ["a", None, tg.ones(2)]),
        ("bool", [True], [1, "a", None]),
        ("str", ["a"], [1, None]),
        ("Sequence[Tensor]", [[], ()], [1, "a", None]),
        ("int | tuple[int, ...]", [1, (1, 2)], ["a", None]),
        ("Any", [1, "a", None], []),
        ("Generator | None", [1, None], []),  # not known here: accepted
    ],
)
def test_expectations_are_read_from_annotations(annotation: str, right: list[object], wrong: list[object]) -> None:
    assert [expectation(annotation, value) for value in right] == [None] * len(right)
    assert all(expectation(annotation, value) for value in wrong)


def test_errors_of_the_users_own_code_pass_untouched() -> None:
    def hook(gradient: tg.Tensor) -> None:
        raise KeyError("mine")

    x = tg.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(hook)
    with pytest.raises(KeyError, match="mine"):
        y.sum().backward()
