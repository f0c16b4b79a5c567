"""The token end point: a client's secret for a token of one hour."""

from litestar import Response, post
from litestar.openapi import ResponseSpec
from litestar.params import URLEncodedBody

from backend.core import admission, csrf
from backend.core.admission import RouteClass
from backend.core.api_document import REFUSALS, TOKEN_PATH
from backend.core.web import Request
from backend.integrations.partner_api import service
from backend.integrations.partner_api.schemas import TokenAnswer, TokenForm, TokenProblem, TokenRefused
from backend.tenants.guards import public


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
    | {status: REFUSALS[status] for status in (422, 429, 503)},
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
