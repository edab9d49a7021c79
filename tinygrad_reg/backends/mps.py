"""What scripts ask before they move to one of Apple's GPUs."""


def is_available() -> bool:
    """False.

    >>> tg.backends.mps.is_available()
    False
    """
    return False


is_built = is_available
