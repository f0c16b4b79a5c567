"""Errors of the CSC interface. Clients match the words of `error_description`, so they stay as they are."""

from infra.simulators.web import Reply, reply_json


class CscError(Exception):
    """Answered as `{"error": …, "error_description": …}`."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def reply(self) -> Reply:
        """The answer on the wire."""
        return reply_json({"error": self.error, "error_description": self.description}, self.status)


def invalid(description: str) -> CscError:
    """`invalid_request` with this description."""
    return CscError("invalid_request", description)
