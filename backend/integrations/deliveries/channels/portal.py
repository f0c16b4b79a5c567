"""A portal that a person uses: what is sent is the line that belongs into its file; the portal itself is asked nothing.

What comes back is the receipt that the person uploads (slice `portal`).
"""

from backend.core import clock
from backend.integrations.deliveries.channels import port, rest
from backend.integrations.deliveries.schemas import Action
from backend.integrations.profiles.mapping import BadMapping

_TARGET = "cổng nộp tay"


class PortalChannel:
    """The port `Channel` where no wire leads. Holds nothing."""

    def make(self, endpoint: port.Endpoint, message: port.Message) -> bytes:
        """The line of the file; of what is to be taken back a letter tells. Raises BadMapping."""
        return b"" if message.action == Action.RECALL else rest.encode(endpoint, message)

    async def send(
        self, endpoint: port.Endpoint, message: port.Message, content: bytes | None = None
    ) -> port.SendResult:
        """Make the line; a person carries it from here."""
        try:
            line = self.make(endpoint, message) if content is None else content
        except BadMapping as error:
            reason = rest.UNMAPPED.format(reason=error)
            return port.NotSent(reason=reason, evidence=_evidence(b""), needs_person=True)
        return port.ForPerson(evidence=_evidence(line))

    async def query(self, endpoint: port.Endpoint, message_id: str, sender_code: str) -> port.QueryResult:
        """Nobody has carried it there, as far as anybody said: it is to be sent."""
        return port.NotFound(evidence=_evidence(b""))


def _evidence(sent: bytes) -> port.Evidence:
    now = clock.now()
    return port.Evidence(target=_TARGET, started_at=now, ended_at=now, sent=sent, received=b"", status=None)
