"""What the roster announces."""

from backend.core.events import Event


class PupilNeedsAssessment(Event, frozen=True):
    """Whether a pupil is assessed was changed; the subject is the pupil."""
