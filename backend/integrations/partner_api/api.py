"""The interface for other systems, /api/v1: lists part by part, files, and the document that describes it all.

A key's scope is the only right that it has, and its school the only one that it sees. Every read about pupils is
recorded once the reading transaction has ended.
"""

import base64
import uuid
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OAuthFlow, OAuthFlows, SecurityScheme
from litestar.params import FromPath, QueryParameter, URLEncodedBody

from backend.core import admission, csrf
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.web import CurrentActor, Request, transaction
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.partner_api import service
from backend.integrations.partner_api.schemas import (
    ClassPage,
    DeliveryPage,
    FileKind,
    Problem,
    StudentPage,
    TokenAnswer,
    TokenForm,
    TokenProblem,
    TokenRefused,
    TranscriptItem,
    TranscriptPage,
)
from backend.records.transcripts.schemas import VersionState
from backend.tenants.api_clients.schemas import SCOPE_NAMES, Scope
from backend.tenants.guards import public, scoped

ROOT = "/api/v1"
TOKEN_PATH = f"{ROOT}/oauth/token"
MOST = 200

Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[uuid.UUID | None, QueryParameter(description="`next_cursor` of the part before.")]
_FILES = {FileKind.PDF: "application/pdf", FileKind.XML: "application/xml"}


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        Problem, description=description, media_type="application/problem+json", generate_examples=False
    )


_REFUSALS = {
    400: _problem("The request cannot be read."),
    401: _problem("No token, or one that has ended."),
    403: _problem("The token lacks the scope."),
    422: _problem("A parameter is not what it should be."),
    429: _problem("Too many requests; `Retry-After` says how many seconds to wait."),
    503: _problem("Something that is needed does not answer; try again later."),
}
_MISSING = {404: _problem("The school has no such thing.")}
_NOT_YET = {409: _problem("The transcript has not been issued yet.")}


def _documented(scope: Scope, *more: dict[int, ResponseSpec]) -> dict[str, Any]:
    """What every reading address says of itself."""
    responses = dict(_REFUSALS)
    for one in more:
        responses |= one
    return {
        "opt": {admission.OPTION: RouteClass.API},
        "include_in_schema": True,
        "security": [{"oauth2": [scope.value]}, {"token": []}],
        "responses": responses,
        "tags": [scope.value.partition(":")[0]],
    }


@post(
    TOKEN_PATH,
    guards=[public()],
    opt={admission.OPTION: RouteClass.SIGN_IN, csrf.EXEMPT: "a machine without cookies shows its secret"},
    status_code=200,
    include_in_schema=True,
    responses={
        status: ResponseSpec(TokenProblem, description=description, generate_examples=False)
        for status, description in (
            (400, "The request is wrong."),
            (401, "Unknown client or wrong secret, or its school is closed."),
        )
    }
    | {status: _REFUSALS[status] for status in (422, 429, 503)},
    tags=["oauth"],
)
async def issue_token(
    request: Request, data: URLEncodedBody[TokenForm]
) -> Response[TokenAnswer | TokenProblem]:
    """Change the client's secret for a token of one hour (OAuth 2.0 client credentials)."""
    try:
        answer = await service.issue_token(request.headers.get("authorization", ""), data)
    except TokenRefused as refused:
        return Response(refused.problem, status_code=refused.status, headers=refused.headers)
    return Response(answer, status_code=200)


@get(f"{ROOT}/classes", guards=[scoped(Scope.CLASSES_READ)], **_documented(Scope.CLASSES_READ))
async def list_classes(request: Request, limit: Limit = 50, cursor: Cursor = None) -> ClassPage:
    """Classes of all years."""
    async with transaction(request) as session:
        return await service.classes(session, cursor, limit)


@get(
    f"{ROOT}/classes/{{class_id:uuid}}/students",
    guards=[scoped(Scope.STUDENTS_READ)],
    **_documented(Scope.STUDENTS_READ, _MISSING),
)
async def list_students(
    request: Request,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> StudentPage:
    """Pupils who study in a class now."""
    async with transaction(request) as session:
        found = await service.students(session, class_id, cursor, limit)
    await service.record_read(actor, "students", class_id, [one.id for one in found.items])
    return found


@get(
    f"{ROOT}/transcripts",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    **_documented(Scope.TRANSCRIPTS_READ, _MISSING),
)
async def list_transcripts(
    request: Request,
    actor: CurrentActor,
    class_id: Annotated[uuid.UUID | None, QueryParameter(description="Of this class alone.")] = None,
    in_state: Annotated[VersionState | None, QueryParameter(description="In this state alone.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> TranscriptPage:
    """Versions of transcripts with their states and digests, oldest first."""
    async with transaction(request) as session:
        found = await service.list_transcripts(session, cursor, limit, class_id, in_state)
    await service.record_read(actor, "transcripts", class_id, [one.student_id for one in found.items])
    return found


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    **_documented(Scope.TRANSCRIPTS_READ, _MISSING),
)
async def get_transcript(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> TranscriptItem:
    """One version of a transcript."""
    async with transaction(request) as session:
        found = await service.get_transcript(session, version_id)
    await service.record_read(actor, "transcript", version_id, [found.student_id])
    return found


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}/pdf",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    media_type=_FILES[FileKind.PDF],
    **_documented(Scope.TRANSCRIPTS_READ, _MISSING, _NOT_YET),
)
async def download_pdf(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """The signed PDF of an issued version; `Repr-Digest` (RFC 9530) lets you check what arrived."""
    return await _download(request, actor, version_id, FileKind.PDF)


@get(
    f"{ROOT}/transcripts/{{version_id:uuid}}/xml",
    guards=[scoped(Scope.TRANSCRIPTS_READ)],
    media_type=_FILES[FileKind.XML],
    **_documented(Scope.TRANSCRIPTS_READ, _MISSING, _NOT_YET),
)
async def download_xml(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Response[bytes]:
    """The XML of an issued version, as it goes to the Authority; with `Repr-Digest` (RFC 9530)."""
    return await _download(request, actor, version_id, FileKind.XML)


async def _download(request: Request, actor: Actor, version_id: uuid.UUID, kind: FileKind) -> Response[bytes]:
    async with transaction(request) as session:
        student_id, sha256 = await service.find_file(session, version_id, kind)
    data = await service.file(actor, sha256)
    await service.record_read(actor, f"file {kind}", version_id, [student_id])
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{version_id}.{kind}"',
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return Response(data, media_type=_FILES[kind], headers=headers)


@get(f"{ROOT}/deliveries", guards=[scoped(Scope.DELIVERIES_READ)], **_documented(Scope.DELIVERIES_READ))
async def list_deliveries(
    request: Request,
    actor: CurrentActor,
    in_state: Annotated[DeliveryState | None, QueryParameter(description="In this state alone.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryPage:
    """What was sent to the Authority and what it answered, oldest first."""
    async with transaction(request) as session:
        found = await service.list_deliveries(session, cursor, limit, in_state)
    await service.record_read(actor, "deliveries", None, [one.student_id for one in found.items])
    return found


OPENAPI = OpenAPIConfig(
    title="Hocba",
    version="1",
    description="Read a school's classes, pupils, transcripts and deliveries with a key that the school has given.",
    use_handler_docstrings=True,
    components=Components(
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", description="A fixed token of the school."),
            "oauth2": SecurityScheme(
                type="oauth2",
                flows=OAuthFlows(
                    client_credentials=OAuthFlow(
                        token_url=TOKEN_PATH,
                        scopes={scope.value: name for scope, name in SCOPE_NAMES.items()},
                    )
                ),
            ),
        }
    ),
    openapi_router=Router(path=ROOT, guards=[public()], route_handlers=[]),
    render_plugins=[JsonRenderPlugin()],
)
