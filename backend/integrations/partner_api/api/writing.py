"""What other systems write into a school: the roster, and marks in open sheets. All of a request, or nothing.

Each deed has an `Idempotency-Key`: the same request twice is one deed with one answer, whatever crashed in between.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from litestar import Response, post
from litestar.params import JSONBody

from backend.core.actor import Actor
from backend.core.api_document import ROOT, IdempotencyKey, documented_deed
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.web import CurrentActor, Request, transaction
from backend.integrations.partner_api import once, writing
from backend.integrations.partner_api.schemas import (
    ClassesIn,
    ClassesTaken,
    MarksIn,
    MarksTaken,
    StudentsIn,
    StudentsTaken,
)
from backend.tenants.api_clients.schemas import Scope
from backend.tenants.guards import scoped

Answer = TypeVar("Answer", ClassesTaken, StudentsTaken, MarksTaken)


@post(
    f"{ROOT}/classes",
    guards=[scoped(Scope.ROSTER_WRITE)],
    status_code=200,
    **documented_deed(Scope.ROSTER_WRITE),
)
async def push_classes(
    request: Request, actor: CurrentActor, data: JSONBody[ClassesIn], idempotency_key: IdempotencyKey
) -> Response[ClassesTaken]:
    """Open classes in the school's working year, each with its sheets; a class that is there stays as it is.

    Mở lớp trong năm học trường đang làm việc, kèm sổ điểm; lớp đã có được giữ nguyên.
    """
    return await _once(
        request,
        actor,
        idempotency_key,
        ClassesTaken,
        lambda session: writing.open_classes(session, actor, data),
    )


@post(
    f"{ROOT}/students",
    guards=[scoped(Scope.ROSTER_WRITE)],
    status_code=200,
    **documented_deed(Scope.ROSTER_WRITE),
)
async def push_students(
    request: Request, actor: CurrentActor, data: JSONBody[StudentsIn], idempotency_key: IdempotencyKey
) -> Response[StudentsTaken]:
    """Enter pupils into classes of the working year by their code: added, corrected, moved, or let go.

    Ghi học sinh vào lớp của năm học hiện tại theo mã: thêm mới, sửa thông tin, chuyển lớp. A value that is left out is
    never erased; who `status` says has left gives up the place.
    """
    return await _once(
        request,
        actor,
        idempotency_key,
        StudentsTaken,
        lambda session: writing.take_students(session, actor, data),
    )


@post(
    f"{ROOT}/marks", guards=[scoped(Scope.MARKS_WRITE)], status_code=200, **documented_deed(Scope.MARKS_WRITE)
)
async def push_marks(
    request: Request, actor: CurrentActor, data: JSONBody[MarksIn], idempotency_key: IdempotencyKey
) -> Response[MarksTaken]:
    """Write marks into open sheets of the working year, by the rules of the sheet itself; an empty value clears a cell.

    Ghi điểm vào sổ đang mở của năm học hiện tại, theo đúng quy tắc của sổ; giá trị trống là xóa ô.
    """
    return await _once(
        request, actor, idempotency_key, MarksTaken, lambda session: writing.take_marks(session, actor, data)
    )


async def _once(
    request: Request,
    actor: Actor,
    key: str,
    kind: type[Answer],
    deed: Callable[[TenantSession], Awaitable[Answer]],
) -> Response[Answer]:
    """The deed and its answer in one transaction: after a crash either both are there, or neither."""
    digest = sha256_hex(b"\n".join((request.scope["path"].encode(), await request.body())))
    async with transaction(request) as session:
        answer, replayed = await once.answer(session, actor, once.Asked(key, digest), kind, deed)
    return Response(answer, headers={"Idempotent-Replayed": "true"} if replayed else {})
