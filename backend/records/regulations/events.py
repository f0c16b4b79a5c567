"""What regulations announce."""

from backend.core.events import Event


class RegulationsChanged(Event, frozen=True):
    """Other readings hold in a school year; the subject is a class of that year."""
