"""Opening a school: anybody asks, the operator of the platform decides, the first owner takes up an invitation.

What the operator does goes through a role of its own, and every use leaves a line in the platform's audit.
"""

import uuid
from collections.abc import Iterable

from backend.core import rate_limit
from backend.core.database import platform_session, public_session, tenant_session
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.core.text import check_text
from backend.tenants.openings import queries, rules
from backend.tenants.openings.schemas import (
    Applicant,
    Application,
    ApplicationId,
    ApplicationState,
    FiledApplication,
    OpenedSchool,
)
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel
from backend.tenants.staffing import service as staffing

PER_NETWORK = rate_limit.Limit(name="open-school", burst=3, per_seconds=3600)
#: However many networks ask: the operator reads each application.
IN_ALL = rate_limit.Limit(name="open-school-all", burst=100, per_seconds=86_400)


def describe(
    *,
    name: str,
    code: str,
    tax_code: str,
    province_code: str,
    ward: str,
    levels: Iterable[SchoolLevel | str],
    applicant: str,
    email: str,
    phone: str = "",
) -> Application:
    """An application out of what was typed. Raises Invalid with the field to mend."""
    school = schools.describe_school(
        name=name, code=code, tax_code=tax_code, province_code=province_code, ward=ward, levels=levels
    )
    owner = people.describe(applicant, email, "", [Role.OWNER])
    number = check_text(phone, field="Điện thoại", person=owner.full_name, limit=30)
    return Application(
        school=school, applicant=Applicant(name=owner.full_name, email=owner.email, phone=number)
    )


async def apply(application: Application, network: str) -> None:
    """Ask for a school to be opened. Raises TooManyTries at the fourth time in an hour."""
    await rate_limit.take(PER_NETWORK, network)
    await rate_limit.take(IN_ALL, "all")
    async with public_session() as session:
        await queries.file(session, ApplicationId(new_id()), application)


async def pending(operator: str) -> list[FiledApplication]:
    """What waits for the operator's decision, the oldest first."""
    return await listed(operator, ApplicationState.PENDING)


async def listed(operator: str, state: ApplicationState) -> list[FiledApplication]:
    """Applications in one state, the oldest first. That the operator has looked is written down."""
    async with platform_session() as session:
        return await queries.applications(session, operator, state)


async def approve(operator: str, application_id: uuid.UUID) -> OpenedSchool:
    """Open the school and invite its first owner. Repeating it, after a crash or a lost link, makes a new link.

    Raises NotFound, Conflict for an application that was refused, a Ministry code in use, or an owner who has joined.
    """
    filed = await _found(operator, application_id)
    if filed.state is ApplicationState.PENDING:
        rules.require_new(filed)
    async with platform_session() as session:
        tenant_id = await queries.decide(session, operator, filed.id, ApplicationState.APPROVED, "", new_id())
    if tenant_id is None:
        raise Conflict(f"Hồ sơ của {filed.application.school.name} đã bị từ chối trước đó.")
    return await _open(tenant_id, filed.application)


async def refuse(operator: str, application_id: uuid.UUID, reason: str) -> FiledApplication:
    """Do not open the school; the reason is kept. Raises NotFound, Conflict for a school that is open."""
    filed = await _found(operator, application_id)
    if filed.state is ApplicationState.APPROVED:
        raise Conflict(f"{filed.application.school.name} đã được mở; không từ chối được nữa.")
    async with platform_session() as session:
        await queries.decide(session, operator, filed.id, ApplicationState.REFUSED, reason, None)
    return filed


async def open_school(operator: str, application: Application) -> OpenedSchool:
    """Open a school that the operator vouches for. Raises as `approve`."""
    application_id = ApplicationId(new_id())
    async with public_session() as session:
        await queries.file(session, application_id, application)
    return await approve(operator, application_id)


async def vouch_for(
    operator: str, application_id: ApplicationId, application: Application, tenant_id: uuid.UUID
) -> None:
    """A school that is open already stands as opened by the operator: others find it by its Ministry code. Safe to
    repeat under the same id."""
    async with platform_session() as session:
        filed = await queries.find(session, operator, application_id)
    if filed is None:
        async with public_session() as session:
            await queries.file(session, application_id, application)
    async with platform_session() as session:
        await queries.decide(session, operator, application_id, ApplicationState.APPROVED, "", tenant_id)


async def _found(operator: str, application_id: uuid.UUID) -> FiledApplication:
    """Read in a transaction of its own: that somebody has looked stays written down, whatever is decided then."""
    async with platform_session() as session:
        filed = await queries.find(session, operator, application_id)
    if filed is None:
        raise NotFound(f"Không có hồ sơ mở trường nào mang mã {application_id}.")
    return filed


async def _open(tenant_id: uuid.UUID, application: Application) -> OpenedSchool:
    if not await schools.is_open(tenant_id):
        await schools.open_school(tenant_id, application.school)
    async with tenant_session(tenant_id) as session:
        sent = await staffing.invite_owner(session, application.applicant.name, application.applicant.email)
    return OpenedSchool(
        tenant_id=tenant_id, school=application.school, applicant=application.applicant, token=sent.token
    )
