"""Taking people in, changing what they are, letting them go: the rules, and the pages of those who do it."""

import asyncio
import re

import asyncpg
import pytest
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core import clock, settings
from backend.core.actor import Actor
from backend.core.actor import Browser as Asking
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.tenants.access import entry
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Entered
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Role
from backend.tenants.staffing import service
from backend.tenants.staffing.schemas import SentInvitation
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in
from tests.tenants.people import add_passkey, ask

NEW_PASSWORD = "mot-cau-de-nho"
HOST = "127.0.0.1:8000"
TEACHER = Role.SUBJECT_TEACHER


async def actor(school: TestSchool, role: Role) -> Actor:
    """The person in that role."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await people.actor_of(session, school.staff[role])


async def invited(
    school: TestSchool, name: str, role: Role = TEACHER, by: Role = Role.OWNER
) -> SentInvitation:
    """An invitation to `<name without spaces>@moi.example`."""
    asker = await actor(school, by)
    email = f"{name.replace(' ', '').lower()}@{school.tenant_id.hex}.example"
    async with tenant_session(school.tenant_id) as session:
        return await service.invite(session, asker, name, email, "Giáo viên", [role])


async def hired(school: TestSchool, name: str, role: Role = TEACHER) -> tuple[str, object]:
    """Somebody who took up an invitation with a new account: login and staff id."""
    sent = await invited(school, name, role)
    login = await service.accept_with_new_account(sent.token, NEW_PASSWORD)
    return login, (await known(school))[login].id


async def known(school: TestSchool) -> dict[str, Staff]:
    """Who works there, by address."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return {one.email: one for one in await people.list_staff(session)}


async def set_seats(school: TestSchool, free: int) -> None:
    """So many seats more than people."""
    asker = await actor(school, Role.OWNER)
    async with tenant_session(school.tenant_id) as session:
        await people.change_seats(session, asker, (await people.seats_of(session)).taken + free)


async def deeds(school: TestSchool, label: str) -> list[tuple[str, str]]:
    """Action and actor of what was done about somebody, without their signing in, oldest first."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        found = await session.execute(
            text(
                "select action, actor_name from audit_event "
                "where subject_label = :label and action not like 'access.%' order by at, id"
            ),
            {"label": label},
        )
        return [(row.action, row.actor_name) for row in found]


async def test_from_the_invitation_to_the_first_page(
    site: Litestar, place: TestSchool, owner: Browser
) -> None:
    form = await owner.get("/nhan-su/moi")
    assert f"còn trống {100 - len(Role)}" in form.text
    email = f"hoa@{place.tenant_id.hex}.example"
    sent = await owner.post(
        "/nhan-su/moi", {"ho_ten": "Lê Thị Hoa", "thu": f" {email.upper()}", "vai": "subject_teacher"}
    )
    link = re.search(r"/loi-moi/[\w-]{43}", sent.text)
    assert link is not None
    listed = await owner.get("/nhan-su")
    assert "Lê Thị Hoa" in listed.text
    assert link[0] not in listed.text, "the link is shown once"

    newcomer = Browser(site)
    offer = await newcomer.get(link[0])
    assert "Lời mời từ Trường" in offer.text
    assert "Giáo viên bộ môn" in offer.text
    unlike = await newcomer.post(link[0], {"cach": "moi", "mat_khau": NEW_PASSWORD, "nhap_lai": "khac"})
    assert (unlike.status_code, "không giống nhau" in unlike.text) == (422, True)
    weak = await newcomer.post(link[0], {"cach": "moi", "mat_khau": "ngan", "nhap_lai": "ngan"})
    assert (weak.status_code, "từ 10 đến" in weak.text) == (422, True)
    taken = await newcomer.post(link[0], {"cach": "moi", "mat_khau": NEW_PASSWORD, "nhap_lai": NEW_PASSWORD})
    assert (taken.status_code, taken.headers["location"]) == (303, "/dang-nhap")
    assert (await newcomer.sign_in(email, NEW_PASSWORD)).status_code == 303
    assert "Lê Thị Hoa" in (await newcomer.get("/")).text
    again = await newcomer.get(link[0])
    assert (again.status_code, "đã được dùng rồi" in again.text) == (409, True)
    assert await deeds(place, "Lê Thị Hoa") == [
        ("staffing.invitation.send", "Cô Chủ trường"),
        ("people.staff.add", "Hệ thống"),
        ("staffing.invitation.accept", "Lê Thị Hoa"),
    ]


async def test_a_stolen_session_gives_no_roles(site: Litestar, product: settings.Settings) -> None:
    """By a password alone, of somebody who has a passkey; the proof leads back to the form."""
    school = await open_test_school("Trường Bị Lấy Phiên")
    key = await add_passkey(await signed_in(site, school, Role.OWNER), product, "Khóa")
    thief = await signed_in(site, school, Role.OWNER)
    invitation = (await invited(school, "Thầy Chờ")).token
    async with tenant_session(school.tenant_id, read_only=True) as session:
        [waiting] = (await service.staffing(session)).invitations
    clerk = school.staff[Role.CLERK]
    before = await known(school)
    roles = {"ho_ten": "Cô Văn thư", "thu": "m@m.example", "vai": "principal"}
    delegation = {"nguoi": str(school.staff[Role.DEPUTY_PRINCIPAL]), "so_quyet_dinh": "1/QĐ"}
    await thief.get("/nhan-su")
    for path, form, back in (
        ("/nhan-su/moi", roles, "/nhan-su/moi"),
        (f"/nhan-su/{clerk}", roles, f"/nhan-su/{clerk}"),
        (f"/nhan-su/{clerk}/nhan-lai", {}, "/nhan-su"),
        (f"/nhan-su/loi-moi/{waiting.id}/lien-ket-moi", {}, "/nhan-su"),
        ("/truong/ky-thay", delegation, "/truong/ky-thay"),
    ):
        refused = await thief.post(path, form)
        assert (refused.status_code, refused.headers["location"]) == (303, f"/xac-minh?tiep={back}"), path
    assert await known(school) == before
    assert (await thief.get("/nhan-su/moi")).headers["location"] == "/xac-minh?tiep=/nhan-su/moi"
    assert (await Browser(site).get(f"/loi-moi/{invitation}")).status_code == 200

    await thief.get("/xac-minh")
    proved = {"passkey": key.get(await ask(thief, "/xac-minh/cau-hoi")), "tiep": "/nhan-su/moi"}
    assert (await thief.post("/xac-minh", proved)).headers["location"] == "/nhan-su/moi"
    await thief.get("/nhan-su/moi")
    assert (await thief.post("/nhan-su/moi", roles)).status_code == 200, "it is the owner after all"


async def test_links_that_lead_nowhere(
    site: Litestar, place: TestSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, owner = Browser(site), await actor(place, Role.OWNER)
    await stranger.get("/dang-nhap")
    unknown = await stranger.get(f"/loi-moi/{'x' * 43}")
    assert (unknown.status_code, "Không tìm thấy lời mời" in unknown.text) == (404, True)
    old = await invited(place, "Người Hết Hạn")
    async with tenant_session(place.tenant_id) as session:
        listed = (await service.staffing(session)).invitations
        late = next(one for one in listed if one.full_name == "Người Hết Hạn")
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: late.expires_at)
        for answer in (
            await stranger.get(f"/loi-moi/{old.token}"),
            await stranger.post(
                f"/loi-moi/{old.token}", {"mat_khau": NEW_PASSWORD, "nhap_lai": NEW_PASSWORD}
            ),
        ):
            assert (answer.status_code, "đã hết hạn" in answer.text) == (409, True)
    async with tenant_session(place.tenant_id) as session:
        new = await service.renew(session, owner, late.id)
    assert (await stranger.get(f"/loi-moi/{new.token}")).status_code == 200
    assert "thu hồi" in (await stranger.get(f"/loi-moi/{old.token}")).text
    async with tenant_session(place.tenant_id) as session:
        waiting = next(
            one for one in (await service.staffing(session)).invitations if one.full_name == "Người Hết Hạn"
        )
        await service.withdraw(session, owner, waiting.id)
        with pytest.raises(Conflict, match="thu hồi"):
            await service.withdraw(session, owner, waiting.id)
    assert (await stranger.get(f"/loi-moi/{new.token}")).status_code == 409


async def test_an_invitation_ends_with_its_senders_right(site: Litestar, place: TestSchool) -> None:
    owner, stranger = await actor(place, Role.OWNER), Browser(site)
    _, staff_id = await hired(place, "Người Đi Mời", Role.IT_TEACHER)
    async with tenant_session(place.tenant_id) as session:
        sender = await people.actor_of(session, staff_id)  # type: ignore[arg-type]
        sent = await service.invite(
            session, sender, "Người Được Mời Hộ", f"ho@{place.tenant_id.hex}.example", "", [TEACHER]
        )
    assert (await stranger.get(f"/loi-moi/{sent.token}")).status_code == 200
    change = people.change_staff
    async with tenant_session(place.tenant_id) as session:
        await change(session, owner, staff_id, "Người Đi Mời", "", [TEACHER])  # type: ignore[arg-type]
    refused = await stranger.get(f"/loi-moi/{sent.token}")
    assert (refused.status_code, "không còn quyền mời" in refused.text) == (409, True)
    with pytest.raises(Conflict, match="không còn quyền mời"):
        await service.accept_with_new_account(sent.token, NEW_PASSWORD)
    async with tenant_session(place.tenant_id) as session:
        await change(session, owner, staff_id, "Người Đi Mời", "", [Role.IT_TEACHER])  # type: ignore[arg-type]
        await service.leave(session, owner, staff_id)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="không còn quyền mời"):
        await service.accept_with_new_account(sent.token, NEW_PASSWORD)


async def test_who_may_not_invite_does_not_withdraw(place: TestSchool) -> None:
    await invited(place, "Người Sẽ Quản Lý", Role.CLERK)
    it_teacher = await actor(place, Role.IT_TEACHER)
    async with tenant_session(place.tenant_id) as session:
        [waiting] = [
            one
            for one in (await service.staffing(session)).invitations
            if one.full_name == "Người Sẽ Quản Lý"
        ]
        with pytest.raises(Forbidden, match="không được cho hay thu vai trò"):
            await service.withdraw(session, it_teacher, waiting.id)


@pytest.mark.parametrize(
    "change", ["roles = '{owner}'", "email = 'x@y.example'", "expires_at = now() + interval '9 years'"]
)
async def test_what_an_invitation_offers_is_not_changed(place: TestSchool, change: str) -> None:
    async with tenant_session(place.tenant_id) as session:
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(text(f"update invitation set {change}"))


async def test_one_token_takes_one_seat(place: TestSchool) -> None:
    sent = await invited(place, "Người Bấm Hai Lần")
    answers = await asyncio.gather(
        *(service.accept_with_new_account(sent.token, NEW_PASSWORD) for _ in range(2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers].count(str) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1


async def test_two_do_not_take_the_last_seat(place: TestSchool) -> None:
    tokens = [(await invited(place, f"Người Giành Chỗ {n}")).token for n in ("Một", "Hai")]
    await set_seats(place, 1)
    answers = await asyncio.gather(
        *(service.accept_with_new_account(token, NEW_PASSWORD) for token in tokens), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(refused) == 1
    assert "đã dùng hết" in refused[0].message
    with pytest.raises(Conflict, match="đã dùng hết"):
        await invited(place, "Người Đến Muộn")
    await set_seats(place, 50)
    late = tokens[[isinstance(answer, Conflict) for answer in answers].index(True)]
    assert await service.accept_with_new_account(late, NEW_PASSWORD), "the link holds until a seat is free"


async def test_seats_do_not_go_below_what_is_taken(place: TestSchool) -> None:
    with pytest.raises(Conflict, match="không hạ xuống"):
        await set_seats(place, -1)
    with pytest.raises(Invalid, match="từ 1 đến"):
        await set_seats(place, 5000)


async def test_an_address_of_another_school_joins_by_its_password(
    site: Litestar, place: TestSchool, school: TestSchool
) -> None:
    """Never by the address alone: whoever has the link must sign in as the account's owner."""
    email = school.login(Role.HOMEROOM_TEACHER)
    owner = await actor(place, Role.OWNER)
    async with tenant_session(place.tenant_id) as session:
        sent = await service.invite(session, owner, "Cô Hai Trường", email, "", [TEACHER])
    link, browser = f"/loi-moi/{sent.token}", Browser(site)
    await browser.get(link)
    new = await browser.post(link, {"cach": "moi", "mat_khau": NEW_PASSWORD, "nhap_lai": NEW_PASSWORD})
    assert (new.status_code, "đã có tài khoản" in new.text) == (422, True)
    wrong = await browser.post(link, {"cach": "co-san", "tai_khoan": email, "mat_khau": NEW_PASSWORD})
    assert (wrong.status_code, "chưa đúng" in wrong.text) == (422, True)
    assert email not in await known(place), "a refusal leaves nothing behind"
    right = await browser.post(link, {"cach": "co-san", "tai_khoan": email, "mat_khau": PASSWORD})
    assert right.status_code == 303
    assert email in await known(place)


async def test_the_account_that_is_signed_in_joins(
    site: Litestar, place: TestSchool, school: TestSchool
) -> None:
    browser = await signed_in(site, school, Role.IT_TEACHER)
    link = f"/loi-moi/{(await invited(place, 'Thầy Hai Nơi', Role.IT_TEACHER)).token}"
    assert f"Cô {'Giáo viên phụ trách CNTT'}" in (await browser.get(link)).text
    assert (await browser.post(link, {"cach": "phien"})).status_code == 303
    second = f"/loi-moi/{(await invited(place, 'Thầy Hai Nơi Nữa')).token}"
    twice = await browser.post(second, {"cach": "phien"})
    assert (twice.status_code, "đã có chỗ làm việc" in twice.text) == (422, True)
    stranger = Browser(site)
    await stranger.get(second)
    assert (await stranger.post(second, {"cach": "phien"})).status_code == 422


async def test_leaving_ends_the_sessions_at_once(
    site: Litestar, place: TestSchool, owner: Browser, owner_of_tables: asyncpg.Connection
) -> None:
    login, staff_id = await hired(place, "Người Thôi Việc")
    browser = Browser(site)
    await browser.sign_in(login, NEW_PASSWORD)
    token = browser.cookie("hocba")
    assert (await browser.get("/lop")).status_code == 200
    assert "không còn lớp nào" in (await owner.get(f"/nhan-su/{staff_id}/thoi-viec")).text
    assert (await owner.post(f"/nhan-su/{staff_id}/thoi-viec")).status_code == 303
    assert (await browser.get("/lop")).status_code == 303
    assert await access.find_session(token, HOST) is None
    assert await owner_of_tables.fetch("select 1 from directory.session where staff_id = $1", staff_id) == []
    assert "không còn làm việc ở trường nào" in (await Browser(site).sign_in(login, NEW_PASSWORD)).text
    listed = await owner.get("/nhan-su")
    assert "Đã thôi làm việc" in listed.text
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert (await people.get_staff(session, staff_id)).full_name == "Người Thôi Việc"  # type: ignore[arg-type]

    assert (await owner.post(f"/nhan-su/{staff_id}/nhan-lai")).status_code == 303
    assert (await Browser(site).sign_in(login, NEW_PASSWORD)).status_code == 303
    assert [action for action, _ in await deeds(place, "Người Thôi Việc")][-2:] == [
        "people.staff.leave",
        "people.staff.return",
    ]


async def test_who_left_one_school_may_join_another(place: TestSchool) -> None:
    """An account without any place opens nothing, and is still its owner's."""
    other = await open_test_school("Trường Kế Bên")
    login, staff_id = await hired(other, "Người Chuyển Trường")
    owner = await actor(other, Role.OWNER)
    async with tenant_session(other.tenant_id) as session:
        await service.leave(session, owner, staff_id)  # type: ignore[arg-type]
    sent = await invited(place, "Người Chuyển Trường")
    client = Asking(host=HOST, network="192.0.2.0/24")
    await service.accept_with_account(sent.token, login, NEW_PASSWORD, client)
    assert isinstance(await entry.sign_in(login, NEW_PASSWORD, client), Entered)


async def test_the_last_owner_stays(place: TestSchool, owner: Browser) -> None:
    asker, staff_id = await actor(place, Role.OWNER), place.staff[Role.OWNER]
    async with tenant_session(place.tenant_id) as session:
        with pytest.raises(Conflict, match="chủ trường cuối cùng"):
            await service.leave(session, asker, staff_id)
        with pytest.raises(Conflict, match="chủ trường cuối cùng"):
            await people.change_staff(session, asker, staff_id, "Cô Chủ", "", [Role.PRINCIPAL])
    await owner.get("/nhan-su")
    answer = await owner.post(f"/nhan-su/{staff_id}/thoi-viec")
    assert (answer.status_code, "chủ trường cuối cùng" in answer.text) == (409, True)


async def test_of_two_owners_who_leave_at_once_one_stays(product: settings.Settings) -> None:
    school = await open_test_school("Trường Hai Chủ")
    owner = await actor(school, Role.OWNER)
    _, second = await hired(school, "Chủ Thứ Hai", Role.OWNER)

    async def go(staff_id: object) -> None:
        async with tenant_session(school.tenant_id) as session:
            await service.leave(session, owner, staff_id)  # type: ignore[arg-type]

    answers = await asyncio.gather(go(owner.staff_id), go(second), return_exceptions=True)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1


@pytest.mark.parametrize(
    ("by", "role"),
    [
        (Role.IT_TEACHER, Role.OWNER),
        (Role.IT_TEACHER, Role.PRINCIPAL),
        (Role.IT_TEACHER, Role.CLERK),
        (Role.PRINCIPAL, Role.OWNER),
    ],
)
async def test_nobody_climbs(place: TestSchool, by: Role, role: Role) -> None:
    """Roles that one may not give can neither be given to others or oneself, nor be taken from people."""
    asker = await actor(place, by)
    with pytest.raises(Forbidden, match="không được cho hay thu vai trò"):
        await invited(place, "Người Được Ưu Ái", role, by)
    async with tenant_session(place.tenant_id) as session:
        for staff_id, roles in ((place.staff[by], [by, role]), (place.staff[role], [TEACHER])):
            with pytest.raises(Forbidden):
                await people.change_staff(session, asker, staff_id, "Cô Ba", "", roles)
        with pytest.raises(Forbidden):
            await service.leave(session, asker, place.staff[role])


async def test_roles_change_and_count_at_once(site: Litestar, place: TestSchool, owner: Browser) -> None:
    login, staff_id = await hired(place, "Người Đổi Vai")
    browser = Browser(site)
    await browser.sign_in(login, NEW_PASSWORD)
    assert (await browser.get("/nhan-su")).status_code == 403
    await owner.get(f"/nhan-su/{staff_id}")
    fields = {"ho_ten": "Người Đổi Vai", "chuc_danh": "GIÁO VIÊN", "vai": "it_teacher"}
    assert (await owner.post(f"/nhan-su/{staff_id}", fields)).status_code == 303
    assert (await browser.get("/nhan-su")).status_code == 200
    nothing = await owner.post(f"/nhan-su/{staff_id}", fields | {"vai": ""})
    assert (nothing.status_code, "Chưa chọn vai trò" in nothing.text) == (422, True)
    async with tenant_session(place.tenant_id, read_only=True) as session:
        details = await session.scalar(
            text("select details from audit_event where action = 'people.staff.change' and subject_id = :id"),
            {"id": staff_id},
        )
    assert (details["old_roles"], details["new_roles"]) == ("Giáo viên bộ môn", "Giáo viên phụ trách CNTT")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ho_ten": " "}, "Chưa có họ tên"),
        ({"ho_ten": "Cô\u202eHoa☃"}, "không in được"),
        ({"ho_ten": "x" * 81}, "quá giới hạn"),
        ({"thu": "khong-co-a-cong"}, "chưa đúng"),
        ({"thu": "a@b c"}, "chưa đúng"),
        ({"vai": ""}, "Chưa chọn vai trò"),
        ({"vai": "giam_doc"}, "không có trong danh sách"),
    ],
)
async def test_a_form_that_cannot_be_used(owner: Browser, changed: dict[str, str], said: str) -> None:
    await owner.get("/nhan-su/moi")
    fields = {"ho_ten": "Cô Hoa", "thu": "co.hoa@moi.example", "vai": "clerk"} | changed
    answer = await owner.post("/nhan-su/moi", fields)
    assert (answer.status_code, said in answer.text) == (422, True)


async def test_who_is_known_is_not_invited(place: TestSchool) -> None:
    login, staff_id = await hired(place, "Người Quen")
    await invited(place, "Người Được Mời Rồi")
    owner = await actor(place, Role.OWNER)
    async with tenant_session(place.tenant_id) as session:
        for email, why in ((login, "đã thuộc về Người Quen"), (login.upper(), "đã thuộc về Người Quen")):
            with pytest.raises(Conflict, match=why):
                await service.invite(session, owner, "Ai Đó", email, "", [TEACHER])
    with pytest.raises(Conflict, match="đã có lời mời còn hạn"):
        await invited(place, "Người Được Mời Rồi")
    async with tenant_session(place.tenant_id) as session:
        await service.leave(session, owner, staff_id)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="chọn Nhận lại"):
            await service.invite(session, owner, "Ai Đó", login, "", [TEACHER])
        with pytest.raises(Conflict, match="đã thôi làm việc"):
            await service.leave(session, owner, staff_id)  # type: ignore[arg-type]


async def test_people_of_another_school_are_nobody(place: TestSchool, school: TestSchool) -> None:
    owner = await actor(place, Role.OWNER)
    stranger = school.staff[Role.CLERK]
    async with tenant_session(place.tenant_id) as session:
        for deed in (
            service.leave(session, owner, stranger),
            service.come_back(session, owner, stranger),
            people.change_staff(session, owner, stranger, "Cô Ba", "", [TEACHER]),
            service.renew(session, owner, stranger),
        ):
            with pytest.raises(NotFound):
                await deed


async def test_seats_on_the_owners_page(owner: Browser, place: TestSchool) -> None:
    async with tenant_session(place.tenant_id, read_only=True) as session:
        seats = await people.seats_of(session)
    assert "Đổi số chỗ" in (await owner.get("/chu-truong")).text
    for typed, status, said in (
        (str(seats.taken - 1), 409, "không hạ xuống"),
        ("0", 422, "từ 1 đến 2000"),
        ("mười", 422, "số nguyên"),
        ("9" * 40, 422, "số nguyên"),
    ):
        answer = await owner.post("/chu-truong/cho", {"so_cho": typed})
        assert (answer.status_code, said in answer.text) == (status, True), typed
    assert (await owner.post("/chu-truong/cho", {"so_cho": str(seats.taken + 7)})).status_code == 303
    assert "7" in (await owner.get("/nhan-su/moi")).text
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert (await people.seats_of(session)).free == 7
