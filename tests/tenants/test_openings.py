"""Asking for a school, and the operator who opens it: forms, decisions, the command line, and what each role may not."""

import asyncio
import io
import re
import sys
import uuid

import asyncpg
import pytest
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core import settings
from backend.core.database import TenantId, platform_session, public_session, tenant_session
from backend.core.errors import Conflict, NotFound
from backend.core.rate_limit import TooManyTries
from backend.tenants.openings import command, service
from backend.tenants.openings.schemas import Application, ApplicationId, FiledApplication
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from backend.tenants.staffing import service as staffing
from tests.core.browser import Browser

OPERATOR = "van-hanh-1"
FORM = {
    "ten": "Trường Tiểu học Tư thục Mai Vàng",
    "ma_truong": "14000901",
    "ma_so_thue": "5500000901",
    "tinh": "14",
    "xa_phuong": "phường Mai Vàng",
    "cap_hoc": "primary",
    "nguoi_dang_ky": "Cầm Thị Mai",
    "thu": "mai@maivang.example",
    "dien_thoai": "0212 000 901",
}


def application(code: str) -> Application:
    """What a school with that code says of itself."""
    return service.describe(
        name=FORM["ten"],
        code=code,
        tax_code=FORM["ma_so_thue"],
        province_code="14",
        ward=FORM["xa_phuong"],
        levels=["primary"],
        applicant=FORM["nguoi_dang_ky"],
        email=f"chu@{code}.example",
    )


async def filed(code: str, network: str) -> FiledApplication:
    """The pending application of that code, which was just filed."""
    await service.apply(application(code), network)
    return next(one for one in await service.pending(OPERATOR) if one.application.school.code == code)


async def test_from_the_form_to_the_owners_first_page(site: Litestar, stranger: Browser) -> None:
    await stranger.get("/mo-truong")
    sent = await stranger.post("/mo-truong", FORM)
    assert (sent.status_code, sent.headers["location"]) == (303, "/mo-truong/da-nhan")
    assert "chưa được mở" in (await stranger.get("/mo-truong/da-nhan")).text
    [waiting] = [
        one for one in await service.pending(OPERATOR) if one.application.school.code == FORM["ma_truong"]
    ]
    opened = await service.approve(OPERATOR, waiting.id)
    again = await service.approve(OPERATOR, waiting.id)
    assert again.tenant_id == opened.tenant_id
    assert "thu hồi" in (await stranger.get(f"/loi-moi/{opened.token}")).text, "a new link ends the old one"
    link, password = f"/loi-moi/{again.token}", "mot-cau-de-nho"
    assert FORM["ten"] in (await stranger.get(link)).text
    await stranger.post(link, {"cach": "moi", "mat_khau": password, "nhap_lai": password})
    assert (await stranger.sign_in(FORM["thu"], password)).status_code == 303
    assert "Bàn làm việc của chủ trường" in (await stranger.get("/chu-truong")).text
    async with tenant_session(again.tenant_id, read_only=True) as session:
        [owner] = await people.list_staff(session)
        assert (await schools.get_school(session)).province == "Sơn La"
    assert owner.roles == {Role.OWNER}
    with pytest.raises(Conflict, match="đã có người làm việc"):
        await service.approve(OPERATOR, waiting.id)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ma_truong": "ABC"}, "từ 8 đến 10 chữ số"),
        ({"ma_truong": "１４０００９０１"}, "từ 8 đến 10 chữ số"),
        ({"tinh": "99"}, "tỉnh, thành phố"),
        ({"ma_so_thue": "1"}, "Mã số thuế"),
        ({"ten": ""}, "Tên trường"),
        ({"thu": "khong-phai-thu"}, "chưa đúng"),
        ({"nguoi_dang_ky": ""}, "Chưa có họ tên"),
        ({"cap_hoc": ""}, "cấp học"),
    ],
)
async def test_a_form_that_cannot_be_used(stranger: Browser, changed: dict[str, str], said: str) -> None:
    await stranger.get("/mo-truong")
    answer = await stranger.post("/mo-truong", FORM | changed)
    assert (answer.status_code, said in answer.text) == (422, True)


async def test_the_fourth_application_of_an_hour_waits(stranger: Browser) -> None:
    await stranger.get("/mo-truong")
    codes = [f"1400091{n}" for n in range(4)]
    answers = [await stranger.post("/mo-truong", FORM | {"ma_truong": code}) for code in codes]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 429]
    assert "xin chờ" in answers[-1].text
    for _ in range(3):
        await service.apply(application("14000920"), "198.51.100.0/24")
    with pytest.raises(TooManyTries):
        await service.apply(application("14000920"), "198.51.100.0/24")


async def test_a_code_belongs_to_one_school(owner_of_tables: asyncpg.Connection) -> None:
    await service.open_school(OPERATOR, application("14000930"))
    second = await filed("14000930", "192.0.2.1/32")
    assert second.known == 1
    with pytest.raises(Conflict, match="đã thuộc về một trường đang mở"):
        await service.approve("van-hanh-4", second.id)
    looked = await owner_of_tables.fetch(
        "select action from directory.platform_event where operator = 'van-hanh-4'"
    )
    assert [row["action"] for row in looked] == ["openings.application.read"], "a refusal does not undo it"


async def test_a_school_that_is_open_already_is_vouched_for_once(
    product: settings.Settings, owner_of_tables: asyncpg.Connection
) -> None:
    """Nobody is invited, and a repetition changes nothing: others find it by its code."""
    said, tenant_id, application_id = (
        application("14000977"),
        TenantId(uuid.uuid4()),
        ApplicationId(uuid.uuid4()),
    )
    await schools.open_school(tenant_id, said.school)
    for _ in range(2):
        await service.vouch_for(OPERATOR, application_id, said, tenant_id)
    rows = await owner_of_tables.fetch(
        "select state, tenant_id, decided_by from directory.school_application where facts #>> '{school,code}' = $1",
        "14000977",
    )
    assert [tuple(row) for row in rows] == [("approved", tenant_id, OPERATOR)]
    async with tenant_session(tenant_id, read_only=True) as session:
        assert await people.list_staff(session) == []


async def test_a_refusal_stands(product: settings.Settings) -> None:
    one = await filed("14000940", "192.0.2.2/32")
    await service.refuse(OPERATOR, one.id, "Mã số thuế không khớp")
    assert one.id not in {left.id for left in await service.pending(OPERATOR)}
    with pytest.raises(Conflict, match="đã bị từ chối"):
        await service.approve(OPERATOR, one.id)
    with pytest.raises(NotFound):
        await service.approve(OPERATOR, uuid.uuid4())


async def test_every_use_is_recorded(owner_of_tables: asyncpg.Connection) -> None:
    one = await filed("14000950", "192.0.2.3/32")
    await service.refuse("van-hanh-2", one.id, "thử")
    with pytest.raises(Conflict, match="đã bị từ chối"):
        await service.approve("van-hanh-3", one.id)
    rows = await owner_of_tables.fetch(
        "select operator, action, details->>'decided' from directory.platform_event where subject_id = $1 order by at",
        one.id,
    )
    assert [tuple(row) for row in rows] == [
        ("van-hanh-2", "openings.application.read", None),
        ("van-hanh-2", "openings.application.refused", "true"),
        ("van-hanh-3", "openings.application.read", None),
        ("van-hanh-3", "openings.application.approved", "false"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from directory.applications('x', 'pending')",
        "select * from directory.application('x', gen_random_uuid())",
        "select directory.account_to_reset('x', 'a@b.example')",
        "select directory.decide_application('x', gen_random_uuid(), 'approved', '', gen_random_uuid())",
        "select * from directory.school_application",
        "select * from directory.platform_event",
    ],
)
async def test_the_application_is_no_operator(product: settings.Settings, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with public_session() as session:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "select * from school",
        "select * from directory.account",
        "select * from directory.school_application",
        "update directory.platform_event set operator = 'y'",
        "select * from directory.find_login('a@b.example')",
        "select directory.file_application(gen_random_uuid(), '{}')",
    ],
)
async def test_the_operator_sees_no_school(product: settings.Settings, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|does not exist"):
        async with platform_session() as session:
            await session.execute(text(statement))


async def test_only_the_first_owner_is_invited_so(product: settings.Settings) -> None:
    opened = await service.open_school(OPERATOR, application("14000960"))
    await staffing.accept_with_new_account(opened.token, "mot-cau-de-nho")
    async with tenant_session(opened.tenant_id) as session:
        with pytest.raises(Conflict, match="đã có người làm việc"):
            await staffing.invite_owner(session, "Kẻ Lạ", "la@truong.example")


async def test_what_the_commands_print(product: settings.Settings) -> None:
    new = command.NewSchool(
        name=FORM["ten"],
        code="14000970",
        tax_code=FORM["ma_so_thue"],
        province_code="14",
        ward=FORM["xa_phuong"],
        levels="primary,lower_secondary",
        owner="Cầm Thị Mai",
        email="mai@14000970.example",
    )
    out = io.StringIO()
    await command.open_school(OPERATOR, new, out)
    assert re.search(r"/loi-moi/[\w-]{43}$", out.getvalue().strip())
    one = await filed("14000970", "192.0.2.4/32")
    await command.pending(OPERATOR, out)
    assert "! mã trường này đã có trường đang mở" in out.getvalue()
    await command.refuse(OPERATOR, one.id, "trùng mã", out)
    assert out.getvalue().endswith(f"Đã từ chối hồ sơ của {FORM['ten']}.\n")


async def test_the_command_line(product: settings.Settings) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backend.cli", "school", "refuse", str(uuid.uuid4()), "--reason", "thử"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await program.communicate()
    assert (program.returncode, "Không có hồ sơ mở trường" in said.decode()) == (1, True)
