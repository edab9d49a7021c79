"""The base of all optimizers: parameter groups, state, step counts, saving and loading; a subclass adds one update rule."""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from ..engine.node import RemovableHandle, Value, wrap
from ..engine.primitive import silent_copy
from ..engine.state import Tracer, enable_grad, no_grad, state
from ..errors import ArgumentError, ArgumentTypeError, MissingOptionError, ShapeError
from ..ops.assign import assign, fill_
from ..ops.joining import cat
from ..tensor import Tensor
from .bundle import Bundle, Kept, Layout, Shape

Group = dict[str, Any]


def _stepping(step: Callable[..., Any]) -> Callable[..., Any]:
    """A method `step` with the optimizer's hooks around it; none around a `step` that another one calls by `super()`."""

    @functools.wraps(step)
    def stepping(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        held = self.__dict__.get  # a wrapper of another optimizer may have left out `Optimizer.__init__`
        if not (held("_before_step") or held("_after_step")) or type(self).step is not stepping:
            return step(self, *args, **kwargs)
        return self._step_with_hooks(step, (self, *args), kwargs)

    return stepping


class Optimizer:
    """Updates parameters from their gradients.

    A subclass states what it keeps for each parameter (`states`), computes plain numbers from a group's hyper-parameters
    and the step count (`coefficients`, run anew at every step), and gives one elementwise rule (`update`) written with
    operators. The rule runs on arrays; a tracer gives it tensors, and the numbers become inputs of the traced step. What
    changes the rule's form (no momentum, amsgrad) is told to it by states and coefficients that are absent.

    A subclass may instead override `step` itself, as in PyTorch.

    >>> class SignDescent(tg.optim.Optimizer):
    ...     def coefficients(self, group, step):
    ...         return {"lr": group["lr"]}
    ...     def update(self, p, g, *, lr):
    ...         return (p - lr * (g / abs(g)),)
    >>> w = tg.nn.Parameter(tg.tensor([1.0, -5.0]))
    >>> w.square().sum().backward()
    >>> SignDescent([w], {"lr": 0.5}).step()
    >>> w.data
    tensor([ 0.5000, -4.5000])
    """

    keeps_step: ClassVar[bool] = True  # whether the state of a parameter has its step count as the tensor `step`
    elementwise: ClassVar[bool] = True  # whether the rule may run on several parameters joined into one vector
    numbers: ClassVar[tuple[str, ...]] = ()  # 0-d tensors kept for each parameter besides `step`, between it and the states

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in cls.__dict__:
            cls.step = _stepping(cls.step)  # type: ignore[method-assign]

    # ---- what a subclass provides --------------------------------------------------------------------------------------

    def check(self, group: Group) -> None:
        """Raise ArgumentError if a hyper-parameter is out of range."""

    def states(self, group: Group) -> tuple[str, ...]:
        """Names of the tensors kept for each parameter, of its shape and dtype and zero at first, as `update` takes them."""
        return ()

    def start(self, group: Group) -> dict[str, float]:
        """What fills the states and numbers before the first step, of those for which that is not 0."""
        return {}

    def shape_of(self, name: str, shape: Shape) -> Shape | None:
        """The shape of a state of a parameter of that shape, if the rule is not elementwise; None: it has no such state."""
        return shape

    def coefficients(self, *args: Any, **numbers: Any) -> dict[str, Any]:
        """`coefficients(group, step)`: the numbers that `update` needs, for the step with this number (the first is 1).

        An algorithm with `numbers` is given the present ones, and gives the new ones under the same names.
        """
        raise NotImplementedError(f"{type(self).__name__}: define coefficients() and update(), or override step()")

    def update(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """`update(p, g, *states, **coefficients)`: the new parameter and the new states, made anew or in their own memory; g must stay."""
        raise NotImplementedError(f"{type(self).__name__}: define coefficients() and update(), or override step()")

    # ---- groups --------------------------------------------------------------------------------------------------------

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Value) or not isinstance(params, Iterable):
            told = "one tensor; write [tensor]" if isinstance(params, Value) else f"{type(params).__name__}; a model has .parameters()"
            raise ArgumentTypeError(f"{type(self).__name__}: params must be an iterable of tensors or of dicts, got {told}")
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._begin()
        given = list(params)
        if not given:
            raise ArgumentError(
                f"{type(self).__name__}: got an empty parameter list; has the model any parameters? "
                "Layers in a list are not known to it, use nn.ModuleList"
            )
        self.check(defaults)
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def _begin(self) -> None:
        """What is not saved."""
        self._layouts: dict[int, Layout] = {}
        self._opt_called = False  # a scheduler asks whether a step has been made
        self._before_step: dict[int, Callable[..., Any]] = {}
        self._after_step: dict[int, Callable[..., Any]] = {}
        self._state_hooks: dict[str, dict[int, Callable[..., Any]]] = {name: {} for name in ("saving", "saved", "loading", "loaded")}

    def add_param_group(self, param_group: Group) -> None:
        """Optimize further parameters: `{"params": [...], "lr": ...}`; hyper-parameters not named have their defaults.

        Raises ArgumentError for bad hyper-parameters, results of operations and parameters that are already there.
        """
        what = type(self).__name__
        if not isinstance(param_group, dict):
            raise ArgumentTypeError(f"{what}: a parameter group must be a dict, got {type(param_group).__name__}")
        if "params" not in param_group:
            raise MissingOptionError(f"{what}: a parameter group needs the key 'params', got {sorted(param_group)}")
        params, names = _listed(param_group["params"], what)
        group = {**param_group, "params": params}
        group |= {name: value for name, value in self.defaults.items() if name not in group}
        if names:
            group["param_names"] = names
        taken = {p for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            _check_parameter(p, i, what)
            if p in taken:
                raise ArgumentError(f"{what}: parameter {i} of the group appears more than once; give each parameter once, in one group")
            taken.add(p)
        if any(("param_names" in other) != bool(names) for other in self.param_groups):
            raise ArgumentError(f"{what}: either all groups have parameter names or none")
        _check_hints(group, what)
        self.check(group)
        self.param_groups.append(group)

    # ---- stepping ------------------------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    if p.grad.node is not None:
                        p.grad = p.grad.detach()
                    fill_(p.grad, 0.0)

    @_stepping
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient. A `closure` is called first to compute the loss, which is returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for index, group in enumerate(self.param_groups):
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._step_group(index, group, params)
        return loss

    def _step_group(self, index: int, group: Group, params: list[Tensor]) -> None:
        names = self.states(group)
        layout = self._layouts.get(index)
        if layout is None or not layout.holds(params, self.state, names):
            layout = self._layouts[index] = Layout(params, self.state, names, self._kept(group))
        gradients = [g.array for p in params if (g := p.grad) is not None]
        if [g.shape for g in gradients] != layout.shapes:
            raise ShapeError(f"step: the gradients have shapes {[g.shape for g in gradients]}, the parameters {layout.shapes}")
        if state.tracer is not None:
            with no_grad():
                self._trace(state.tracer, index, layout)
            return
        for bundle in layout.bundles:
            chosen = [gradients[i] for i in bundle.positions]
            silent_copy().run(bundle.update, self.update, chosen, group.get("maximize", False), self._numbers(group, bundle))

    def _kept(self, group: Group) -> Kept:
        start = self.start(group)
        numbers, states = ({name: start.get(name, 0.0) for name in names} for names in (self.numbers, self.states(group)))
        return Kept(self.keeps_step, numbers, states, None if self.elementwise else self.shape_of)

    def _numbers(self, group: Group, bundle: Bundle) -> dict[str, float]:
        """The coefficients of the bundle's next step, as Python floats (a np.float64 would turn float32 arrays into float64)."""
        held = {name: vector.item(0) for name, vector in bundle.numbers.items()}
        found = self.coefficients(group, int(bundle.steps.item(0)) + 1, **held)
        return {name: float(value) for name, value in found.items()}

    # ---- the same step under a tracer ----------------------------------------------------------------------------------

    def _trace(self, tracer: Tracer, index: int, layout: Layout) -> None:
        """The group's step written as operations on tensors, with the coefficients of all bundles as inputs."""
        group = self.param_groups[index]
        for name, value in group.items():
            if isinstance(value, Value):
                tracer.forbid(
                    f"{type(self).__name__}.step inside of a compiled step: {name} is a tensor, which a replay would not read anew; give "
                    "a number, which a schedule changes too"
                )
        found = tracer.host(self._numbers_again, index, layout, self._form(group))
        for position, bundle in enumerate(layout.bundles):
            mark = _mark(position, layout)
            numbers = {key.removesuffix(mark): number for key, number in found.items() if key.endswith(mark)}
            self._trace_bundle(tracer, group, bundle, numbers)

    def _trace_bundle(self, tracer: Tracer, group: Group, bundle: Bundle, numbers: dict[str, Any]) -> None:
        """The update rule of one bundle."""
        params: list[Any] = list(bundle.params)
        p, g, kept = params[0], params[0].grad, [self.state[params[0]][name] for name in bundle.names]
        held = {name: tracer.memory(vector) for name, vector in bundle.numbers.items()}
        following = [tensor * 0.0 + numbers.pop(name) for name, tensor in held.items()]
        if bundle.joined:
            p, g = (cat([x.reshape(-1) for x in xs]) for xs in (params, [p.grad for p in params]))
            kept = [tracer.memory(vector) for vector in bundle.states]
        new, *states = self.update(p, -g if group.get("maximize", False) else g, *kept, **numbers)
        parts = bundle.parts_of(new) if bundle.joined else [new]
        for target, value in zip((*kept, *held.values(), *params), (*states, *following, *parts), strict=True):
            assign(target, value, "step")
        steps = tracer.memory(bundle.steps)
        assign(steps, steps + 1, "step")

    def _numbers_again(self, index: int, layout: Layout, form: Any) -> dict[str, float]:
        """The coefficients of all bundles for a replay; none if groups, states or options are no longer those that were traced.

        Changes nothing, so that a replay which finds other names than it was traced with can be given up for a new trace.
        """
        fits = index < len(self.param_groups) and self._layouts.get(index) is layout and form == self._form(self.param_groups[index])
        if not fits or not layout.holds(layout.params, self.state, layout.names):
            return {}
        self._opt_called = True
        found = [self._numbers(self.param_groups[index], bundle) for bundle in layout.bundles]
        if len(found) == 1:
            return found[0]
        return {name + _mark(i, layout): value for i, numbers in enumerate(found) for name, value in numbers.items()}

    def _form(self, group: Group) -> Any:
        """What the traced operations depend on besides the names of the coefficients."""
        return len(self.param_groups), len(group["params"]), self.states(group), bool(group.get("maximize", False))

    # ---- saving and loading --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The state and the groups in PyTorch's layout, parameters named by their position. It refers to the live tensors."""
        self._passed("saving")
        index = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**{k: v for k, v in g.items() if k != "params"}, "params": [index[p] for p in g["params"]]} for g in self.param_groups]
        saved: dict[str, Any] = self._passed(
            "saved", {"state": {index.get(p, p): entry for p, entry in self.state.items()}, "param_groups": groups}
        )
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over copies of the state and the hyper-parameters that `state_dict` gave; nothing is changed if they do not fit.

        Raises ArgumentError if the groups differ in number, size or kind, ShapeError if a state does not fit its parameter.
        """
        what = f"{type(self).__name__}.load_state_dict"
        state_dict = self._passed("loading", dict(state_dict))
        if not {"state", "param_groups"} <= set(state_dict):
            raise MissingOptionError(f"{what}: needs the keys 'state' and 'param_groups', got {list(state_dict)}")
        saved = state_dict["param_groups"]
        sizes, found = [len(g["params"]) for g in self.param_groups], [len(g["params"]) for g in saved]
        if sizes != found:
            raise ArgumentError(f"{what}: the optimizer has groups of {sizes} parameters, the state dict has {found}")
        groups = [self._merged(ours, theirs, what) for ours, theirs in zip(self.param_groups, saved, strict=True)]
        owners = {key: (p, g) for g, s in zip(groups, saved, strict=True) for p, key in zip(g["params"], s["params"], strict=True)}
        entries: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, entry in state_dict["state"].items():
            if key not in owners:
                entries[key] = copy.deepcopy(entry)
                continue
            p, group = owners[key]
            shapes = {name: self.shape_of(name, p.array.shape) for name in self.states(group)}
            single = ("step", *self.numbers)
            entries[p] = {name: _loaded(p, name, value, shapes.get(name), name in single, what) for name, value in entry.items()}
        self.__setstate__({"state": entries, "param_groups": groups})  # where a subclass may fill in what older files lack
        self._passed("loaded")

    def _merged(self, ours: Group, theirs: Group, what: str) -> Group:
        """The saved hyper-parameters for our parameters; switches that an older version did not know have their defaults."""
        switches = {name: value for name, value in self.defaults.items() if value is None or isinstance(value, bool)}
        missing = [name for name in self.defaults if name not in theirs and name not in switches]
        if missing:
            raise ArgumentError(f"{what}: a saved group lacks {', '.join(missing)}; was it saved by another kind of optimizer?")
        names = {"param_names": ours["param_names"]} if "param_names" in ours else {}
        group = {**switches, **names, **copy.deepcopy({k: v for k, v in theirs.items() if k != "params"}), "params": ours["params"]}
        _check_hints(group, what)
        self.check(group)
        return group

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value for name, value in self.__dict__.items() if name not in ("_layouts", "_before_step", "_after_step", "_state_hooks")
        }

    def __setstate__(self, saved: dict[str, Any]) -> None:
        if "_layouts" not in self.__dict__:
            self._begin()
        self.__dict__.update(saved)

    # ---- hooks and text ------------------------------------------------------------------------------------------------

    def _step_with_hooks(self, step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if state.tracer is not None:
            state.tracer.unrepeatable("the optimizer has step hooks, plain Python that a replay would leave out")
        for hook in tuple(self._before_step.values()):
            given = hook(self, args, kwargs)
            if given is None:
                continue
            if not isinstance(given, tuple) or len(given) != 2:
                raise ArgumentError(f"step pre-hook: it must return None or (args, kwargs), got {given!r}")
            args, kwargs = given
        result = step(*args, **kwargs)
        for hook in tuple(self._after_step.values()):
            hook(self, args, kwargs)
        return result

    def register_step_pre_hook(self, hook: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before every step, where args[0] is the optimizer; it may return others as a pair."""
        return RemovableHandle(self._before_step, hook)

    def register_step_post_hook(self, hook: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after every step."""
        return RemovableHandle(self._after_step, hook)

    def _passed(self, moment: str, *state_dict: dict[str, Any]) -> Any:
        """The state dict after the hooks of this moment, each of which may give another one."""
        for hook in tuple(self._state_hooks[moment].values()):
            given = hook(self, *state_dict)
            if state_dict and given is not None:
                state_dict = (given,)
        return state_dict[0] if state_dict else None

    def _register(self, moment: str, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
        hooks = self._state_hooks[moment]
        others = dict(hooks) if prepend else {}
        for key in others:
            del hooks[key]
        handle = RemovableHandle(hooks, hook)
        hooks.update(others)
        return handle

    def register_state_dict_pre_hook(self, hook: Callable[[Any], None], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before every `state_dict()`."""
        return self._register("saving", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[[Any, Any], Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after every `state_dict()`; what it returns, if not None, takes its place."""
        return self._register("saved", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[[Any, Any], Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading, with a shallow copy; what it returns, if not None, is loaded instead."""
        return self._register("loading", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[[Any], None], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return self._register("loaded", hook, prepend)

    def __repr__(self) -> str:
        texts = []
        for i, group in enumerate(self.param_groups):
            lines = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            texts.append(f"Parameter Group {i}\n{''.join(lines)}")
        return f"{type(self).__name__} (\n" + "\n".join(texts) + ")"


def _mark(position: int, layout: Layout) -> str:
    """What ends the names of a bundle's coefficients where a group has several bundles."""
    return "" if len(layout.bundles) == 1 else f"_{position + 1}"


def refuse_tracing(what: str) -> None:
    """Raise TraceError inside of a compiled step, for an algorithm that decides by values how it goes on."""
    if state.tracer is not None:
        state.tracer.forbid(
            f"{what}.step inside of a compiled step: it decides by the values of the loss how often to evaluate it, which a replay "
            "cannot do; compile the closure instead, and call step() outside"
        )


def decay_of(group: Group) -> dict[str, float]:
    """The coefficient for the group's weight decay: `decay`, or if it is decoupled `shrink`; none without one."""
    decay = group["weight_decay"]
    if not decay:
        return {}
    return {"shrink": 1 - group["lr"] * decay} if group.get("decoupled_weight_decay") else {"decay": decay}


def decayed(p: Any, g: Any, decay: float | None) -> Any:
    """The gradient with weight decay: g + decay · p."""
    return g if decay is None else g + decay * p


def at_least_zero(what: str, group: Group, *names: str) -> None:
    """Raise unless these hyper-parameters are numbers of at least 0."""
    for name in names:
        value = group[name]
        if not isinstance(value, (int, float, np.integer, np.floating, Tensor)):
            raise ArgumentTypeError(f"{what}: {name} must be a number, got {type(value).__name__}: {value!r}")
        if not float(value) >= 0.0:
            raise ArgumentError(f"{what}: {name} must be at least 0, got {value}")


def fractions(what: str, group: Group, name: str, count: int) -> None:
    """Raise unless this hyper-parameter is a tuple of so many numbers of at least 0 and below 1."""
    values = group[name]
    if not isinstance(values, (tuple, list)) or len(values) != count:
        raise ArgumentError(f"{what}: {name} must be {count} numbers, got {values!r}")
    for i, value in enumerate(values):
        if not 0.0 <= float(value) < 1.0:
            raise ArgumentError(f"{what}: {name}[{i}] must be at least 0 and below 1, got {value}")


def _listed(params: Any, what: str) -> tuple[list[Any], list[str]]:
    """The parameters of a group as a list, and their names if they were given as (name, parameter)."""
    if isinstance(params, (set, frozenset)):
        raise ArgumentTypeError(f"{what}: parameters must be in an ordered collection, a set has another order in every run; use a list")
    items = [params] if isinstance(params, Value) else list(params)
    named = [item for item in items if isinstance(item, tuple)]
    if not named:
        return items, []
    if len(named) != len(items):
        raise ArgumentError(f"{what}: either all parameters of a group are given as (name, parameter) or none")
    return [p for _, p in named], [name for name, _ in named]


def _check_parameter(p: Any, position: int, what: str) -> None:
    if not isinstance(p, Tensor):
        raise ArgumentTypeError(f"{what}: parameters must be tensors, number {position} is {type(p).__name__}: {p!r}")
    if not (p.is_leaf or p.retains_grad):
        raise ArgumentError(
            f"{what}: parameter {position} is the result of an operation, not a leaf; optimize the tensor it was computed "
            "from, or call .detach().requires_grad_() on it first"
        )


def _check_hints(group: Group, what: str) -> None:
    """PyTorch's hints on how to execute a step (foreach, fused, capturable) are accepted and change nothing here."""
    if group.get("differentiable"):
        raise ArgumentError(
            f"{what}: differentiable=True is not supported; write the update with operators on autograd.grad(create_graph=True)"
        )
    if group.get("foreach") and group.get("fused"):
        raise ArgumentError(f"{what}: foreach and fused cannot both be True")


def _loaded(p: Tensor, name: str, value: Any, shape: Shape | None, single: bool, what: str) -> Any:
    """A copy of a saved value; tensors (arrays, tensors of other libraries) in the parameter's dtype, but 0-d numbers as they are."""
    if not isinstance(value, Value) and not hasattr(value, "__array__"):
        return copy.deepcopy(value)
    array = value.array if isinstance(value, Value) else np.asarray(value)
    if shape is not None and array.shape != shape:
        raise ShapeError(f"{what}: the state {name!r} has shape {array.shape}, its parameter needs {shape}")
    return wrap(Tensor, array.copy() if single or array.dtype.kind != "f" else array.astype(p.array.dtype))
