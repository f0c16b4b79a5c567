"""Every other place of a request than the ids of its path where an id may stand: query, form, JSON, names of files, what
htmx tells. Somebody of school A, who may do everything there, asks with A's own ids in the path, what is accepted in the
other fields, and ids of school B in one field at a time.
"""

import re
import uuid
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

import backend
from backend.core import cookies
from backend.records.gradebook import service as gradebook
from backend.records.roster.schemas import HOMEROOM
from tests.factories.small_school import MUSIC, enroll, student_ids
from tests.tenancy.addresses import BY_HAND, Address, Ask, addresses
from tests.tenancy.places import Place, asking_place
from tests.tenancy.visitors import Visitor, essence, everything, is_alike

pytestmark = pytest.mark.usefixtures("nothing_of_b_moves", "no_log_line_of_b")

Places = tuple[Place, Place]

ADDRESSES = addresses()
#: Fields that name something of the school, and what: an own id there is answered otherwise than one that nobody has.
NAMES = {
    "student": "student",
    "nguoi": "staff_member",
    "nguoi_nhan": "staff_member",
    HOMEROOM: "staff_member",
    "truong": "school",
    "class_id": "school_class",
}
#: What a field of that name accepts, so that nothing else is refused before the id is looked for.
ACCEPTED = {
    "column": "level:",
    "value": "T",
    "version": 0,
    "kind": "see",
    "relation": "mother",
    "requester_name": "Lò Thị Mẹ",
    "contact": "0912000000",
    "wanted": "Xem học bạ",
    "day": "2026-05-04",
    "text": "Đã xem hồ sơ.",
    "vai": "principal",
    "tu_ngay": "2099-01-01",
    "den_ngay": "2099-02-01",
    "so_quyet_dinh": "12/QĐ",
    "ho_ten": "Lò Thị Văn Thư",
    "chuc_danh": "GIÁO VIÊN",
    "thu": "van.thu@truong.example",
    "tiep": "/lop",
}
#: Rows of B that are tried where any id may stand; a field for text gets one of them, the next field the next one.
KINDS = ("staff_member", "student", "school_class", "transcript_version")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own(places: Places) -> Place:
    """A school A for these tests alone, with a class of the visitor's whose sheets are open."""
    place = await asking_place()
    taught_by_visitor = replace(
        place.school, staff=place.school.staff | {"homeroom": place.school.staff["principal"]}
    )
    async with place.school.session() as session:
        class_id = await taught_by_visitor.open_class(session, "1B", 1)
        await enroll(session, "1B", ["Vì Thị Dung"], 50)
        [pupil] = (await student_ids(session, class_id)).values()
        [sheet] = [
            one for one in await gradebook.list_sheets(session, class_id) if one.subject_code == "TOAN"
        ]
    ids = {"student": pupil, "grade_sheet": sheet.id, "staff_member": place.school.staff["music"]}
    return replace(place, ids=place.ids | ids | {"school": place.school.tenant_id})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(site: Litestar, own: Place) -> Visitor:
    return await Visitor.of(site, own.school, "principal", own.key)


def test_every_name_that_is_read_by_hand_is_known() -> None:
    """A handler that asks the request itself says its names in no parameter: they stand in addresses.py."""
    by_hand = re.compile(r"request\.(?:form\(\)|json\(\)|query_params)")
    found = {
        str(path.relative_to(Path(backend.__path__[0])))
        for path in Path(backend.__path__[0]).rglob("*.py")
        if by_hand.search(path.read_text(encoding="utf-8"))
    }
    assert found == {
        "integrations/connections/pages.py",
        "integrations/deliveries/pages.py",
        "records/duties/pages.py",
        "records/planning/pages.py",
        "records/rollover/pages.py",
        "records/transcripts/pages.py",
        "remote_signing/accounts/pages.py",
        "tenants/api_clients/pages.py",
        "tenants/audit_trail/pages.py",
    }
    assert {end for end in BY_HAND for one in ADDRESSES if str(one).endswith(end)} == set(BY_HAND)


def fields(own: Place, address: Address, said: uuid.UUID) -> dict[str, Ask]:
    """Requests of A with the id in one field each."""
    mine = {name: str(own.ids[table]) for name, table in NAMES.items()}
    mine["viec"] = f"{own.ids['school_class']}.{MUSIC}"
    return address.fields(own.ids_for(address.slots)[0], ACCEPTED | mine, str(said))


async def test_ones_own_ids_are_answered(own: Place, visitor: Visitor) -> None:
    """The control, before anything is ended: such a field is read, and whatever stands beside it is accepted."""
    found = set()
    for address in ADDRESSES:
        for place, ask in fields(own, address, uuid.uuid4()).items():
            name = place.rpartition(".")[2]
            if name in NAMES:
                nobody = await visitor.ask(address, ask)
                mine = await visitor.ask(address, fields(own, address, own.ids[NAMES[name]])[place])
                assert not is_alike(mine, nobody), f"{address}: {name}"
                found.add(name)
    assert found == set(NAMES)


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
async def test_an_id_of_another_school_is_a_text_like_any_other(
    places: Places, own: Place, visitor: Visitor, address: Address
) -> None:
    b = places[1]
    typed = {str(b.ids[kind]) for kind in KINDS}  # and kept, where any text may stand
    for number, (place, first) in enumerate(fields(own, address, uuid.uuid4()).items()):
        # A first look is recorded, and may be seen in the second.
        await _ask_and_forget(visitor, address, first)
        name = place.rpartition(".")[2]
        for kind in (NAMES[name],) if name in NAMES else _kinds(address, place, number):
            one = b.ids.get(kind, b.school.tenant_id)
            # Next to B's: lists that go on after an id go on alike, and a text has as many digits in a row.
            nobody = uuid.UUID(int=one.int ^ 1)
            expected = await _ask_and_forget(visitor, address, fields(own, address, nobody)[place])
            answer = await _ask_and_forget(visitor, address, fields(own, address, one)[place])
            assert is_alike(answer, expected), (place, one, essence(answer), essence(expected))
            said = everything(answer)
            told = [sign for sign in b.signs if sign not in typed and sign in said]
            assert told == [], f"{place}: {one}"


def _kinds(address: Address, place: str, number: int) -> tuple[str, ...]:
    """Rows of B to be tried in the field of that number: a text is a text, whatever it is the id of."""
    return KINDS if place in address.ids else (KINDS[number % len(KINDS)],)


async def _ask_and_forget(visitor: Visitor, address: Address, ask: Ask) -> httpx.Response:
    """A deed leaves a message for the next page, which is not the answer to be compared."""
    answer = await visitor.ask(address, ask)
    if visitor.browser.cookie(flash := cookies.name_of("flash")):
        visitor.browser.http.cookies.delete(flash)
    return answer
