"""cuDNN's switches, which scripts set without asking whether it is there."""

enabled = False
benchmark = False
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """False.

    >>> tg.backends.cudnn.is_available()
    False
    """
    return False
