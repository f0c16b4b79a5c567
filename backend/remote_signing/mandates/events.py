"""What mandates announce."""

from backend.core.events import Event


class SealMandateGiven(Event, frozen=True):
    """The seal may seal by itself from now on; the subject is the mandate."""
