"""Each deed of another system is done once: its answer is kept in the same transaction under the key that it chose.

For the slice's own interface: no door.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import msgspec

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.integrations.partner_api import queries

#: So long a key is remembered; a retry comes within days.
REMEMBERED = timedelta(days=30)

Answer = TypeVar("Answer")


class Asked(msgspec.Struct, frozen=True):
    """The client's key for a deed, and the digest of address and body that it was first sent with."""

    key: str
    request_sha256: str


async def answer(
    session: TenantSession,
    actor: Actor,
    asked: Asked,
    kind: type[Answer],
    deed: Callable[[TenantSession], Awaitable[Answer]],
) -> tuple[Answer, bool]:
    """The deed's answer, and whether it is one from before. What is refused is kept nowhere: nothing was done.

    Raises Conflict while the same key is being worked on, Invalid where it came with another request, and whatever the
    deed raises.
    """
    if actor.client_id is None:
        raise Forbidden("Địa chỉ này chỉ dành cho hệ thống khác có mã truy cập của trường.")
    if not await queries.hold_key(session, actor.client_id, asked.key):
        raise Conflict(
            "Yêu cầu có cùng Idempotency-Key đang được xử lý; xin chờ vài giây rồi gửi lại y như cũ."
        )
    known = await queries.find_answer(session, actor.client_id, asked.key)
    if known is not None:
        if known.request_sha256 != asked.request_sha256:
            raise Invalid(
                "Idempotency-Key này đã dùng cho một yêu cầu có nội dung khác; xin đặt khóa mới cho yêu cầu mới."
            )
        return msgspec.json.decode(known.answer, type=kind), True
    said = await deed(session)
    now = clock.now()
    await queries.forget_answers(session, actor.client_id, now - REMEMBERED)
    body = msgspec.json.encode(said).decode()
    await queries.insert_answer(session, actor.client_id, asked.key, asked.request_sha256, body, now)
    return said, False
