"""Every layer on the inputs that PyTorch tests its own with: its table `module_db`, in training and in evaluation.

Ours gets the state dict of theirs, whose keys and shapes it must have; compared are the text, the results, the gradients of inputs and
parameters, and the state dict afterwards, in which running means have moved.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

from .compare import check_all, results
from .differences import OTHER_GRADIENTS
from .samples import derivatives, tensors
from .translation import NotHere, copied, same_draws, translated

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
module_db = pytest.importorskip("torch.testing._internal.common_modules").module_db

LAYERS = [info for info in module_db if hasattr(tg.nn, info.module_cls.__name__)]
every_layer = pytest.mark.parametrize("info", LAYERS, ids=lambda info: info.module_cls.__name__)


@every_layer
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.filterwarnings("ignore")
def test_layers(info: Any, training: bool) -> None:
    checked = False
    for number, given in enumerate(inputs(info, "module_inputs_func", training)):
        try:
            check_layer(info, given, training)
            checked = True
        except NotHere:
            continue
        except (AssertionError, TinygradRegError) as error:
            shown = f"{arguments(given.constructor_input)} on {arguments(given.forward_input)}"
            raise AssertionError(f"input {number}: {info.module_cls.__name__}{shown[:600]}\n  {error}") from error
    if not checked:
        pytest.skip("its inputs are made of other layers, with parameters, or of options that are not here")


def inputs(info: Any, kind: str, training: bool) -> list[Any]:
    same_draws()
    return list(getattr(info, kind)(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training))


def arguments(given: Any) -> str:
    return str((*given.args, *[f"{k}={v}" for k, v in given.kwargs.items()]))


def check_layer(info: Any, given: Any, training: bool) -> None:
    theirs, ours = layers(info, given.constructor_input)
    assert str(ours).replace("tinygrad_reg", "torch") == str(theirs)
    ours.load_state_dict(translated(theirs.state_dict()))
    theirs.train(training), ours.train(training)
    if given.forward_input is None:
        return
    args, kwargs = own(given.forward_input.args), own(given.forward_input.kwargs)
    args_here, kwargs_here = translated(args), translated(kwargs)
    drawn = is_random(theirs, args, kwargs)
    got, want = results(ours(*args_here, **kwargs_here)), results(theirs(*args, **kwargs))
    if drawn:
        assert [x.shape for x in tensors(got)] == [tuple(x.shape) for x in tensors(want)]
        return
    check_all(got, want, None, "result")
    check_state(ours, theirs)
    if info.module_cls.__name__ in OTHER_GRADIENTS:
        return
    mine = [x for x in (*tensors((args_here, kwargs_here)), *ours.parameters()) if x.requires_grad]
    other = [x for x in (*tensors((args, kwargs)), *theirs.parameters()) if x.requires_grad]
    check_all(*derivatives(got, want, mine, other), None, "gradient", scaled=True)


def layers(info: Any, given: Any) -> tuple[Any, Any]:
    """Theirs and ours, in float64, with the same kinds of state."""
    theirs = info.module_cls(*given.args, **given.kwargs).to(torch.float64)
    ours = getattr(tg.nn, info.module_cls.__name__)(*translated(given.args), **translated(given.kwargs)).to(tg.float64)
    state, wanted = ours.state_dict(), theirs.state_dict()
    assert {k: (str(x.dtype), tuple(x.shape)) for k, x in state.items()} == {
        k: (str(x.dtype).removeprefix("torch."), tuple(x.shape)) for k, x in wanted.items()
    }
    assert list(state) == list(wanted)
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
    return theirs, ours


def own(x: Any) -> Any:
    """The same arguments with tensors of their own, which a layer may change in place."""
    if isinstance(x, torch.Tensor):
        return copied(x)
    if type(x) in (list, tuple):
        return type(x)(map(own, x))
    return {k: own(v) for k, v in x.items()} if isinstance(x, dict) else x


def is_random(theirs: Any, args: Any, kwargs: Any) -> bool:
    """Whether a copy of the layer gives something else the second time, with the same state."""
    twice = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        twice.append(list(tensors(results(copy.deepcopy(theirs)(*own(args), **own(kwargs))))))
    return not all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(*twice, strict=True))


def check_state(ours: Any, theirs: Any) -> None:
    check_all(list(ours.state_dict().values()), list(theirs.state_dict().values()), None, "state afterwards")


@pytest.mark.parametrize("info", [info for info in LAYERS if info.module_error_inputs_func], ids=lambda info: info.module_cls.__name__)
@pytest.mark.filterwarnings("ignore")
def test_what_is_refused(info: Any) -> None:
    for error in inputs(info, "module_error_inputs_func", True):
        given = error.module_error_input
        if takes(info.module_cls, given.constructor_input, given.forward_input, torch.float64):
            continue  # the table also has calls that are wrong on other devices alone
        try:
            made, called = own_call(given.constructor_input), own_call(given.forward_input)
        except NotHere:
            continue
        with pytest.raises(TinygradRegError):
            use(getattr(tg.nn, info.module_cls.__name__), made, called, tg.float64)


def own_call(given: Any) -> Any:
    """The arguments of a call, as ours."""
    return given and type(given)(*translated(given.args), **translated(given.kwargs))


def takes(layer: Any, made: Any, called: Any, dtype: Any) -> bool:
    try:
        use(layer, made, called, dtype)
    except Exception:
        return False
    return True


def use(layer: Any, made: Any, called: Any, dtype: Any) -> None:
    """Make a layer and, with the arguments for it, call it."""
    module = layer(*made.args, **made.kwargs).to(dtype)
    if called:
        module(*called.args, **called.kwargs)
