"""What taking a school's data away announces."""

from backend.core.events import Event


class SchoolExportAsked(Event, frozen=True):
    """The owner wants all data of the school; the subject is the export."""
