"""The exception family.

Every error the library raises on purpose derives from `TinygradRegError` and from the built-in class
that a PyTorch user would catch for the same mistake. Messages say what was asked, what was given and what to do.
"""


class TinygradRegError(Exception):
    """Root of all errors raised on purpose by tinygrad_reg."""


class ShapeError(TinygradRegError, ValueError, RuntimeError):
    """Shapes do not fit the operation."""


class DimensionError(TinygradRegError, IndexError, RuntimeError):
    """A dimension or an index is out of range."""


class DtypeError(TinygradRegError, TypeError, NotImplementedError):
    """A dtype does not fit the operation, or the operation is not there for the dtype (NotImplementedError is a RuntimeError)."""


class ArgumentError(TinygradRegError, ValueError, RuntimeError):
    """The value of an argument is outside what the function accepts."""


class AssertedShapeError(ShapeError, AssertionError):
    """Shapes do not fit, where PyTorch checks with an assert."""


class AssertedDtypeError(DtypeError, AssertionError):
    """A dtype does not fit, where PyTorch checks with an assert."""


class AssertedArgumentError(ArgumentError, AssertionError):
    """The value of an argument is outside what the function accepts, where PyTorch checks with an assert."""


class MissingRankError(ShapeError, NotImplementedError):
    """The operation is not there for tensors of so many dimensions."""


class MissingModeError(ArgumentError, NotImplementedError):
    """The operation has no such mode, or not together with the other arguments."""


class MissingOptionError(ArgumentError, KeyError):
    """A hyper-parameter that is needed was never set."""

    __str__ = Exception.__str__  # KeyError would print the message quoted


class RangeError(TinygradRegError, OverflowError, ValueError, RuntimeError):
    """A number does not fit into the dtype that is to hold it."""


class AllocationError(TinygradRegError, MemoryError, RuntimeError):
    """A result would not fit into memory."""


class ArgumentTypeError(TinygradRegError, TypeError, RuntimeError):
    """The type of an argument is not one the function accepts."""


class GradientError(TinygradRegError, RuntimeError):
    """A gradient was asked for that does not exist, or can no longer be computed."""


class InplaceError(GradientError):
    """An in-place change would make, or has made, a gradient wrong."""


class ExportError(TinygradRegError, BufferError):
    """The memory of a tensor cannot be handed to another library."""


class RuleError(TinygradRegError, TypeError):
    """A primitive was declared without a complete set of derivative rules."""


class TraceError(TinygradRegError, RuntimeError):
    """A traced step did something that cannot be replayed."""


class CompileError(TinygradRegError, RuntimeError):
    """The C compiler refused a source, or what it made cannot be loaded."""


class MemberError(TinygradRegError, AttributeError):
    """A module has no such parameter, buffer or submodule, or cannot hold one yet."""


class RegistrationError(TinygradRegError, KeyError):
    """A name under which something is to be registered is taken or not a name."""

    __str__ = Exception.__str__  # KeyError would print the message quoted


class StateDictError(TinygradRegError, RuntimeError):
    """A state does not belong to the object it is loaded into."""


class MissingForwardError(TinygradRegError, NotImplementedError):
    """A module was called that does not say what it computes."""


class MissingStateError(TinygradRegError, RuntimeError):
    """A module was asked for an extra state that it does not define."""


class NotProvidedError(TinygradRegError, AttributeError, NotImplementedError):
    """PyTorch has this name, this package has it not; the message says what to use instead."""


class CheckpointError(TinygradRegError, ValueError, RuntimeError):
    """A file is damaged, cut off, or not a checkpoint."""


class DatasetError(TinygradRegError, ValueError, AssertionError):
    """Datasets, or the tensors of one, do not fit together."""


class WorkerError(TinygradRegError, RuntimeError):
    """A worker process of a DataLoader died, or did not answer in time."""


class MissingExtraError(TinygradRegError, ImportError):
    """A package that a part of the library needs is not installed."""
