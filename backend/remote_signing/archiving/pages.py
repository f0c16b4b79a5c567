"""The history of a signature: from the request to the stamp of the archive."""

import uuid

from litestar import get
from litestar.params import FromPath

from backend.core.web import CurrentActor, Html, Request, page, transaction, without_transaction
from backend.remote_signing.archiving import history
from backend.remote_signing.requests import service as requests
from backend.remote_signing.requests.schemas import ROLE_NAMES
from backend.tenants.factors.schemas import FACTOR_NAMES
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission


@get(
    "/ky/luot/{step_id:uuid}/lich-su",
    guards=[requires(Permission.SIGN, Permission.SEAL, Permission.AUDIT_READ), without_transaction],
)
async def show_history(request: Request, actor: CurrentActor, step_id: FromPath[uuid.UUID]) -> Html:
    """Request, attempts, transactions, signatures, time stamps, archive: for the signer, the owner and the principal."""
    async with transaction(request) as session:
        turn = await requests.history_of_turn(session, actor, step_id)
        forms = await history.stamped_forms(session, turn.request_id)
    return page(
        request,
        "remote_signing/archiving/turn.html",
        turn=turn,
        parts=await history.stamped_parts(actor.tenant_id, turn),
        forms=forms,
        names=ROLE_NAMES,
        factors=FACTOR_NAMES,
    )
