"""What an Authority has said of a transcript version; the subject is the version."""

from backend.core.events import Event


class DeliveryPackaged(Event, frozen=True):
    """The package of the version is queued for it; nothing has left."""


class DeliverySubmitted(Event, frozen=True):
    """It has the message, and has not decided."""


class DeliveryAccepted(Event, frozen=True):
    """It has taken the version into its database."""


class DeliveryRejected(Event, frozen=True):
    """It refuses the version."""


class DeliveryLocked(Event, frozen=True):
    """It has taken the version in, and nothing of it changes any more."""


class DeliveryRecalled(Event, frozen=True):
    """It has taken the version back out, or never had it."""


class RecallRefused(Event, frozen=True):
    """It does not take the version back out: it has locked it."""


class RecallReturned(Event, frozen=True):
    """It does not take the recall as it was asked for; the version stands there as before."""
