"""What a computer with the seal's token asks: it shows its code once, then waits for hashes and hands values in."""

import asyncio
import time
import uuid
from typing import TypeVar

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from backend.core import admission, csrf
from backend.core.admission import RouteClass
from backend.core.database import TenantId, tenant_session, turns
from backend.core.errors import Invalid
from backend.core.web import Request
from backend.remote_signing.token_helpers import service
from backend.remote_signing.token_helpers.schemas import (
    Accepted,
    Asking,
    HandIn,
    Paired,
    Pairing,
    Refusal,
    Work,
    WorkList,
)
from backend.tenants.guards import public

_WHY = "a computer without cookies signs each request with its own key"
_ITS_OWN = "/may-ky/{name:str}"
#: Longest wait for work, and how often it is looked for meanwhile (seconds).
MOST_WAIT, LOOK = 25.0, 1.0
_Body = TypeVar("_Body")


@post(
    "/may-ky/ghep",
    guards=[public()],
    opt={
        admission.OPTION: RouteClass.SIGN_IN,
        csrf.EXEMPT: "a computer without cookies shows a one-time code",
    },
    status_code=200,
)
async def pair(request: Request) -> Response[Paired]:
    """A computer shows its code, its key, and its token's certificate."""
    sent = await _read(request, Pairing)
    tenant_id, helper_id, secret = service.place_of(sent.code)
    async with turns(), tenant_session(TenantId(tenant_id), address=request.url.path) as session:
        return Response(await service.receive(session, helper_id, secret, sent))


@post(
    f"{_ITS_OWN}/viec",
    guards=[public()],
    opt={admission.OPTION: RouteClass.LOOKUP, csrf.EXEMPT: _WHY},
    status_code=200,
)
async def work(request: Request, name: FromPath[str]) -> Response[WorkList]:
    """What waits for the token; while nothing does, the answer waits, too."""
    sent = await _read(request, Asking)
    tenant_id, helper_id = service.named(name)
    until = time.monotonic() + min(sent.wait, MOST_WAIT)
    first = True
    while True:
        found, is_active = await _look(request, tenant_id, helper_id, first=first)
        if found or time.monotonic() + LOOK > until:
            return Response(WorkList(active=is_active, work=tuple(found)))
        first = False
        await asyncio.sleep(LOOK)


@post(
    f"{_ITS_OWN}/ket-qua",
    guards=[public()],
    opt={admission.OPTION: RouteClass.LOOKUP, csrf.EXEMPT: _WHY},
    status_code=200,
)
async def hand_in(request: Request, name: FromPath[str]) -> Response[Accepted]:
    """Values that the token has made."""
    sent, body = await _read(request, HandIn), await request.body()
    tenant_id, helper_id = service.named(name)
    async with turns(), tenant_session(TenantId(tenant_id), address=request.url.path) as session:
        row = await service.identify(session, helper_id, request.url.path, request.headers, body)
        taken = await service.take(session, row, sent.call, sent.values)
    if isinstance(taken, Invalid):
        raise taken
    return Response(Accepted(taken=taken))


@post(
    f"{_ITS_OWN}/tu-choi",
    guards=[public()],
    opt={admission.OPTION: RouteClass.LOOKUP, csrf.EXEMPT: _WHY},
    status_code=200,
)
async def decline(request: Request, name: FromPath[str]) -> Response[Accepted]:
    """The person beside the token does not sign what was asked."""
    sent, body = await _read(request, Refusal), await request.body()
    tenant_id, helper_id = service.named(name)
    async with turns(), tenant_session(TenantId(tenant_id), address=request.url.path) as session:
        row = await service.identify(session, helper_id, request.url.path, request.headers, body)
        return Response(Accepted(taken=await service.decline(session, row, sent.call)))


async def _look(
    request: Request, tenant_id: uuid.UUID, helper_id: uuid.UUID, *, first: bool
) -> tuple[list[Work], bool]:
    async with turns(), tenant_session(TenantId(tenant_id), address=request.url.path) as session:
        body = await request.body()
        row = await service.identify(session, helper_id, request.url.path, request.headers, body)
        if first:
            await service.seen(session, helper_id)
        return await service.work_for(session, row), row.state == "active"


async def _read(request: Request, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid("Máy ký gửi nội dung không đúng định dạng; xin cập nhật chương trình.") from error
