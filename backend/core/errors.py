"""The few errors that a use case may raise. The edge (`core/web.py`) turns each into a page, a fragment or JSON.

Every error carries one Vietnamese sentence for a person: what happened, to which row, field or person, and what to do.
"""

from collections.abc import Sequence
from http import HTTPStatus


class AppError(Exception):
    """An expected failure. `message` is shown to people as it stands."""

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(AppError):
    """It does not exist, or it belongs to somebody else: the two are never told apart."""

    status = HTTPStatus.NOT_FOUND


class Unauthenticated(AppError):
    """Nobody is signed in, or the session has ended."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(AppError):
    """The person is known and may not do this."""

    status = HTTPStatus.FORBIDDEN


class FactorNeeded(Forbidden):
    """Their school asks the person for a passkey or a code app, and they have none: the page of the account adds one."""


class VerificationNeeded(AppError):
    """The person is signed in and must prove once more that it is they; `back` is the page to return to.

    `for_factors`: the deed is about the person's own factors.
    """

    status = HTTPStatus.FORBIDDEN

    def __init__(self, back: str = "", *, for_factors: bool = False) -> None:
        super().__init__(
            "Việc này cần xác minh lại rằng chính bạn đang thực hiện; xin xác minh rồi làm tiếp."
        )
        self.back, self.for_factors = back, for_factors


class Conflict(AppError):
    """The thing is in a state in which this cannot be done, or somebody else was faster."""

    status = HTTPStatus.CONFLICT


class Invalid(AppError):
    """The input is not acceptable."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class RowsInvalid(Invalid):
    """Several places of the input are not acceptable: for each its JSON pointer (RFC 6901) and a sentence for people."""

    def __init__(self, message: str, places: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.places = tuple(places)


class Unavailable(AppError):
    """Something that we depend on does not answer; trying again later may help."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
