"""What the gradebook announces."""

from backend.core.events import Event


class GradeSheetLocked(Event, frozen=True):
    """A sheet was locked; the subject is the sheet."""
