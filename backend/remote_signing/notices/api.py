"""Where signing services post that a person has answered. The address itself is the secret that two sides share."""

from litestar import Response, post
from litestar.params import FromPath

from backend.core import admission, csrf
from backend.core.admission import RouteClass
from backend.core.database import TenantId, tenant_session, turns
from backend.core.web import Request
from backend.remote_signing.notices import service
from backend.remote_signing.notices.schemas import Taken
from backend.tenants.guards import public


@post(
    "/bao-tin/{name:str}",
    guards=[public()],
    opt={
        admission.OPTION: RouteClass.LOOKUP,
        csrf.EXEMPT: "a signing service without cookies shows a secret address",
    },
    status_code=200,
)
async def take_notice(request: Request, name: FromPath[str]) -> Response[Taken]:
    """A notice of a service: it only hastens a question that we ask anyway."""
    tenant_id, provider = service.place_of(name)
    body = await request.body()
    async with turns(), tenant_session(TenantId(tenant_id), address=request.url.path) as session:
        await service.take(session, provider, request.headers, body)
    return Response(Taken())
