"""What issuing a copy announces."""

from backend.core.events import Event


class CopyIssued(Event, frozen=True):
    """A copy stands in the register; the subject is the copy."""
