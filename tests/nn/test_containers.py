"""Lists and dicts of modules and parameters."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentTypeError, DimensionError, RegistrationError


def linears(*sizes: int) -> list[nn.Linear]:
    return [nn.Linear(1, size) for size in sizes]


def sizes(modules: nn.Module) -> list[int]:
    return [m.out_features for m in modules]


def test_sequential_is_composition() -> None:
    f, g = nn.Linear(2, 3), nn.Tanh()
    x = tg.rand(4, 2)
    assert nn.Sequential(f, g)(x).tolist() == g(f(x)).tolist()
    assert nn.Sequential()(x) is x


def test_sequential_by_position_and_name() -> None:
    s = nn.Sequential({"a": nn.Linear(1, 1), "b": nn.Linear(1, 2), "c": nn.Linear(1, 3)})
    assert s[0] is s.a
    assert s[-1] is s.c
    assert list(s[1:].state_dict()) == ["b.weight", "b.bias", "c.weight", "c.bias"]
    assert s[1:][0] is s.b
    s[1] = nn.Linear(1, 9)
    assert sizes(s) == [1, 9, 3]
    assert [name for name, _ in s.named_children()] == ["a", "b", "c"]
    del s[0]
    assert [name for name, _ in s.named_children()] == ["0", "1"]


def test_sequential_grows_and_shrinks() -> None:
    s = nn.Sequential(*linears(1, 2))
    assert sizes(s.append(nn.Linear(1, 3))) == [1, 2, 3]
    assert sizes(s.insert(0, nn.Linear(1, 7))) == [7, 1, 2, 3]
    assert sizes(s.insert(-1, nn.Linear(1, 8))) == [7, 1, 2, 8, 3]
    assert s.pop(-2).out_features == 8
    assert sizes(s.extend(sequential=linears(4, 5))) == [7, 1, 2, 3, 4, 5]
    assert sizes(s + nn.Sequential(*linears(6))) == [7, 1, 2, 3, 4, 5, 6]
    s += nn.Sequential(*linears(6))
    assert list(s._modules) == ["0", "1", "2", "3", "4", "5", "6"]
    assert len(s.pop(slice(0, 3))) == 3
    assert sizes(s * 2) == [3, 4, 5, 6] * 2
    assert (s * 2)[0] is (2 * s)[4]


def test_append_never_replaces() -> None:
    s = nn.Sequential({"1": nn.Linear(1, 1)})
    with pytest.raises(RegistrationError, match="taken"):
        s.append(nn.ReLU())


def test_insert_renames_nothing() -> None:
    s = nn.Sequential({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    with pytest.raises(RegistrationError, match="the modules are named, a, b"):
        s.insert(0, nn.ReLU())
    assert list(s._modules) == ["a", "b"]


def test_extend_by_itself_ends() -> None:
    s = nn.Sequential(*linears(1, 2))
    s.extend(s)
    assert len(s) == 4


def test_module_list() -> None:
    m = nn.ModuleList(linears(1, 2, 3))
    assert isinstance(m[1:], nn.ModuleList)
    assert sizes(m[::-1]) == [3, 2, 1]
    assert sizes(m + linears(4)) == [1, 2, 3, 4]
    m += linears(4)
    m.insert(1, nn.Linear(1, 9))
    del m[-1]
    assert sizes(m) == [1, 9, 2, 3]
    assert list(m.state_dict())[2] == "1.weight"
    with pytest.raises(DimensionError, match="index 4 is out of range for 4 entries"):
        m[4]
    with pytest.raises(ArgumentTypeError, match="iterable"):
        m.extend(3)  # type: ignore[arg-type]


def test_module_dict() -> None:
    m = nn.ModuleDict({"a": nn.ReLU()})
    m["b"] = nn.Linear(1, 1)
    m.update(nn.ModuleDict({"c": nn.Tanh()}))
    assert list(m) == list(m.keys()) == ["a", "b", "c"]
    assert [type(v).__name__ for v in m.values()] == ["ReLU", "Linear", "Tanh"]
    assert dict(m.items())["a"] is m["a"]
    assert "a" in m
    assert len(m) == 3
    assert isinstance(m.pop("a"), nn.ReLU)
    del m["c"]
    assert list(m.state_dict()) == ["b.weight", "b.bias"]
    with pytest.raises(KeyError):
        m["a"]
    m.clear()
    assert len(m) == 0
    with pytest.raises(RegistrationError, match="'items' already exists"):
        m["items"] = nn.ReLU()


def test_parameter_list() -> None:
    shared = nn.Parameter(tg.ones(3))
    m = nn.ParameterList([tg.ones(1), shared])
    assert m[1] is shared
    assert isinstance(m[0], nn.Parameter)
    m += [tg.ones(2), "text"]
    assert m[-1] == "text"
    assert len(m) == 4
    assert [p.shape for p in m.parameters()] == [(1,), (3,), (2,)]
    assert [type(x).__name__ for x in m] == ["Parameter", "Parameter", "Parameter", "str"]
    m[0] = tg.zeros(5)
    assert m[0].shape == (5,)
    assert isinstance(m[:2], nn.ParameterList)
    assert len(m[:2]) == 2
    assert list(m.state_dict()) == ["0", "1", "2"]
    with pytest.raises(DimensionError):
        m[4] = tg.ones(1)


def test_parameter_dict() -> None:
    m = nn.ParameterDict({"a": tg.ones(1)})
    m["b"] = nn.Parameter(tg.ones(2))
    m.update([("c", tg.ones(3))])
    assert list(m) == ["a", "b", "c"]
    assert list(reversed(m)) == ["c", "b", "a"]
    assert m.get("z") is None
    assert m.get("a") is m["a"]
    assert m.setdefault("a", 3) is m["a"]
    assert m.setdefault("d", tg.ones(4)).shape == (4,)
    assert m.popitem()[0] == "d"
    assert m.pop("b").shape == (2,)
    both = m | {"e": tg.ones(5)}
    assert list(both.keys()) == ["a", "c", "e"]
    assert both["a"] is m["a"]
    m |= {"f": tg.ones(6)}
    assert [k for k, _ in m.named_parameters()] == [k for k, _ in m.items()] == ["a", "c", "f"]
    assert [v.shape for v in m.values()] == [(1,), (3,), (6,)]
    assert list(m.fromkeys(["x", "y"], tg.ones(1))) == ["x", "y"]
    del m["a"]
    assert "a" not in m
    with pytest.raises(KeyError):
        m["a"]
    m.clear()
    assert len(m) == 0
    with pytest.raises(RegistrationError, match="'keys' already exists"):
        m["keys"] = tg.ones(1)


def test_names_of_members_print_as_those_of_a_dict() -> None:
    parts = nn.ModuleDict({"a": nn.ReLU()})
    assert str(parts.keys()) == "dict_keys(['a'])"
    assert str(parts.items()) == "dict_items([('a', ReLU())])"
    assert str(parts.values()) == "dict_values([ReLU()])"
    assert str(nn.Linear(1, 1)._parameters.keys()) == "dict_keys(['weight', 'bias'])"
