"""What the life of a transcript version announces; the subject is the version."""

from backend.core.events import Event


class TranscriptFrozen(Event, frozen=True):
    """The content is fixed."""


class TranscriptRendered(Event, frozen=True):
    """PDF and XML are made and stored."""


class TranscriptIssued(Event, frozen=True):
    """All have signed; the lookup code answers."""


class TranscriptRecallAsked(Event, frozen=True):
    """Management has decided that an issued version does not stand: the Authority is to recall it."""


class TranscriptLocked(Event, frozen=True):
    """It is in force, and nothing of it changes any more."""


class TranscriptRecalled(Event, frozen=True):
    """The Authority has taken it back out."""


class TranscriptReplaced(Event, frozen=True):
    """The next version stands in its place."""
