"""What the signing flow announces."""

from backend.core.events import Event


class SigningConsented(Event, frozen=True):
    """A signer agreed to a batch; the subject is one of its provider calls."""


class TurnsOpened(Event, frozen=True):
    """Others' turns have come with what was signed; the subject is the batch that signed it."""


class SigningRequestSigned(Event, frozen=True):
    """Everybody has signed; the subject is the request."""


class SigningRequestCompleted(Event, frozen=True):
    """The signed document is final; the subject is the request."""
