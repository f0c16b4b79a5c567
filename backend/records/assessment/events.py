"""What assessment announces."""

from backend.core.events import Event


class ResultsComputed(Event, frozen=True):
    """The machine has assessed a class; the subject is the class."""


class ResultsConfirmed(Event, frozen=True):
    """The homeroom teacher has confirmed the results of a class; the subject is the class."""
