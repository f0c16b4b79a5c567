"""What a transfer announces; the subject is the transfer."""

from backend.core.events import Event


class TransferDrafted(Event, frozen=True):
    """A package is to be made."""


class TransferSealed(Event, frozen=True):
    """Everybody has signed the package."""


class TransferOffered(Event, frozen=True):
    """The package is offered to another school of the platform, whose answer is waited for."""
