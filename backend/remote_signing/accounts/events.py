"""What is announced of a school's keys."""

from backend.core.events import Event


class SecretKeyRotated(Event, frozen=True):
    """The school has a new key; what others closed under an earlier one is to be closed under it."""
