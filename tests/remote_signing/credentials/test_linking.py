"""A signer's own account at a provider whose users let us in: linked by them alone, renewed, run out, taken back.

Signatures and questions on the telephone are counted in the service's own ledger.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import clock
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.accounts.schemas import AccessState, AccessView
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.providers import gateway
from backend.remote_signing.requests import held
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.tenants.permissions import ROLE_NAMES, Role
from tests.core.browser import Browser
from tests.core.site_fixtures import open_test_school
from tests.factories.declared import Declared, declared
from tests.factories.machine import Machine
from tests.factories.signing_school import TEACHER, WHO, SigningSchool
from tests.fakes.letting_in import decide
from tests.fakes.processes import SigningService
from tests.remote_signing.accounts.test_accounts import everything
from tests.remote_signing.credentials.test_pages import Desk
from tests.remote_signing.requests.test_faults import calls_of, signed_twice

AT, SMARTCA = "/chung-thu/lien-ket", "vnpt_oauth"
ACCOUNT, NAME = "smartca-gvcn", f"Cô {ROLE_NAMES[Role.HOMEROOM_TEACHER]}"


@pytest.fixture(autouse=True)
def providers(signing: SigningService, tmp_path: Path) -> Iterator[None]:
    signing.enrol(ACCOUNT, NAME)
    signing.enrol("smartca-nguoi-khac", "Trần Thị Người Khác")
    with declared(signing, tmp_path, Declared(SMARTCA, "smartca_oauth", {"poll_interval": 0.1})):
        yield
    signing.clear_faults()


class Teacher:
    """A homeroom teacher in the own browser, and whoever manages certificates."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.tenant_id = desk, desk.school.tenant_id
        staff = {name: desk.school.staff[role] for name, role in WHO.items()}
        self.school = SigningSchool(self.tenant_id, staff)

    async def browser(self) -> Browser:
        return await self.desk.browser(Role.HOMEROOM_TEACHER)

    async def goes_there(self, account: str = ACCOUNT) -> str:
        """The address of the provider's page, as the button has it."""
        browser = await self.browser()
        await browser.get(AT)
        shown = await browser.post(AT, {"nha_cung_cap": SMARTCA, "tai_khoan": account, "cho": "toi"})
        assert shown.status_code == 200, shown.text
        return unescape(shown.text.split('href="http')[1].split('"')[0]).join(("http", ""))

    async def comes_back(self, brought: dict[str, str]) -> tuple[int, str]:
        """What the page says to what the provider's page has brought."""
        browser = await self.browser()
        await browser.get(f"{AT}/ve")
        back = await browser.http.get(f"{AT}/ve", params=brought)
        assert back.status_code == 200, back.text
        form = {"state": brought["state"], "code": brought.get("code", "")}
        answer = await browser.post(f"{AT}/ve", form)
        return answer.status_code, answer.text

    async def links(self, user: str = ACCOUNT) -> tuple[int, str]:
        """The whole way."""
        return await self.comes_back(decide(await self.goes_there(), user))

    async def enrolled(self) -> None:
        """The certificate of that account is theirs, as a manager takes it over."""
        async with tenant_session(self.tenant_id) as session:
            staff = self.desk.school.staff[Role.HOMEROOM_TEACHER]
            own = await accounts.values_of(session, SMARTCA, ACCOUNT, staff)
            [found] = await gateway.credentials_at(SMARTCA, ACCOUNT, own.by_field)
            by = machine(self.tenant_id)
            await credentials.enrol(session, by, found, provider=SMARTCA, account=ACCOUNT, staff_id=staff)

    async def link(self) -> AccessView:
        """How the only link stands."""
        async with tenant_session(self.tenant_id, read_only=True) as session:
            [found] = await accounts.own_links(session, await self.school.actor(TEACHER))
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def teacher(site: Litestar, signing: SigningService) -> Teacher:
    return Teacher(Desk(site, await open_test_school("Trường Liên Kết")))


async def test_a_signer_links_the_own_account_and_what_is_left_can_be_read_nowhere(
    teacher: Teacher, signing: SigningService
) -> None:
    manager, form = (
        await teacher.desk.browser(Role.IT_TEACHER),
        {"nha_cung_cap": SMARTCA, "tai_khoan": ACCOUNT},
    )
    page = teacher.desk.page_of(Role.HOMEROOM_TEACHER)
    early = await manager.post(f"{page}/tim", form)
    assert (early.status_code, "Liên kết tài khoản ký số" in early.text) == (409, True)
    assert (await teacher.links())[0] == 303
    shown = (await (await teacher.browser()).get(AT)).text
    assert "Đang dùng" in shown
    staff = teacher.desk.school.staff
    async with tenant_session(teacher.tenant_id, read_only=True) as session:
        own = await accounts.values_of(session, SMARTCA, ACCOUNT, staff[Role.HOMEROOM_TEACHER])
        for other in (staff[Role.PRINCIPAL], None):
            assert (await accounts.values_of(session, SMARTCA, ACCOUNT, other)).by_field == {}
    token = own.by_field["refresh_token"]
    kept = await everything(teacher.tenant_id)
    for text in (shown, kept, repr(own)):
        assert token not in text
        assert token.encode().hex() not in text
    found = await manager.post(f"{page}/tim", form)
    assert (found.status_code, NAME in found.text) == (200, True)
    async with tenant_session(teacher.tenant_id) as session:
        assert await accounts.rotate(session, machine(teacher.tenant_id)) == 1
        again = await accounts.values_of(session, SMARTCA, ACCOUNT, staff[Role.HOMEROOM_TEACHER])
        assert again.by_field == own.by_field
    assert (await teacher.links())[0] == 303, "renewed in the same way"
    link = await teacher.link()
    assert (link.state, link.is_live) == (AccessState.ACTIVE, True)
    assert link.ends_at - clock.now() > timedelta(days=89)


async def test_only_an_account_of_ones_own_is_kept_and_only_from_ones_own_session(
    teacher: Teacher, signing: SigningService, site: Litestar
) -> None:
    status, said = await teacher.links("smartca-nguoi-khac")
    assert (status, f"mang tên {NAME}" in said) == (409, True)
    status, said = await teacher.comes_back(decide(await teacher.goes_there(), ACCOUNT, "no"))
    assert (status, "chưa đồng ý" in said) == (409, True)
    brought = decide(await teacher.goes_there(), ACCOUNT)
    assert (await teacher.comes_back(brought | {"code": "khac"}))[0] == 409
    principal = await teacher.desk.browser(Role.PRINCIPAL)
    stolen = await principal.post(f"{AT}/ve", {"state": brought["state"], "code": brought["code"]})
    assert stolen.status_code == 403
    for forged in ("", "AAAA", "không phải", brought["state"][:-8]):
        answer = await principal.post(f"{AT}/ve", {"state": forged, "code": brought["code"]})
        assert answer.status_code == 403, forged
    assert "refresh_token" not in (await everything(teacher.tenant_id))
    async with tenant_session(teacher.tenant_id, read_only=True) as session:
        assert await accounts.own_links(session, await teacher.school.actor(TEACHER)) == []
    assert (await teacher.comes_back(brought))[0] == 303, "the owner of the journey ends it"
    refused = await principal.post(AT, {"nha_cung_cap": SMARTCA, "tai_khoan": ACCOUNT, "cho": "con-dau"})
    assert refused.status_code == 403, "a principal keeps no seal"


async def test_a_season_is_signed_with_it_and_nothing_is_asked_without(
    teacher: Teacher, signing: SigningService
) -> None:
    await teacher.links()
    await teacher.enrolled()
    await teacher.school.ask(2)
    batch_id = await teacher.school.consent(TEACHER)
    await Machine(teacher.tenant_id).rest()
    progress = await teacher.school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed, progress.problem) == (BatchState.COMPLETED, 2, None)
    browser, link = await teacher.browser(), await teacher.link()
    stranger = await teacher.desk.browser(Role.PRINCIPAL)
    await stranger.get(AT)
    assert (await stranger.post(f"{AT}/{link.id}/ngung", {})).status_code == 404
    await browser.get(AT)
    assert (await browser.post(f"{AT}/{link.id}/ngung", {})).status_code == 303
    assert (await teacher.link()).state is AccessState.TAKEN_BACK
    await teacher.school.ask(1)
    before = signing.ledger()["consents"]
    with pytest.raises(Conflict, match="Liên kết tài khoản ký số"):
        await teacher.school.offer(TEACHER)
    assert signing.ledger()["consents"] == before


async def test_one_that_runs_out_while_the_telephone_rings_is_asked_about_once_it_is_renewed(
    teacher: Teacher, signing: SigningService
) -> None:
    """The person has confirmed: a second question would be a second charge."""
    await teacher.links()
    await teacher.enrolled()
    await teacher.school.ask(2)
    before = signing.ledger()
    batch_id, work = await teacher.school.consent(TEACHER), Machine(teacher.tenant_id)

    async def waiting() -> bool:
        return [call.state for call in await calls_of(teacher.school, batch_id)] == [CallState.WAITING]

    await work.until(waiting)
    signing.end_accesses()
    await work.rest()
    [call] = await calls_of(teacher.school, batch_id)
    assert (call.state, "cấp lại" in (call.problem or "")) == (CallState.UNKNOWN, True)
    assert (await teacher.link()).state is AccessState.REFUSED
    assert await teacher.school.waiting(TEACHER) == 0
    home = (await (await teacher.browser()).get("/")).text
    assert "hãy liên kết lại" in home
    assert await asked(teacher, call.id) == 503, "nobody lets us in yet"
    await teacher.links()
    assert await asked(teacher, call.id) == 303
    await work.rest()
    progress = await teacher.school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 2)
    after = signing.ledger()
    assert (after["consents"] - before["consents"], signed_twice(signing)) == (1, [])
    assert after["count"] - before["count"] == 4, "page and XML of two documents"


async def asked(teacher: Teacher, call_id: uuid.UUID) -> int:
    """The button of a held call."""
    browser = await teacher.browser()
    await browser.get("/ky/giu-lai")
    return (await browser.post(f"/ky/giu-lai/{call_id}/hoi-lai")).status_code


async def test_one_that_has_run_out_before_anything_was_asked_gives_the_documents_back(
    teacher: Teacher, signing: SigningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await teacher.links()
    await teacher.enrolled()
    await teacher.school.ask(1)
    before = signing.ledger()["consents"]
    batch_id = await teacher.school.consent(TEACHER)
    signing.end_accesses()
    await Machine(teacher.tenant_id).rest()
    [call] = await calls_of(teacher.school, batch_id)
    assert (call.state, await teacher.school.waiting(TEACHER)) == (CallState.FAILED, 1)
    assert signing.ledger()["consents"] == before
    async with tenant_session(teacher.tenant_id, read_only=True) as session:
        assert await held.list_held(session, await teacher.school.actor(TEACHER)) == []
    await teacher.links()
    again = await teacher.school.consent(TEACHER)
    await Machine(teacher.tenant_id).rest()
    assert (await teacher.school.progress(TEACHER, again)).state == BatchState.COMPLETED
    for days, said in ((80, "còn 9 ngày"), (91, "đã hết hạn")):
        later = clock.now() + timedelta(days=days)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda then=later: then)
            async with tenant_session(teacher.tenant_id, read_only=True) as session:
                actor = await teacher.school.actor(TEACHER)
                [told] = await accounts.link_warnings(session, actor)
        assert said in told
