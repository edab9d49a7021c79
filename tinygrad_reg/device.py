"""The device: there is one, the CPU. Scripts that ask for it by PyTorch's names run."""

from __future__ import annotations

from typing import Any

from .errors import ArgumentError


class Device:
    """`device("cpu")`.

    >>> tg.device("cpu"), tg.zeros(2).device == tg.device("cpu")
    (device(type='cpu'), True)
    """

    type = "cpu"
    index = None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        name = type.type if isinstance(type, Device) else str(type)
        if name.split(":")[0] != "cpu":
            raise ArgumentError(f"device: {name!r} does not exist here; everything runs on 'cpu'")

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return hash("cpu")


cpu = Device()
device = Device


def as_device(device: Any) -> Device:
    """The device meant by a name. Raises ArgumentError for anything but the CPU."""
    return Device(device)


class cuda:  # noqa: N801
    """What scripts ask before they move to a GPU.

    >>> tg.cuda.is_available()
    False
    """

    @staticmethod
    def is_available() -> bool:
        """False: there is no GPU support."""
        return False
