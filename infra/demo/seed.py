"""What an operator does before a school's first day: open it, take in its people, classes and certificates.

Pupils and marks are not seeded: they come in through the site's own import.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from datetime import date

from backend.core import database, settings
from backend.core.actor import Actor, StaffId, machine
from backend.core.database import TenantId, TenantSession
from backend.core.errors import Conflict
from backend.integrations.authorities import service as authorities
from backend.records.departments import service as departments
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.tenants.access import service as access
from backend.tenants.openings import service as openings
from backend.tenants.openings.schemas import ApplicationId
from backend.tenants.people import service as people
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from infra.demo import contract, sandbox_desk
from infra.demo.schools import DemoSchool, Staff

#: Everybody's password in the demo; the site runs on loopback only.
PASSWORD = "hoc-ba-so-2026"
YEAR_STARTS, YEAR_ENDS = date(2025, 9, 5), date(2026, 5, 31)
#: Roles of which each person signs with a certificate of their own.
SIGNERS = frozenset({"principal", "deputy_principal", "homeroom_teacher"})
SEAL_ACCOUNT = "con-dau"

_NAMESPACE = uuid.UUID("3b0c1f52-9c5e-4f0f-8a51-6a3f0f6f2a10")


def tenant_of(school: DemoSchool) -> uuid.UUID:
    """The demo school's tenant, the same at each start."""
    return uuid.uuid5(_NAMESPACE, school.key)


async def seed(demo_schools: Sequence[DemoSchool], academic_year: str) -> None:
    """Open each school that is not open yet. A school is opened in one transaction, or not at all; may be run again."""
    for school in demo_schools:
        tenant_id = tenant_of(school)
        async with database.tenant_session(tenant_id, read_only=True) as session:
            if await people.list_staff(session):
                continue
        with contextlib.suppress(Conflict):  # a start that was cut short had opened it
            await schools.open_school(tenant_id, _profile(school))
        await _vouch_for(school)
        enrolled = await asyncio.gather(*(_enrol(account) for account in _accounts(school)))
        async with database.tenant_session(tenant_id) as session:
            await _fill(session, school, academic_year, dict(enrolled))
    await contract.own_all([TenantId(tenant_of(school)) for school in demo_schools], PASSWORD)


def _profile(school: DemoSchool) -> SchoolProfile:
    return SchoolProfile(
        name=school.name,
        code=school.code,
        tax_code=school.tax_code,
        province_code=school.province_code,
        province=school.province,
        ward=school.ward,
        levels=tuple(SchoolLevel(level) for level in school.levels),
    )


async def _vouch_for(school: DemoSchool) -> None:
    """The two send each other what they have of a pupil: who was not opened by the operator is found by nobody."""
    owner = next(one for one in school.staff if "owner" in one.roles)
    profile = _profile(school)
    application = openings.describe(
        name=profile.name,
        code=profile.code,
        tax_code=profile.tax_code,
        province_code=profile.province_code,
        ward=profile.ward,
        levels=profile.levels,
        applicant=owner.full_name,
        email=owner.email,
    )
    tenant_id = tenant_of(school)
    application_id = ApplicationId(uuid.uuid5(tenant_id, "application"))
    await openings.vouch_for("Dữ liệu mẫu", application_id, application, tenant_id)


def _accounts(school: DemoSchool) -> list[sandbox_desk.Application]:
    signers = [staff for staff in school.staff if SIGNERS & set(staff.roles) or _signs_subject(school, staff)]
    persons = [
        sandbox_desk.Application(account=staff.email, name=staff.full_name, organisation=school.name)
        for staff in signers
    ]
    seal = sandbox_desk.Application(
        account=f"{SEAL_ACCOUNT}@{school.key}.hocba.test",
        name=school.name,
        organisation=school.name,
        seal=True,
        tax_code=school.tax_code,
    )
    return [*persons, seal]


def _signs_subject(school: DemoSchool, staff: Staff) -> bool:
    """Whether somebody signs the own subject in the class that the season takes all the way."""
    first = school.classes[0].code
    return school.signs_subjects and any(code == first for code, _ in staff.teaches)


async def _enrol(application: sandbox_desk.Application) -> tuple[str, sandbox_desk.Application]:
    await sandbox_desk.enrol(application)
    return application.account, application


async def _fill(
    session: TenantSession,
    school: DemoSchool,
    academic_year: str,
    enrolled: dict[str, sandbox_desk.Application],
) -> None:
    operator = machine(session.tenant_id)
    staff_ids = {staff.email: await _hire(session, operator, staff) for staff in school.staff}
    for application in enrolled.values():
        for found in await gateway.credentials_at(SANDBOX, application.account):
            await credentials.enrol(
                session,
                operator,
                found,
                provider=SANDBOX,
                account=application.account,
                staff_id=staff_ids.get(application.account),
            )
    year_id = await roster.open_year(session, academic_year, YEAR_STARTS, YEAR_ENDS)
    homeroom = {staff.homeroom_of: staff_ids[staff.email] for staff in school.staff if staff.homeroom_of}
    teachers = {
        (class_code, subject): staff_ids[staff.email]
        for staff in school.staff
        for class_code, subject in staff.teaches
    }
    for one in school.classes:
        class_id = await roster.open_class(session, year_id, one.code, one.grade, homeroom.get(one.code))
        await roster.assign_teachers(
            session, class_id, {subject: teachers.get((one.code, subject)) for subject in one.subjects}
        )
        await gradebook.open_sheets(session, class_id)
    for department in school.departments:
        department_id = await departments.open_department(session, operator, department.name)
        members = [staff_ids[email] for email in department.members]
        await departments.change_department(
            session, operator, department_id, department.name, staff_ids[department.head], members
        )
    await contract.agree(session, operator, school.key)
    key = {"api_key": settings.get().province_api_key}
    await authorities.bind(session, operator, authorities.SANDBOX_PROFILE, {}, key)


async def _hire(session: TenantSession, operator: Actor, staff: Staff) -> StaffId:
    staff_id = await people.add_staff(
        session, operator, staff.full_name, staff.email, staff.title, staff.roles
    )
    await access.create_account(session, staff_id, staff.email, PASSWORD)
    return staff_id
