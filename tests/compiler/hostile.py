"""Programs that read Python state in every way there is, and a change of what they read, for test_surroundings.py.

Each function builds `(step, change)` anew; `change(i)` is called before call `i`, for i = 5 and 9. A step takes the vector 1, 2, 3, or
its `argument`.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import contextvars
import ctypes
import dataclasses
import enum
import functools
import inspect
import io
import itertools
import operator
import os
import random
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_reg as tg
from tinygrad_reg import nn

Built = tuple[Callable[..., Any], Callable[[int], Any]]
PROGRAMS: dict[str, Callable[[], Built]] = {}


def program(build: Callable[[], Built]) -> Callable[[], Built]:
    PROGRAMS[build.__name__] = build
    return build


def x3() -> tg.Tensor:
    return tg.tensor([1.0, 2.0, 3.0])


class Holder:
    """An object of the user's, to which attributes are given."""


def sets_k(holder: Any) -> Callable[[int], None]:
    """A change of the attribute `k`."""
    return lambda i: setattr(holder, "k", float(i))


def train_setup():
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    opt = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)

    def step(x):
        opt.zero_grad()
        loss = (net(x) ** 2).sum()
        loss.backward()
        opt.step()
        return loss.detach()

    return net, opt, step


@program
def contextmanager_generator():
    st = {"k": 1.0}

    @contextlib.contextmanager
    def scaled():
        yield st["k"]

    def step(x):
        with scaled() as k:
            return x * k

    return step, lambda i: st.__setitem__("k", float(i))


@program
def contextvar_ctx_run():
    v = contextvars.ContextVar("v", default=1.0)
    ctx = contextvars.copy_context()

    def step(x):
        return x * ctx.run(v.get)

    return step, lambda i: ctx.run(v.set, float(i))


@program
def weakref_dies():
    class A:
        pass

    h = [A()]
    r = weakref.ref(h[0])

    def step(x):
        return x * (1 if r() is None else 2)

    return step, lambda i: h.clear()


@program
def weakvaluedict_len():
    class A:
        pass

    h = [A(), A()]
    d = weakref.WeakValueDictionary({"a": h[0], "b": h[1]})

    def step(x):
        return x * (1 + len(d))

    return step, lambda i: h.pop()


@program
def chainmap_maps():
    c = collections.ChainMap({}, {"k": 1.0})

    def step(x):
        return x * c["k"]

    return step, lambda i: c.maps.insert(0, {"k": float(i)})


@program
def mappingproxy_class():
    class A:
        k = 1.0

    p = vars(A)

    def step(x):
        return x * p["k"]

    return step, lambda i: setattr(A, "k", float(i))


@program
def enum_flags():
    class F(enum.Flag):
        A = 1
        B = 2
        C = 4

    h = {"f": F.A}

    def step(x):
        return x * (2 if F.B in h["f"] else 1) * (3 if h["f"] & F.C else 1)

    return step, lambda i: h.update(f=F.A | F.B if i == 5 else F.A | F.C)


@program
def enum_value_changed():
    class E(enum.Enum):
        A = 1

    def step(x):
        return x * E.A.value

    return step, lambda i: setattr(E.A, "_value_", i)


@program
def frozen_dataclass_replaced():
    @dataclasses.dataclass(frozen=True)
    class C:
        k: float = 1.0

    h = {"c": C()}

    def step(x):
        return x * h["c"].k

    return step, lambda i: h.update(c=dataclasses.replace(h["c"], k=float(i)))


@program
def frozen_dataclass_forced():
    @dataclasses.dataclass(frozen=True)
    class C:
        k: float = 1.0

    c = C()

    def step(x):
        return x * c.k

    return step, lambda i: object.__setattr__(c, "k", float(i))


@program
def dataclass_slots():
    @dataclasses.dataclass(slots=True)
    class C:
        k: float = 1.0

    c = C()

    def step(x):
        return x * c.k

    return step, lambda i: setattr(c, "k", float(i))


@program
def dataclass_astuple():
    @dataclasses.dataclass
    class C:
        k: float = 1.0

    c = C()

    def step(x):
        return x * dataclasses.astuple(c)[0]

    return step, lambda i: setattr(c, "k", float(i))


@program
def data_descriptor():
    class D:
        def __init__(s):
            s.values = weakref.WeakKeyDictionary()

        def __get__(s, o, t):
            return s.values.get(o, 1.0)

        def __set__(s, o, v):
            s.values[o] = v

    class A:
        k = D()

    a = A()

    def step(x):
        return x * a.k

    return step, sets_k(a)


@program
def descriptor_private():
    class D:
        def __set_name__(s, o, n):
            s.n = "_" + n

        def __get__(s, o, t):
            return getattr(o, s.n, 1.0)

        def __set__(s, o, v):
            setattr(o, s.n, v)

    class A:
        k = D()

    a = A()

    def step(x):
        return x * a.k

    return step, sets_k(a)


@program
def getattr_dunder():
    class A:
        def __init__(s):
            s.data = {"k": 1.0}

        def __getattr__(s, n):
            try:
                return s.__dict__["data"][n]
            except KeyError:
                raise AttributeError(n) from None

    a = A()

    def step(x):
        return x * a.k

    return step, lambda i: a.data.update(k=float(i))


@program
def metaclass_attribute():
    class M(type):
        k = 1.0

    class A(metaclass=M):
        pass

    def step(x):
        return x * A.k

    return step, lambda i: setattr(M, "k", float(i))


@program
def class_counter():
    class A:
        n = 0

        def __init__(s):
            A.n += 1

    def step(x):
        A()
        return x * A.n

    return step, lambda i: None


@program
def generator_send():
    def g():
        k = 1.0
        while True:
            got = yield k
            if got is not None:
                k = got

    it = g()
    next(it)

    def step(x):
        return x * next(it)

    return step, lambda i: it.send(float(i))


@program
def iterator_long_runs():
    it = iter([1.0] * 6 + [2.0] * 4 + [3.0] * 100)

    def step(x):
        return x * next(it)

    return step, lambda i: None


@program
def iterator_default():
    it = iter([1.0] * 7)

    def step(x):
        return x * next(it, 5.0)

    return step, lambda i: None


@program
def map_iter():
    it = map(float, [1] * 6 + [4] * 100)

    def step(x):
        return x * next(it)

    return step, lambda i: None


@program
def zip_for_break():
    it = zip([1.0] * 6 + [4.0] * 100)

    def step(x):
        for (k,) in it:
            x = x * k
            break
        return x

    return step, lambda i: None


@program
def stringio_getvalue():
    f = io.StringIO("1")

    def step(x):
        return x * float(f.getvalue())

    def change(i):
        f.seek(0)
        f.write(str(i))

    return step, change


@program
def random_getstate():
    r = random.Random(1)

    def step(x):
        return x * (r.getstate()[1][0] % 7)

    return step, lambda i: r.seed(i)


@program
def np_generator_rare():
    r = np.random.default_rng(1)

    def step(x):
        return x * (2.0 if r.random() < 0.2 else 1.0)

    return step, lambda i: None


@program
def np_random_global_rare():
    np.random.seed(0)  # noqa: NPY002

    def step(x):
        return x * (2.0 if np.random.rand() < 0.2 else 1.0)  # noqa: NPY002

    return step, lambda i: None


@program
def random_global_rare():
    random.seed(3)

    def step(x):
        return x * (2.0 if random.random() < 0.2 else 1.0)

    return step, lambda i: None


@program
def os_environ_del():
    os.environ["HOSTILE_J"] = "1"

    def step(x):
        return x * (3.0 if "HOSTILE_J" in os.environ else 2.0)

    return step, lambda i: os.environ.pop("HOSTILE_J", None)


@program
def sys_argv():
    sys.argv[1:] = ["1"]

    def step(x):
        return x * float(sys.argv[1])

    return step, lambda i: sys.argv.__setitem__(1, str(i))


@program
def deque_rotate():
    d = collections.deque([1.0, 2.0, 3.0])

    def step(x):
        return x * d[0]

    return step, lambda i: d.rotate(1)


@program
def deque_step_rotates():
    d = collections.deque([1.0, 2.0, 3.0])

    def step(x):
        d.rotate(1)
        return x * d[0]

    return step, lambda i: None


@program
def defaultdict_grow():
    d = collections.defaultdict(float)

    def step(x):
        d[len(d)]
        return x * len(d)

    return step, lambda i: None


@program
def ordereddict_move():
    d = collections.OrderedDict(a=1.0, b=2.0)

    def step(x):
        return x * next(iter(d.values()))

    return step, lambda i: d.move_to_end(next(iter(d)))


@program
def set_same_len():
    s = {1}

    def step(x):
        return x * sum(s)

    def change(i):
        s.clear()
        s.add(i)

    return step, change


@program
def frozenset_rebuilt():
    h = {"s": frozenset({1})}

    def step(x):
        return x * sum(h["s"])

    return step, lambda i: h.update(s=frozenset({i}))


@program
def dict_items_view():
    d = {"a": 1.0}
    v = d.items()

    def step(x):
        return x * sum(k for _, k in v)

    return step, lambda i: d.update(b=float(i))


@program
def dict_keys_view2():
    d = {1: 1.0}
    v = d.keys()

    def step(x):
        return x * sum(v)

    return step, lambda i: d.update({i: 1.0})


@program
def memoryview_mut():
    b = bytearray(b"\x01")
    m = memoryview(b)

    def step(x):
        return x * m[0]

    return step, lambda i: b.__setitem__(0, i)


@program
def np_view_mutated():
    base = np.ones(6, np.float32)
    v = base[::2]

    def step(x):
        return x * tg.tensor(v)

    return step, lambda i: base.__setitem__(slice(None), i)


@program
def np_scalar():
    h = {"k": np.float32(1)}

    def step(x):
        return x * h["k"]

    return step, lambda i: h.update(k=np.float32(i))


@program
def np_vectorize():
    h = [1.0]
    f = np.vectorize(lambda v: v * h[0])

    def step(x):
        return x * float(f(2.0))

    return step, lambda i: h.__setitem__(0, float(i))


@program
def ctypes_value():
    k = ctypes.c_double(1.0)

    def step(x):
        return x * k.value

    return step, lambda i: setattr(k, "value", float(i))


@program
def ctypes_pointer():
    k = ctypes.c_double(1.0)
    p = ctypes.pointer(k)

    def step(x):
        return x * p.contents.value

    return step, lambda i: setattr(k, "value", float(i))


@program
def fstring_attr():
    a = Holder()
    a.w1 = 1.0
    a.w2 = 2.0
    a.n = 1

    def step(x):
        return x * getattr(a, f"w{a.n}")

    def change(i):
        if i == 5:
            a.n = 2
        else:
            a.w2 = 9.0

    return step, change


@program
def format_map():
    d = {"k": 1.0}

    def step(x):
        return x * float("{k}".format_map(d))

    return step, lambda i: d.update(k=float(i))


@program
def cached_property():
    class A:
        def __init__(s):
            s.k = 1.0

        @functools.cached_property
        def v(s):
            return s.k * 2

    a = A()

    def step(x):
        return x * a.v

    def change(i):
        a.k = float(i)
        del a.v

    return step, change


@program
def singledispatch_reg():
    @functools.singledispatch
    def f(o):
        return 1.0

    a = Holder()

    def step(x):
        return x * f(a)

    return step, lambda i: f.register(Holder, lambda o: float(i)) and None


@program
def partialmethod():
    class A:
        def f(s, k):
            return k

        g = functools.partialmethod(f, 1.0)

    a = A()

    def step(x):
        return x * a.g()

    return step, lambda i: setattr(A, "g", functools.partialmethod(A.f, float(i)))


@program
def partial_attr():
    p = functools.partial(lambda x: x)
    p.k = 1.0

    def step(x):
        return p(x) * p.k

    return step, lambda i: setattr(p, "k", float(i))


@program
def lru_cache_clear():
    h = [1.0]

    @functools.lru_cache
    def f():
        return h[0]

    def step(x):
        return x * f()

    def change(i):
        h[0] = float(i)
        f.cache_clear()

    return step, change


@program
def lru_cache_prefilled():
    h = [1.0]

    @functools.lru_cache
    def f():
        return h[0]

    f()

    def step(x):
        return x * f()

    def change(i):
        h[0] = float(i)
        f.cache_clear()

    return step, change


@program
def cache_info():
    @functools.cache
    def f(k):
        return k

    def step(x):
        return x * (1 + f.cache_info().currsize)

    return step, lambda i: f(i) and None


@program
def attrgetter_outside():
    class A:
        k = 1.0

    a = A()
    g = operator.attrgetter("k")

    def step(x):
        return x * g(a)

    return step, sets_k(a)


@program
def attrgetter_dotted():
    a = Holder()
    a.b = Holder()
    a.b.k = 1.0

    def step(x):
        return x * operator.attrgetter("b.k")(a)

    return step, lambda i: setattr(a.b, "k", float(i))


@program
def methodcaller():
    class A:
        k = 1.0

        def f(s):
            return s.k

    a = A()
    g = operator.methodcaller("f")

    def step(x):
        return x * g(a)

    return step, sets_k(a)


@program
def sorted_key_attrgetter():
    class A:
        def __init__(s, k, v):
            s.k = k
            s.v = v

    items = [A(1.0, 5.0), A(2.0, 7.0)]
    key = operator.attrgetter("k")

    def step(x):
        return x * sorted(items, key=key)[0].v

    return step, lambda i: setattr(items[0], "k", float(i))


@program
def builtin_getattr_alias():
    class A:
        k = 1.0

    a = A()
    get, name = getattr, "k"

    def step(x):
        return x * get(a, name)

    return step, sets_k(a)


@program
def object_getattribute():
    a = Holder()
    a.k = 1.0
    n = ["k"]

    def step(x):
        return x * object.__getattribute__(a, n[0])

    return step, sets_k(a)


@program
def inspect_getattr_static():
    a = Holder()
    a.k = 1.0
    n = ["k"]

    def step(x):
        return x * inspect.getattr_static(a, n[0])

    return step, sets_k(a)


@program
def dir_count():
    a = Holder()

    def step(x):
        return x * sum(n.startswith("w") for n in dir(a)) + x

    return step, lambda i: setattr(a, f"w{i}", float(i))


@program
def eval_string():
    d = {"k": 1.0}
    e = 'd["k"] * 2'

    def step(x):
        return x * eval(e, {"d": d})

    return step, lambda i: d.update(k=float(i))


@program
def closure_nonlocal():
    k = 1.0

    def set_(v):
        nonlocal k
        k = v

    def step(x):
        return x * k

    return step, lambda i: set_(float(i))


@program
def match_values():
    h = {"mode": "a", "p": (1, 2)}

    def step(x):
        match h:
            case {"mode": "a"}:
                return x
            case {"mode": "b", "p": (a, *_)}:
                return x * 2 * a
            case _:
                return x * 3

    def change(i):
        h["mode"] = "b" if i == 5 else "z"

    return step, change


@program
def match_class_positional():
    class P:
        __match_args__ = ("a",)

        def __init__(s):
            s.a = 1.0
            s.b = 2.0

    p = P()

    def step(x):
        match p:
            case P(v):
                return x * v

    return step, lambda i: setattr(p, "a", float(i))


@program
def match_args_changed():
    class P:
        __match_args__ = ("a",)

        def __init__(s):
            s.a = 1.0
            s.b = 2.0

    p = P()

    def step(x):
        match p:
            case P(v):
                return x * v

    return step, lambda i: setattr(P, "__match_args__", ("b",))


@program
def exceptions_flow():
    d = {}

    def step(x):
        try:
            return x * d["k"]
        except KeyError:
            return x

    return step, lambda i: d.update(k=float(i))


@program
def exception_args():
    class E(Exception):
        pass

    e = E(1.0)

    def step(x):
        try:
            raise e
        except E as got:
            return x * got.args[0]

    return step, lambda i: setattr(e, "args", (float(i),))


@program
def default_mutable_step_changes():
    def step(x, acc=[]):  # noqa: B006
        acc.append(1)
        return x * len(acc)

    return step, lambda i: None


@program
def kwdefaults():
    def f(x, *, k=1.0):
        return x * k

    def step(x):
        return f(x)

    return step, lambda i: f.__kwdefaults__.update(k=float(i))


@program
def star_args():
    items = [1.0, 2.0]
    kw = {"c": 1.0}

    def f(x, a, b, *, c):
        return x * a + b * c

    def step(x):
        return f(x, *items, **kw)

    return step, lambda i: items.__setitem__(0, float(i)) if i == 5 else kw.update(c=5.0)


@program
def monkey_layer_method():
    m = nn.Linear(3, 3)
    m.load_state_dict({"weight": tg.ones(3, 3), "bias": tg.zeros(3)})

    def step(x):
        return m(x).detach()

    return step, lambda i: setattr(m, "forward", lambda x: x * i)


@program
def monkey_instance_method():
    class M(nn.Module):
        def helper(s, x):
            return x * 2

        def forward(s, x):
            return s.helper(x)

    m = M()

    def step(x):
        return m(x)

    return step, lambda i: setattr(m, "helper", lambda x: x * i)


@program
def monkey_module_function():
    mod = types.ModuleType("hostilemod")
    mod.f = lambda x: x * 2
    sys.modules["hostilemod"] = mod

    def step(x):
        return mod.f(x)

    return step, lambda i: setattr(mod, "f", lambda x: x * i)


@program
def monkey_import_inside():
    mod = types.ModuleType("hostilemod2")
    mod.f = lambda x: x * 2
    sys.modules["hostilemod2"] = mod

    def step(x):
        import hostilemod2

        return hostilemod2.f(x)

    def change(i):
        m = types.ModuleType("hostilemod2")
        m.f = lambda x: x * i
        sys.modules["hostilemod2"] = m

    return step, change


@program
def monkey_sys_modules():
    mod = types.ModuleType("hostilemod3")
    mod.k = 2.0
    sys.modules["hostilemod3"] = mod

    def step(x):
        return x * sys.modules["hostilemod3"].k

    def change(i):
        m = types.ModuleType("hostilemod3")
        m.k = float(i)
        sys.modules["hostilemod3"] = m

    return step, change


@program
def class_reassigned():
    class A:
        def f(s, x):
            return x * 2

    class B(A):
        def f(s, x):
            return x * 3

    a = A()

    def step(x):
        return a.f(x)

    def change(i):
        a.__class__ = B if i == 5 else A

    return step, change


@program
def bases_reassigned():
    class A0:
        k = 1.0

    class B0:
        k = 2.0

    class C(A0):
        pass

    c = C()

    def step(x):
        return x * c.k

    def change(i):
        C.__bases__ = (B0,) if i == 5 else (A0,)

    return step, change


@program
def submodule_swapped():
    net = nn.Sequential(nn.ReLU(), nn.Tanh())

    def step(x):
        return net(x - 2)

    def change(i):
        net[0] = nn.Sigmoid() if i == 5 else nn.ELU()

    return step, change


@program
def named_parameters_count():
    net = nn.Linear(3, 3)

    def step(x):
        return x * len(list(net.named_parameters()))

    return step, lambda i: net.register_parameter(f"p{i}", nn.Parameter(tg.ones(1)))


@program
def forward_hook_added():
    net = nn.ReLU()
    h = []

    def step(x):
        return net(x)

    def change(i):
        if i == 5:
            h.append(net.register_forward_hook(lambda m, a, o: o * 2))
        else:
            h[0].remove()

    return step, change


@program
def param_reregistered():
    net = nn.Linear(3, 3, bias=False)
    net.weight = nn.Parameter(tg.ones(3, 3))

    def step(x):
        return net(x).detach()

    return step, lambda i: net.register_parameter("weight", nn.Parameter(tg.full((3, 3), float(i))))


@program
def param_to_none():
    net = nn.Linear(3, 3)
    net.load_state_dict({"weight": tg.ones(3, 3), "bias": tg.ones(3)})

    def step(x):
        return net(x).detach()

    def change(i):
        net.bias = None if i == 5 else nn.Parameter(tg.full((3,), 4.0))

    return step, change


@program
def buffer_replaced():
    class M(nn.Module):
        def __init__(s):
            super().__init__()
            s.register_buffer("b", tg.ones(3))

        def forward(s, x):
            return x * s.b

    m = M()

    def step(x):
        return m(x)

    return step, lambda i: setattr(m, "b", tg.full((3,), float(i)))


@program
def opt_nesterov_edit():
    net, opt, step = train_setup()
    return step, lambda i: opt.param_groups[0].update(nesterov=i == 5)


@program
def opt_params_replaced_list():
    net, opt, step = train_setup()
    return step, lambda i: opt.param_groups[0].update(params=opt.param_groups[0]["params"][:2])


@program
def opt_swapped():
    net, opt, _ = train_setup()
    h = {"opt": opt}

    def step(x):
        h["opt"].zero_grad()
        loss = (net(x) ** 2).sum()
        loss.backward()
        h["opt"].step()
        return loss.detach()

    return step, lambda i: h.update(opt=tg.optim.Adam(net.parameters(), lr=0.01 * i))


@program
def opt_hook():
    net, opt, step = train_setup()
    h = []

    def double(o, a, k):
        for g in o.param_groups:
            for p in g["params"]:
                p.grad.mul_(2)

    return step, lambda i: h.append(opt.register_step_pre_hook(double)) if i == 5 else h[0].remove()


@program
def opt_step_monkey():
    net, opt, step = train_setup()
    return step, lambda i: setattr(opt, "step", lambda: None)


@program
def scheduler_inside():
    net, opt, _ = train_setup()
    sch = tg.optim.lr_scheduler.StepLR(opt, 3, 0.5)

    def step(x):
        opt.zero_grad()
        loss = (net(x) ** 2).sum()
        loss.backward()
        opt.step()
        sch.step()
        return loss.detach()

    return step, lambda i: None


@program
def eval_one_submodule():
    net = nn.Sequential(nn.Dropout(1.0), nn.ReLU())

    def step(x):
        return net(x)

    return step, lambda i: net[0].eval() if i == 5 else net[0].train()


@program
def batchnorm_momentum():
    net = nn.BatchNorm1d(3)

    def step(x):
        return [net(x.reshape(1, 3).expand(4, 3) * tg.arange(4.0).reshape(4, 1)).detach(), net.running_mean.clone()]

    return step, lambda i: setattr(net, "momentum", 0.5 if i == 5 else None)


@program
def num_threads():
    def step(x):
        return x * tg.get_num_threads()

    n = tg.get_num_threads()
    return step, lambda i: tg.set_num_threads(1 if i == 5 else n)


@program
def initial_seed():
    tg.manual_seed(1)

    def step(x):
        return x * tg.initial_seed()

    return step, lambda i: tg.manual_seed(i) and None


@program
def generator_object_swapped():
    h = {"g": tg.Generator().manual_seed(0)}

    def step(x):
        return tg.rand(3, generator=h["g"])

    return step, lambda i: h.update(g=tg.Generator().manual_seed(i))


@program
def property_replaced():
    class A:
        @property
        def k(s):
            return 1.0

    a = A()

    def step(x):
        return x * a.k

    return step, lambda i: setattr(A, "k", property(lambda s: float(i)))


@program
def staticmethod_replaced():
    class A:
        @staticmethod
        def f(x):
            return x

    def step(x):
        return A.f(x)

    return step, lambda i: setattr(A, "f", staticmethod(lambda x: x * i))


@program
def classmethod_replaced():
    class A:
        @classmethod
        def f(cls, x):
            return x

    def step(x):
        return A.f(x)

    return step, lambda i: setattr(A, "f", classmethod(lambda cls, x: x * i))


@program
def dunder_add_changed():
    class A:
        def __add__(s, o):
            return 1.0

    a = A()

    def step(x):
        return x * (a + 1)

    return step, lambda i: setattr(A, "__add__", lambda s, k: float(i))


@program
def dunder_len_changed():
    class A:
        def __len__(s):
            return 1

    a = A()

    def step(x):
        return x * len(a)

    return step, lambda i: setattr(A, "__len__", lambda s: i)


@program
def dunder_init_changed():
    class A:
        def __init__(s):
            s.k = 1.0

    def step(x):
        return x * A().k

    def new(i):
        def __init__(s):
            s.k = float(i)

        A.__init__ = __init__

    return step, new


@program
def int_subclass():
    class Number(int):
        pass

    v = Number(2)
    v.k = 1.0

    def step(x):
        return x * v.k

    return step, lambda i: setattr(v, "k", float(i))


@program
def ndarray_subclass_attr():
    class A(np.ndarray):
        pass

    a = np.ones(3).view(A)
    a.k = 1.0

    def step(x):
        return x * a.k

    return step, sets_k(a)


@program
def issubclass_hook():
    class M(type):
        flag = False

        def __instancecheck__(cls, o):
            return M.flag

    class P(metaclass=M):
        pass

    def step(x):
        return x * (2.0 if isinstance(3, P) else 1.0)

    return step, lambda i: setattr(M, "flag", i == 5)


@program
def linked_list():
    class N:
        def __init__(s, v, n=None):
            s.v = v
            s.n = n

    items = N(1.0, N(2.0, N(3.0)))

    def step(x):
        n, t = items, 0.0
        while n is not None:
            t += n.v
            n = n.n
        return x * t

    return step, lambda i: setattr(items.n.n, "v", float(i)) if i == 5 else setattr(items.n.n, "n", N(9.0))


@program
def async_step():
    h = [1.0]

    async def inner(x):
        return x * h[0]

    def step(x):
        c = inner(x)
        try:
            c.send(None)
        except StopIteration as e:
            return e.value

    return step, lambda i: h.__setitem__(0, float(i))


@program
def thread_in_step():
    h = [1.0]

    def step(x):
        out = []
        t = threading.Thread(target=lambda: out.append(h[0]))
        t.start()
        t.join()
        return x * out[0]

    return step, lambda i: h.__setitem__(0, float(i))


@program
def tee_iter():
    a, b = itertools.tee(itertools.count())

    def step(x):
        return x * (next(a) // 6 + 1)

    return step, lambda i: None


@program
def builtins_patched():
    builtins.hostile_k = 1.0

    def step(x):
        return x * hostile_k  # noqa: F821

    return step, lambda i: setattr(builtins, "hostile_k", float(i))


@program
def arg_attr():
    xa = x3()
    xa.scale = 1.0

    def step(x):
        return x * x.scale

    step.argument = xa
    return step, lambda i: setattr(xa, "scale", float(i))


@program
def arg_attr_getattr():
    xa = x3()

    def step(x):
        return x * getattr(x, "scale", 1.0)

    step.argument = xa
    return step, lambda i: setattr(xa, "scale", float(i))


@program
def arg_attr_object():
    xa = x3()
    xa.cfg = {"k": 1.0}

    def step(x):
        return x * x.cfg["k"]

    step.argument = xa
    return step, lambda i: xa.cfg.update(k=float(i))


@program
def arg_vars():
    xa = x3()
    xa.scale = 1.0

    def step(x):
        return x * x.__dict__.get("scale", 2.0)

    step.argument = xa
    return step, lambda i: setattr(xa, "scale", float(i))


@program
def arg_list_of_tensors_attr():
    xa = x3()
    xa.scale = 1.0

    def step(xs):
        return xs[0] * xs[0].scale

    step.argument = [xa]
    return step, lambda i: setattr(xa, "scale", float(i))


@program
def arg_np_subclass():
    class A(np.ndarray):
        pass

    a = np.ones(3, np.float32).view(A)
    a.k = 1.0

    def step(x):
        return tg.ones(3) * x.k

    step.argument = a
    return step, sets_k(a)


@program
def scheduler_count():
    net, opt, _ = train_setup()
    opt.step()
    schedule = tg.optim.lr_scheduler.StepLR(opt, 3, 0.5)

    def step(x):
        return x * schedule.last_epoch

    return step, lambda i: schedule.step()


@program
def own_object():
    data = tg.utils.data.TensorDataset(x3())
    data.scale = 1.0

    def step(x):
        return x * data.scale

    return step, lambda i: setattr(data, "scale", float(i))


@program
def argument_as_a_key():
    first, second = x3(), x3()
    table = {first: 1.0, second: 2.0}

    def step(x):
        return x * table[x]

    step.argument = first
    return step, lambda i: setattr(step, "argument", second if i == 5 else first)


@program
def argument_compared():
    first, second = x3(), x3()

    def step(x):
        return x * (2.0 if x is first else 1.0)

    step.argument = second
    return step, lambda i: setattr(step, "argument", first if i == 5 else second)


@program
def getattribute_of_the_users():
    class A:
        def __getattribute__(self, name):
            return object.__getattribute__(self, "_" + name)

    a = A()
    object.__setattr__(a, "_k", 1.0)

    def step(x):
        return x * a.k

    return step, lambda i: object.__setattr__(a, "_k", float(i))
