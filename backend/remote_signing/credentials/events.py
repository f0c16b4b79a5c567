"""What credentials announce."""

from backend.core.events import Event


class CertificateReplaced(Event, frozen=True):
    """Another certificate of the holder's signs from now on; the subject is the earlier one."""
