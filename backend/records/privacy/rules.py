"""By when a request must be answered, and what may be done with it (Luật 91/2025/QH15, Nghị định 356/2025/NĐ-CP).

The days are our reading of both texts, always the shorter one where they can be read in two ways.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from backend.core.errors import Conflict
from backend.records.privacy.schemas import Deadlines, RequestKind, RequestState

#: Working days until whoever asks is told that the request has come.
ACKNOWLEDGE_WORKING_DAYS = 2
#: Days until the answer, without those that are added where a processor must act.
ANSWER_DAYS = {
    RequestKind.SEE: 10,
    RequestKind.COPY: 10,
    RequestKind.CORRECT: 10,
    RequestKind.DELETE: 20,
    RequestKind.OBJECT: 15,
}
#: Once, with a reason.
EXTENSION_DAYS = 15
_SATURDAY = 5
_OPEN = frozenset({RequestState.RECEIVED, RequestState.UNDER_WAY})


def deadlines(kind: RequestKind, received_on: date) -> Deadlines:
    """The last days of a request that came on a day."""
    return Deadlines(
        acknowledge_by=after_working_days(received_on, ACKNOWLEDGE_WORKING_DAYS),
        answer_by=received_on + timedelta(days=ANSWER_DAYS[kind]),
    )


def after_working_days(start: date, count: int) -> date:
    """The day that is `count` working days later. Public holidays count as working days: so no day is too late."""
    day = start
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < _SATURDAY
    return day


def extended(answer_by: date, reason_before: str | None) -> date:
    """The last day after an extension. Raises Conflict for a second one."""
    if reason_before is not None:
        raise Conflict("Yêu cầu này đã được gia hạn một lần; pháp luật không cho gia hạn nữa.")
    return answer_by + timedelta(days=EXTENSION_DAYS)


def without_other_requesters(
    rows: Iterable[Mapping[str, Any]], request_id: uuid.UUID, theirs: Iterable[str]
) -> list[dict[str, Any]]:
    """Rows of requests about one pupil; all but the one with that id without the columns that are `theirs`."""
    hidden = frozenset(theirs)
    return [
        {name: value for name, value in row.items() if row["id"] == request_id or name not in hidden}
        for row in rows
    ]


def require_open(state: RequestState) -> None:
    """Raises Conflict for a request that was closed."""
    if state not in _OPEN:
        raise Conflict("Yêu cầu này đã được trả lời; nếu người yêu cầu hỏi tiếp, hãy ghi một yêu cầu mới.")
