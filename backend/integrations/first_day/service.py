"""What somebody new does first, and what of it is really done."""

from backend.core import clock
from backend.core.actor import Actor, SignIn, StaffId
from backend.core.database import TenantSession, speak_for
from backend.core.errors import NotFound
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.first_day import queries, rules
from backend.integrations.first_day.schemas import Fact, Tour
from backend.records.assessment import service as assessment
from backend.records.departments import service as departments
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import CLOSED, SheetState, SheetSummary
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary
from backend.records.transcripts import service as transcripts
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CertificateState
from backend.remote_signing.requests import service as signing
from backend.tenants.factors import service as factors
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools

_CHECKED = CLOSED | {SheetState.CHECKED, SheetState.REOPENED}


async def tour(session: TenantSession, actor: Actor, sign_in: SignIn) -> Tour:
    """The steps of a person with what is done of them. Raises NotFound for nobody of the school."""
    staff_id = _staff(actor)
    staff = await people.get_staff(session, staff_id)
    facts = {
        *await _of_account(session, sign_in),
        *await _of_school(session, actor),
        *await _of_classes(session, staff_id),
        *await _of_signing(session, actor),
    }
    return Tour(
        steps=rules.steps(actor.roles, facts),
        joined_at=staff.joined_at,
        hidden_at=await queries.hidden_at(session, staff_id),
    )


async def told_at_home(session: TenantSession, actor: Actor, sign_in: SignIn) -> Tour | None:
    """The steps where home speaks of them; None for whoever is not new, has hidden them or has done them all."""
    if actor.staff_id is None or await queries.hidden_at(session, actor.staff_id):
        return None
    found = await tour(session, actor, sign_in)
    return found if rules.is_told(found, clock.now()) else None


async def hide(session: TenantSession, actor: Actor) -> None:
    """Home says nothing of the steps any more; safe to repeat."""
    await queries.hide(session, _staff(actor), clock.now())


async def show(session: TenantSession, actor: Actor) -> None:
    """Home speaks of them again; safe to repeat."""
    await queries.show(session, _staff(actor))


async def _of_account(session: TenantSession, sign_in: SignIn) -> set[Fact]:
    await speak_for(session, sign_in.account_id)
    means = await factors.means(session)
    return _true({Fact.FACTOR: means.strong, Fact.RECOVERY_CODES: means.recovery_codes > 0})


async def _of_school(session: TenantSession, actor: Actor) -> set[Fact]:
    school = await schools.get_school(session)
    holders = await credentials.overview(session)
    usable = {
        one.staff_id
        for one in holders
        if one.state not in (CertificateState.MISSING, CertificateState.EXPIRED, CertificateState.SUSPENDED)
    }
    return _true(
        {
            Fact.SCHOOL_TOLD: bool(school.tax_code and school.address and school.phone),
            Fact.PRINCIPAL_THERE: bool(await people.list_staff(session, Role.PRINCIPAL)),
            Fact.SEAL_CERTIFICATE: None in usable,
            Fact.OWN_CERTIFICATE: actor.staff_id in usable,
            Fact.AUTHORITY_BOUND: await authorities.open_binding(session) is not None,
            Fact.ACCEPTED: (await deliveries.counts(session)).get(DeliveryState.ACCEPTED, 0) > 0,
        }
    )


async def _of_classes(session: TenantSession, staff_id: StaffId) -> set[Fact]:
    classes = await roster.list_classes_of_newest_year(session)
    ids = {one.id for one in classes}
    sheets = [one for one in await gradebook.list_sheets(session) if one.class_id in ids]
    own = [one for one in sheets if one.teacher_id == staff_id]
    return _of_own(own, {one.id for one in await gradebook.empty_sheets(session)}) | await _of_season(
        session, classes, sheets, staff_id
    )


def _of_own(own: list[SheetSummary], empty: set[object]) -> set[Fact]:
    return _true(
        {
            Fact.OWN_MARKS: any(one.id not in empty for one in own),
            Fact.OWN_SUBMITTED: any(one.state is not SheetState.OPEN for one in own),
        }
    )


async def _of_season(
    session: TenantSession, classes: list[ClassSummary], sheets: list[SheetSummary], staff_id: StaffId
) -> set[Fact]:
    checkers, results = await departments.checkers(session), await assessment.progress(session)
    led = [one.id for one in classes if one.homeroom_teacher_id == staff_id]
    theirs = [one for one in sheets if one.teacher_id and checkers.get(one.teacher_id) == staff_id]
    return _true(
        {
            Fact.CLASSES_OPEN: bool(classes),
            Fact.PUPILS_IN: any(one.students for one in classes),
            Fact.HOMEROOMS_GIVEN: bool(classes) and all(one.homeroom_teacher_id for one in classes),
            Fact.CHECKED: any(one.state in _CHECKED for one in theirs),
            Fact.LOCKED: any(one.state in CLOSED for one in sheets),
            Fact.OWN_CONFIRMED: any(results[one].confirmed for one in led if one in results),
            Fact.FROZEN: bool(await transcripts.counts(session, present=True)),
        }
    )


async def _of_signing(session: TenantSession, actor: Actor) -> set[Fact]:
    batches = [one for one in await signing.list_batches(session, actor) if one.signed]
    return _true(
        {
            Fact.SIGNED: any(one.role != signing.SEAL_ROLE for one in batches),
            Fact.SEALED: any(one.role == signing.SEAL_ROLE for one in batches),
        }
    )


def _true(facts: dict[Fact, bool]) -> set[Fact]:
    return {fact for fact, is_so in facts.items() if is_so}


def _staff(actor: Actor) -> StaffId:
    if actor.staff_id is None:
        raise NotFound("Chỉ người làm việc ở trường có danh sách việc của ngày đầu tiên.")
    return actor.staff_id
