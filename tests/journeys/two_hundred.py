"""A school whose principal has 200 documents to sign, as a program of its own in the environment of a running stack."""

import asyncio
import re
import uuid

from backend.core import http_client, storage
from backend.core.actor import machine
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import PDF_TYPE, NewRequest, NewSigner
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from infra.demo import sandbox_desk
from infra.demo.seed import PASSWORD
from tests.factories.signing_school import PRINCIPAL, profile_of
from tests.remote_signing.formats.world import SNAPSHOT, canonical, render

COUNT = 200
LOGIN = "hieutruong@haitram.hocba.test"
NAME = "Nùng Thị Hai Trăm"
_ID = re.compile(rb"/ID\[\(([^)]{24})\)")


def documents() -> list[bytes]:
    """One small page so many times, each unlike the others by what its trailer calls it."""
    page = render(SNAPSHOT, canonical(SNAPSHOT))
    found = _ID.search(page)
    assert found is not None
    return [
        signing.with_fields(
            page[: found.start(1)] + f"{number:024d}".encode() + page[found.end(1) :], [PRINCIPAL]
        )
        for number in range(1, COUNT + 1)
    ]


async def prepare() -> None:
    """Open the school, give its principal a certificate, and lay the documents into the tray."""
    tenant_id = TenantId(new_id())
    profile = profile_of(tenant_id, "Trường Hai Trăm Học Bạ")
    await schools.open_school(tenant_id, profile)
    application = sandbox_desk.Application(account=LOGIN, name=NAME, organisation=profile.name)
    await sandbox_desk.enrol(application)
    [certificate] = await gateway.credentials_at(SANDBOX, LOGIN)
    pages = documents()
    await asyncio.gather(*(storage.put(tenant_id, page) for page in pages))
    async with tenant_session(tenant_id) as session:
        by = machine(tenant_id)
        principal = await people.add_staff(session, by, NAME, LOGIN, "Hiệu trưởng", [Role.PRINCIPAL])
        await access.create_account(session, principal, LOGIN, PASSWORD)
        await credentials.enrol(session, by, certificate, provider=SANDBOX, account=LOGIN, staff_id=principal)
        files = [storage.file_of(page, PDF_TYPE) for page in pages]
        await storage.register(session, *files)
        await signing.open_requests(
            session,
            [
                NewRequest(
                    subject_id=uuid.uuid4(),
                    label=f"Học sinh số {number:03}",
                    group=f"Lớp {1 + number % 5}A",
                    sort_key=f"{number:03}",
                    document_sha256=file.sha256,
                    signers=(NewSigner(role=PRINCIPAL, staff_id=principal, name=NAME),),
                )
                for number, file in enumerate(files, 1)
            ],
        )
    await http_client.aclose()


if __name__ == "__main__":
    asyncio.run(prepare())
