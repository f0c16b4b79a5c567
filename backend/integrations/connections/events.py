"""What happens to a school's connection; the subject is the binding."""

from backend.core.events import Event


class TrialAsked(Event, frozen=True):
    """The Authority is to be asked whether it answers."""
