"""Who reaches which object, as it was agreed: `objects.txt`, a line per address that names one.

A role never checks a class: permissions are in `access.txt`, and what they open for whom is here. The people are those
of the Xuân Ninh plan, each in each relation to one class and one of its sheets, some with two roles; a person who has
no permission for an address is refused by its guard and is not asked. What is asked is what the site has: a new address
has no line, and the test fails until somebody has looked at who gets in.

`pytest tests/tenancy/test_objects.py --agree` writes the file anew.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from litestar import Litestar
from sqlalchemy import text

from backend.core.actor import machine
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.records.departments import service as departments
from backend.tenants.people import service as people
from backend.tenants.permissions import Role, permissions_of
from tests.factories.small_school import SmallSchool, sheet_of
from tests.tenancy.addresses import Address, addresses
from tests.tenancy.places import Place, belongings
from tests.tenancy.visitors import Visitor, is_alike

FILE = Path(__file__).parent / "objects.txt"
NOBODY = "nobody"
ADDRESSES = [one for one in addresses() if one.slots and not one.is_for_systems]
_SUBJECT, _ANOTHER, _THIRD, _FOURTH = "TOAN", "TV", "AN", "MT"


@dataclass(frozen=True)
class Person:
    """Somebody of the school: how the file calls them, their roles, what they lead and teach, and whom they head."""

    called: str
    roles: tuple[Role, ...]
    leads: str = ""
    teaches: tuple[str, str] | None = None
    heads: str = ""
    member_of: str = ""


_HOMEROOM, _TEACHER, _HEAD = Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER, Role.DEPARTMENT_HEAD
#: What is asked for is class 1A, one of its pupils, a transcript of theirs, its sheet of Toán.
CAST: Mapping[str, Person] = {
    "owner": Person("owner", (Role.OWNER,)),
    "principal": Person("principal", (Role.PRINCIPAL,)),
    "deputy": Person("deputy", (Role.DEPUTY_PRINCIPAL,)),
    "clerk": Person("clerk", (Role.CLERK,)),
    "it": Person("it", (Role.IT_TEACHER,)),
    "leads_it": Person("homeroom of the class", (_HOMEROOM,), leads="1A"),
    "leads_other": Person("homeroom of another", (_HOMEROOM,), leads="1B"),
    "teaches_it": Person("teacher of the subject", (_TEACHER,), teaches=("1A", _SUBJECT), member_of="Tổ một"),
    "teaches_here": Person("teacher of the class", (_TEACHER,), teaches=("1A", _ANOTHER)),
    "teaches_elsewhere": Person("teacher of another class", (_TEACHER,), teaches=("1B", _SUBJECT)),
    "heads_it": Person("head of the department", (_HEAD,), heads="Tổ một"),
    "heads_other": Person("head of another", (_HEAD,), heads="Tổ hai"),
    "heads_and_teaches": Person(
        "head of another + teacher of the class", (_HEAD, _TEACHER), heads="Tổ ba", teaches=("1A", _THIRD)
    ),
    "leads_and_teaches": Person(
        "homeroom of another + teacher of the class",
        (_HOMEROOM, _TEACHER),
        leads="1C",
        teaches=("1A", _FOURTH),
    ),
    "deputy_who_teaches": Person(
        "deputy + teacher of another class", (Role.DEPUTY_PRINCIPAL, _TEACHER), teaches=("1B", _THIRD)
    ),
}
#: What is typed, so that nothing but the person is refused.
_TYPED = {
    "loi": "Xin xem lại điểm cuối kì.",
    "ly_do": "Ghi nhầm điểm cuối kì.",
    "so_gio": "2",
    "ky": "year_end",
}
#: What families were told of the sheet.
_PUBLISHED = text(
    "insert into publication select (jsonb_populate_record(p, jsonb_build_object("
    "'id', cast(:id as uuid), 'sheet_id', cast(:sheet as uuid)))).* from publication p limit 1 "
    "on conflict do nothing returning id"
)
#: Whose turn it is differs from step to step: asked for is one of the principal's.
_TURN = text("select id from signing_step where signer_id = :who order by id limit 1")
#: Addresses that nobody reaches in this school, and why.
UNREACHED = {
    "POST /chu-truong/ban-giao/xuat/{export_id:uuid}/tai": "the export is still being packed",
    "POST /chung-thu/con-dau/token/{helper_id:uuid}/de-nghi": "no computer has shown its code",
    "POST /duyet/{request_id:uuid}/dong-y": "who approves has had role and account for three days",
    "POST /hoc-sinh/{student_id:uuid}/den-di/nam-hoc-cu/{year_id:uuid}/rut-lai": "no year of another school was entered",
    "POST /hoc-sinh/{student_id:uuid}/chuyen-hoc-ba/goi/{transfer_id:uuid}/tai": "the package is not in the store",
    "POST /hoc-sinh/{student_id:uuid}/chuyen-hoc-ba/nhan/{received_id:uuid}/ghi": "the package is not in the store",
    "GET /nhap/{run_id:uuid}/tep-da-dien": "the workbook is not in the store",
    "POST /nhap/{run_id:uuid}/ghi": "the workbook is not in the store",
    "POST /so-diem/{sheet_id:uuid}/ra-soat": "nothing in the sheet is worth a look",
    "POST /truong/nam-hoc/{year_id:uuid}/len-lop/xep": "no year follows",
}
#: Addresses that show no page in this school to whoever may ask, and why.
LEADING_AWAY = {
    "GET /gui/{delivery_id:uuid}/chay-thu": "the package is not in the store",
    "GET /ky/lan/{call_id:uuid}/cap-quyen": "to the provider's page",
}


async def people_it(place: Place) -> None:
    """Give the school its cast, and class 1A of the place its teachers; the classes 1B and 1C are new and empty."""
    school = place.school
    async with school.session() as session:
        more = text("delete from staff_role where staff_id = :id and role <> 'principal'")
        await session.execute(more, {"id": school.staff["principal"]})
        for name in ("1B", "1C"):
            await school.open_class(session, name, 1)
        for key, one in CAST.items():
            if key not in school.staff:
                email = f"{key}@{school.tenant_id.hex}.example"
                school.staff[key] = await people.add_staff(
                    session, machine(school.tenant_id), key, email, "", one.roles
                )
            await _give_duties(session, school, key, one)
        await _give_departments(session, school)
        sheet = await sheet_of(session, place.season.class_id, _SUBJECT)
        published = {"id": new_id(), "sheet": sheet.id}
        # None where the place's own is of that sheet already.
        new = await session.scalar(_PUBLISHED, published)
        turn = await session.scalar(_TURN, {"who": school.staff["principal"]})
    place.ids |= {"school_class": place.season.class_id, "grade_sheet": sheet.id, "signing_step": turn}
    if new is not None:
        place.ids["publication"] = new


async def _give_duties(session: TenantSession, school: SmallSchool, key: str, one: Person) -> None:
    who = {"who": school.staff[key]}
    if one.leads:
        statement = text("update school_class set homeroom_teacher_id = :who where name = :name")
        await session.execute(statement, who | {"name": one.leads})
    if one.teaches:
        statement = text(
            "update teaching_assignment set teacher_id = :who where subject_code = :subject "
            "and class_id = (select id from school_class where name = :name)"
        )
        name, subject = one.teaches
        done = await session.execute(statement, who | {"name": name, "subject": subject})
        assert done.rowcount == 1, one  # type: ignore[attr-defined]


async def _give_departments(session: TenantSession, school: SmallSchool) -> None:
    asker = machine(school.tenant_id)
    for key, one in CAST.items():
        if one.heads:
            department = await departments.open_department(session, asker, one.heads)
            members = [school.staff[who] for who, other in CAST.items() if other.member_of == one.heads]
            await departments.change_department(
                session, asker, department, one.heads, school.staff[key], members
            )


async def visitors(site: Litestar, place: Place) -> dict[str, Visitor]:
    """The cast, signed in; what belongs to an account is the principal's."""
    found = {key: await Visitor.of(site, place.school, key) for key in CAST}
    place.ids |= await belongings(place)
    return found


async def who_gets_in(address: Address, place: Place, cast: Mapping[str, Visitor]) -> str:
    """The people whom an address lets near the object of their school, in words."""
    first, *others = address.slots
    ids = [one for one in place.ids_for([first]) if one != place.school.tenant_id]
    typed = _TYPED | {slot: place.ids_for([slot])[0] for slot in others}
    found = []
    for key, visitor in cast.items():
        if _is_let_in_by_the_guard(address, CAST[key]) and await _reaches(visitor, address, ids, typed):
            found.append(CAST[key].called)
    return " | ".join(found) or NOBODY


async def _reaches(
    visitor: Visitor, address: Address, ids: list[uuid.UUID], typed: Mapping[str, object]
) -> bool:
    """Not refused and not hidden: a deed that cannot be done as things stand (409), or with what was sent (422), can be
    done another time."""
    for one in ids:
        answer = await visitor.ask(address, address.own(one, typed))
        assert answer.status_code < 500, f"{address}: {answer.text}"
        if answer.status_code not in (403, 404):
            return True
    return False


async def who_reaches(address: Address, other: Place, cast: Mapping[str, Visitor]) -> list[str]:
    """Those to whom an object of another school is anything but one that nobody has."""
    [one, *_] = other.ids_for(address.slots)
    found = []
    for key, visitor in cast.items():
        if not _is_let_in_by_the_guard(address, CAST[key]):
            continue
        answer = await visitor.ask(address, address.own(one, _TYPED))
        if answer.status_code == 404:
            continue
        nobody = await visitor.ask(address, address.own(uuid.UUID(int=one.int ^ 1), _TYPED))
        if not is_alike(answer, nobody):
            found.append(CAST[key].called)
    return found


def _is_let_in_by_the_guard(address: Address, person: Person) -> bool:
    return not address.who or bool(address.who & permissions_of(person.roles))


def agreed() -> dict[str, str]:
    """What the file says."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {address: who for address, _, who in (line.partition(" : ") for line in lines)}


def agree(found: Mapping[str, str]) -> None:
    """Write the file anew."""
    FILE.write_text("".join(f"{address} : {who}\n" for address, who in found.items()), encoding="utf-8")
