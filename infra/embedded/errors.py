"""The one error of the local stack."""


class StartRefused(Exception):
    """The stack cannot start or go on. `str(error)` is one Vietnamese sentence for whoever started it."""
