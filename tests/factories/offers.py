"""Schools that the operator has opened under their codes, and a package that one offers to another."""

import uuid

from backend.core import storage
from backend.core.crypto import sha256_hex
from backend.core.database import TenantId, platform_session, public_session, tenant_session
from backend.core.ids import new_id
from backend.records.transfers import queries
from backend.tenants.openings import queries as openings
from backend.tenants.openings.schemas import Applicant, Application, ApplicationId, ApplicationState
from backend.tenants.schools import service as schools
from tests.factories.signing_school import profile_of


async def vouch_for(tenant_id: TenantId) -> None:
    """The operator has opened the school under its code."""
    async with tenant_session(tenant_id, read_only=True) as session:
        profile = await schools.get_school(session)
    applicant = Applicant(name="Cầm Thị Mai", email="chu@truong.example", phone="")
    application = Application(school=profile, applicant=applicant)
    application_id, approved = ApplicationId(new_id()), ApplicationState.APPROVED
    async with public_session() as session:
        await openings.file(session, application_id, application)
    async with platform_session() as session:
        await openings.decide(session, "van-hanh", application_id, approved, "", tenant_id)


async def offer_to(tenant_id: TenantId) -> uuid.UUID:
    """Another school offers a package, which cannot be read, to this one; the offer."""
    sender, transfer_id = TenantId(new_id()), new_id()
    await schools.open_school(sender, profile_of(sender, "Trường Gửi Đến"))
    await vouch_for(sender)
    async with tenant_session(tenant_id, read_only=True) as session:
        code = (await schools.get_school(session)).code
    async with tenant_session(sender, read_only=True) as session:
        known = await queries.receiver_of(session, code)
    if known is None:
        await vouch_for(tenant_id)
    data = transfer_id.bytes
    await storage.put(tenant_id, data)
    async with tenant_session(sender) as session:
        assert await queries.offer(session, transfer_id, code, sha256_hex(data))
    return transfer_id
