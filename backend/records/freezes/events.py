"""What freezing many classes announces."""

from backend.core.events import Event


class ClassFreezeAsked(Event, frozen=True):
    """A class is to be frozen with others; the subject is its row in the run."""
