"""The device: there is one, the CPU. Scripts that ask for it by PyTorch's names run."""

from __future__ import annotations

from typing import Any

from .errors import ArgumentError, AssertedArgumentError


class Device:
    """`device("cpu")`, also in `with device("cpu"):`, where tensors are made on it.

    >>> tg.device("cpu"), tg.zeros(2).device == tg.device("cpu")
    (device(type='cpu'), True)
    """

    type = "cpu"
    index = None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        name = type.type if isinstance(type, Device) else str(type)
        if name.split(":")[0] != "cpu":
            raise AssertedArgumentError(f"device: {name!r} does not exist here; everything runs on 'cpu'")

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return hash("cpu")

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *error: object) -> None:
        pass


cpu = Device()
device = Device


def as_device(device: Any) -> Device:
    """The device meant by a name. Raises ArgumentError for anything but the CPU."""
    return Device(device)


class _Absent:
    """A kind of device that is not there."""

    @staticmethod
    def is_available() -> bool:
        """False: there is no such device."""
        return False

    @staticmethod
    def device_count() -> int:
        """0."""
        return 0


class cuda(_Absent):  # noqa: N801
    """What scripts ask before they move to a GPU, and what they do there in passing: nothing.

    >>> tg.cuda.is_available(), tg.cuda.device_count()
    (False, 0)
    """

    @staticmethod
    def manual_seed(seed: int) -> None:
        """Nothing: there is no generator but those of the CPU."""

    manual_seed_all = manual_seed

    @staticmethod
    def empty_cache() -> None:
        """Nothing: there is no cache."""


class accelerator(_Absent):  # noqa: N801
    """What scripts ask to choose a device: there is no accelerator.

    >>> tg.accelerator.current_accelerator().type if tg.accelerator.is_available() else "cpu"
    'cpu'
    """

    @staticmethod
    def current_accelerator(check_available: bool = False) -> Any:
        """None."""
        return None


def get_default_device() -> Device:
    """Where tensors are made: on the CPU.

    >>> tg.get_default_device()
    device(type='cpu')
    """
    return cpu


def set_default_device(device: Any) -> None:
    """Nothing: tensors are made on the CPU. Raises ArgumentError for another device.

    >>> tg.set_default_device("cpu")
    """
    if device is not None:
        as_device(device)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: all there is is deterministic.

    >>> tg.use_deterministic_algorithms(True)
    """


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing: products are computed in the precision of their arguments, whatever less is allowed ("highest", "high" or "medium").

    >>> tg.set_float32_matmul_precision("high")
    """
    if not isinstance(precision, str) or precision not in ("highest", "high", "medium"):
        raise ArgumentError(f'set_float32_matmul_precision: must be "highest", "high" or "medium", got {precision!r}')
