"""What the gradebook announces."""

from backend.core.events import Event


class GradeSheetLocked(Event, frozen=True):
    """A sheet was locked, for the first time or again; the subject is the sheet."""


class GradeSheetReopened(Event, frozen=True):
    """A locked sheet was opened again; the subject is the sheet."""
