"""Signing in with an account elsewhere, against a provider process that tells every known lie."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import KeySet, RSAKey
from litestar import Litestar
from sqlalchemy import text

from backend.core import http_client, settings
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.tenants.access import service as access
from backend.tenants.federation import oidc, rules
from backend.tenants.federation import service as federation
from backend.tenants.federation.schemas import ProviderForm, ProviderKind
from backend.tenants.permissions import Role
from infra.simulators.oidc.people import DOMAIN, TENANT
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in
from tests.factories.signing_school import changed_settings
from tests.tenants.identity_provider import IdentityProvider, start_identity_provider, to_and_fro
from tests.tenants.people import found

NOT_BELIEVED = "Không xác minh được câu trả lời của nơi đăng nhập"
FOREIGN = "Tài khoản này không thuộc trường"
LOST = "Lần đăng nhập này đã hết hạn hoặc không do trình duyệt này bắt đầu"
NOT_LINKED = "Tài khoản này chưa được liên kết với ai ở trường"
SILENT = "Nơi đăng nhập chưa trả lời"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[IdentityProvider]:
    """The provider process, at which the product believes Google, Entra and VNeID to be."""
    with (
        start_identity_provider(tmp_path_factory.mktemp("elsewhere")) as process,
        changed_settings(
            HOCBA_GOOGLE_ISSUER=f"{process.url}/google",
            HOCBA_ENTRA_ISSUER=f"{process.url}/entra/{{tid}}/v2.0",
            HOCBA_OTHER_ISSUERS=f"{process.url}/vneid {process.url}/khac",
        ),
    ):
        yield process
    await http_client.aclose()


@dataclass
class Doors:
    """A school, the addresses of its providers by kind, and its people's browsers."""

    school: TestSchool
    site: Litestar
    paths: dict[str, str]

    async def browser(self, role: Role) -> Browser:
        """Somebody who is signed in by password."""
        return await signed_in(self.site, self.school, role)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doors(site: Litestar, provider: IdentityProvider) -> Doors:
    """Google for the domain, Entra for the directory, VNeID for anybody; the clerk has linked person 1000001 of each."""
    doors = Doors(await open_test_school("Trường Đăng Nhập Nơi Khác"), site, {})
    await open_doors(doors, provider)
    clerk = await doors.browser(Role.CLERK)
    for path in doors.paths.values():
        assert (await link(clerk, provider, path, "1000001")).status_code == 303
    return doors


async def open_doors(doors: Doors, provider: IdentityProvider) -> None:
    """The IT teacher switches three providers on, through the form."""
    it_teacher = await doors.browser(Role.IT_TEACHER)
    known = provider.settings()
    for kind, restriction, issuer in (
        ("google", DOMAIN.upper(), ""),
        ("entra", TENANT, ""),
        ("other", "", f"{provider.url}/vneid"),
    ):
        await it_teacher.get("/cai-dat/dang-nhap/moi")
        form = {
            "kind": kind,
            "name": f"Nơi {kind}",
            "restriction": restriction,
            "issuer": issuer,
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
        }
        added = await it_teacher.post("/cai-dat/dang-nhap", form)
        assert added.status_code == 303, added.text
    page = (await it_teacher.get("/cai-dat/dang-nhap")).text
    assert known["client_secret"] not in page
    keys = [action.split("/")[-2] for action in found(it_teacher, "//form[contains(@action, '/go')]/@action")]
    doors.paths = dict(
        zip(("google", "entra", "other"), (f"/dang-nhap/oidc/{key}" for key in keys), strict=True)
    )


async def link(browser: Browser, provider: IdentityProvider, path: str, sub: str) -> httpx.Response:
    """Out, back, look, yes."""
    key = path.rpartition("/")[2]
    back = await to_and_fro(browser, provider, f"/tai-khoan/lien-ket/{key}/di", sub)
    assert back.headers.get("location") == "/tai-khoan/lien-ket/xac-nhan", back.text
    shown = await browser.get("/tai-khoan/lien-ket/xac-nhan")
    assert sub in shown.text
    return await browser.post("/tai-khoan/lien-ket")


@pytest.mark.parametrize("kind", ["google", "entra", "other"])
async def test_who_has_linked_an_account_comes_in_with_it(
    site: Litestar, doors: Doors, provider: IdentityProvider, kind: str
) -> None:
    browser = Browser(site)
    door = await browser.get(f"{doors.paths[kind]}?tiep=/lop")
    assert f"Đăng nhập bằng Nơi {kind}" in door.text
    [way] = found(browser, "//a[contains(@href, '/di?')]/@href")
    left = await browser.http.get(way)
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert len(asked["state"][0]) >= 43
    assert len(asked["nonce"][0]) >= 43
    assert asked["redirect_uri"][0].endswith(f"{doors.paths[kind]}/ve")
    back = await browser.get(provider.walk(left.headers["location"], "1000001"))
    assert (back.status_code, back.headers.get("location")) == (303, "/lop"), back.text
    assert "tài khoản ở nơi khác" in (await browser.get("/tai-khoan")).text
    await browser.get("/tai-khoan/lien-ket")
    assert len(found(browser, "//form[contains(@action, '/go')]/@action")) == 3
    proof = await browser.get("/tai-khoan/khoa")
    assert proof.headers.get("location") == "/xac-minh?tiep=/tai-khoan/khoa&yeu-to=1", (
        "whoever runs the provider does not come by a factor that opens other schools"
    )


@pytest.mark.parametrize(
    "lie",
    [
        "wrong_nonce",
        "no_nonce",
        "no_nonce_wanted",
        "wrong_issuer",
        "wrong_audience",
        "two_audiences",
        "no_subject",
        "expired",
        "from_the_future",
        "alg_none",
        "alg_hs256",
        "key_as_secret",
        "other_key",
        "broken_signature",
        "wrong_state",
        "foreign_iss",
        "no_iss",
        "denied",
        "no_id_token",
        "html_200",
    ],
)
async def test_a_lie_opens_nothing(
    site: Litestar, doors: Doors, provider: IdentityProvider, lie: str
) -> None:
    provider.fault(lie)
    await refused(site, doors.paths["google"], provider, NOT_BELIEVED)


@pytest.mark.parametrize("kind", ["google", "entra"])
@pytest.mark.parametrize("lie", ["other_domain", "no_domain"])
async def test_an_account_of_another_domain_or_directory_is_a_stranger(
    site: Litestar, doors: Doors, provider: IdentityProvider, kind: str, lie: str
) -> None:
    provider.fault(lie)
    await refused(site, doors.paths[kind], provider, FOREIGN)


async def refused(
    site: Litestar, door: str, provider: IdentityProvider, says: str, sub: str = "1000001"
) -> None:
    browser = Browser(site)
    back = await to_and_fro(browser, provider, f"{door}/di", sub)
    provider.clear_faults()
    assert (back.status_code, says in back.text) == (403, True), back.text
    assert not browser.cookie("hocba")
    assert (await browser.get("/tai-khoan")).status_code == 303


async def test_a_refusal_is_in_the_audit_of_the_school(
    site: Litestar, doors: Doors, provider: IdentityProvider
) -> None:
    async def recorded() -> int:
        query = text(
            "select count(*) from audit_event where action = 'access.session.sign_in_refused'"
            " and outcome = 'refused' and details->>'factor' = 'elsewhere'"
        )
        async with tenant_session(doors.school.tenant_id, read_only=True) as session:
            return await session.scalar(query) or 0

    before = await recorded()
    await refused(site, doors.paths["google"], provider, NOT_LINKED, sub="1000002")
    provider.fault("wrong_nonce")
    await refused(site, doors.paths["google"], provider, NOT_BELIEVED)
    provider.fault("other_domain")
    await refused(site, doors.paths["google"], provider, FOREIGN)
    assert await recorded() == before + 3


async def test_an_address_is_nobody(site: Litestar, doors: Doors, provider: IdentityProvider) -> None:
    """Takeover by e-mail: the same address, another subject; a linked subject under a new address still comes in."""
    provider.add_person(sub="6660001", name="Kẻ lạ", email="taikhoan1@hoaban.hocba.test")
    await refused(site, doors.paths["google"], provider, NOT_LINKED, sub="6660001")
    provider.add_person(sub="6660002", name="Kẻ lạ", email=doors.school.login(Role.OWNER))
    await refused(site, doors.paths["google"], provider, NOT_LINKED, sub="6660002")


async def test_the_same_subject_elsewhere_is_somebody_else(
    site: Litestar, doors: Doors, provider: IdentityProvider
) -> None:
    """The key is issuer and subject: 1000002 is linked nowhere, and at another issuer 1000001 is not our 1000001."""
    await refused(site, doors.paths["entra"], provider, NOT_LINKED, sub="1000002")
    it_teacher = await doors.browser(Role.IT_TEACHER)
    await it_teacher.get("/cai-dat/dang-nhap/moi")
    known = provider.settings()
    form = {"kind": "other", "name": "Nơi khác nữa", "issuer": f"{provider.url}/khac", **known}
    assert (await it_teacher.post("/cai-dat/dang-nhap", form)).status_code == 303
    await it_teacher.get("/cai-dat/dang-nhap")
    remove = found(it_teacher, "//form[contains(@action, '/go')]/@action")[-1]
    door = f"/dang-nhap/oidc/{remove.split('/')[-2]}"
    await refused(site, door, provider, NOT_LINKED)
    assert (await it_teacher.post(remove)).status_code == 303
    assert (await Browser(site).get(door)).status_code == 404


async def test_mix_up_and_replay(site: Litestar, doors: Doors, provider: IdentityProvider) -> None:
    """An answer belongs to the browser, the provider and the sign-in that asked for it, once."""
    browser, victim = Browser(site), Browser(site)
    left = await browser.http.get(f"{doors.paths['google']}/di")
    back = provider.walk(left.headers["location"], "1000001")
    strange = await victim.get(back)
    assert (strange.status_code, LOST in strange.text) == (403, True), "another browser's answer"
    other_door = await browser.get(back.replace(doors.paths["google"], doors.paths["entra"]))
    assert (other_door.status_code, LOST in other_door.text) == (403, True), "another provider's answer"
    left = await browser.http.get(f"{doors.paths['google']}/di")
    back = provider.walk(left.headers["location"], "1000001")
    kept = browser.cookie("hocba-elsewhere")
    assert (await browser.get(back)).status_code == 303
    assert not browser.cookie("hocba-elsewhere")
    thief = Browser(site)
    thief.http.cookies.set("hocba-elsewhere", kept)
    again = await thief.get(back)
    assert (again.status_code, NOT_BELIEVED in again.text) == (403, True), "the provider takes a code once"
    thief.http.cookies.set("hocba-elsewhere", kept[:-8] + "AAAAAAA=")
    assert LOST in (await thief.get(back)).text


async def test_a_provider_opens_its_own_school_alone(
    site: Litestar, doors: Doors, provider: IdentityProvider
) -> None:
    """School B's IT teacher switches on a provider; the clerk of A, whom it knows, does not get into B by it."""
    other = Doors(await open_test_school("Trường B"), site, {})
    await open_doors(other, provider)
    browser = Browser(site)
    back = await to_and_fro(browser, provider, f"{other.paths['google']}/di", "1000001")
    assert back.status_code == 401, back.text
    assert "không còn làm việc ở trường" in back.text
    assert not browser.cookie("hocba")


async def test_linking_takes_a_fresh_proof_one_browser_and_a_yes(
    site: Litestar, doors: Doors, provider: IdentityProvider
) -> None:
    principal, clerk = await doors.browser(Role.PRINCIPAL), await doors.browser(Role.CLERK)
    taken = await link(principal, provider, doors.paths["google"], "1000001")
    assert (taken.status_code, "đã được liên kết" in taken.text) == (409, True)
    key = doors.paths["google"].rpartition("/")[2]
    left = await principal.http.get(f"/tai-khoan/lien-ket/{key}/di")
    back = provider.walk(left.headers["location"], "1000002")
    clerk.http.cookies.set("hocba-elsewhere", principal.cookie("hocba-elsewhere"))
    planted = await clerk.get(back)
    assert (planted.status_code, LOST in planted.text) == (403, True), "somebody else's journey links nothing"
    for nothing in ("/tai-khoan/lien-ket/xac-nhan",):
        assert (await clerk.get(nothing)).status_code == 403
    await clerk.get("/tai-khoan/lien-ket")
    [first, *_] = found(clerk, "//form[contains(@action, '/go')]/@action")
    assert (await principal.get("/tai-khoan/lien-ket")).status_code == 200
    assert (await principal.post(first)).status_code == 404, "somebody else's link"


async def test_a_provider_that_is_away_says_so(
    site: Litestar, doors: Doors, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.fault("http500", path="/token")
    browser = Browser(site)
    back = await to_and_fro(browser, provider, f"{doors.paths['google']}/di", "1000001")
    assert (back.status_code, SILENT in back.text) == (503, True)
    monkeypatch.setattr(oidc, "_described", {})
    provider.fault("foreign_discovery")
    assert (await Browser(site).get(f"{doors.paths['google']}/di")).status_code == 403


async def test_a_secret_closed_with_a_key_that_is_gone_says_what_to_do(
    site: Litestar, school: TestSchool, provider: IdentityProvider
) -> None:
    form = ProviderForm(kind=ProviderKind.GOOGLE, name="Google", restriction=DOMAIN, **provider.settings())
    async with tenant_session(school.tenant_id) as session:
        with changed_settings(HOCBA_SECRET_KEY="the key of before " * 3):
            provider_id = await federation.add_provider(session, machine(school.tenant_id), form)
    told = await Browser(site).get(f"/dang-nhap/oidc/{provider_id}/di")
    assert told.status_code == 409
    assert "Khóa bí mật của Google không còn mở được" in told.text


async def test_keys_are_asked_for_anew_and_not_at_every_try(
    site: Litestar, doors: Doors, provider: IdentityProvider
) -> None:
    issuer, way = f"{provider.url}/google", f"{doors.paths['google']}/di"
    unknown = KeySet([RSAKey.generate_key(2048, {"kid": "la"})])
    for age, status in ((oidc.LEAST_MEMORY + 1, 303), (1, 403)):
        oidc._keys[issuer] = (time.monotonic() - age, unknown)
        back = await to_and_fro(Browser(site), provider, way, "1000001")
        assert back.status_code == status, f"a key that is not known, {age} s after the last look"
    del oidc._keys[issuer]
    assert (await to_and_fro(Browser(site), provider, way, "1000001")).status_code == 303
    _, known = oidc._keys[issuer]
    oidc._keys[issuer] = (time.monotonic() - oidc.MEMORY - 1, known)
    assert (await to_and_fro(Browser(site), provider, way, "1000001")).status_code == 303
    assert oidc._keys[issuer][1] is not known, "a key that was withdrawn is not believed for ever"


@pytest.mark.parametrize(
    "change",
    [
        {"restriction": "khong phai ten mien"},
        {"kind": "entra", "restriction": "common"},
        {"kind": "other", "issuer": "https://xau.example"},
        {"kind": "other", "issuer": "http://169.254.169.254"},
        {"name": " "},
        {"client_secret": ""},
        {"client_id": "x" * 201},
    ],
)
async def test_what_cannot_be_a_provider_is_refused_in_words(
    site: Litestar, school: TestSchool, provider: IdentityProvider, change: dict[str, str]
) -> None:
    owner = await signed_in(site, school, Role.OWNER)
    await owner.get("/cai-dat/dang-nhap/moi")
    form = {
        "kind": "google",
        "name": "Google",
        "restriction": DOMAIN,
        "client_id": "a",
        "client_secret": "b",
    }
    refused = await owner.post("/cai-dat/dang-nhap", form | change)
    assert refused.status_code == 422
    assert found(owner, "//div[contains(@class, 'notice-bad')]//p/text()")
    assert (await Browser(site).get("/dang-nhap/oidc/khong-co")).status_code == 404


def test_whose_account_it_is() -> None:
    google, entra, other = ProviderKind
    assert rules.restriction_of(google, " Truong.EDU.vn ") == "truong.edu.vn"
    assert [rules.restriction_of(google, bad) for bad in ("", "truong", "a b.vn", "-a.vn", "a@b.vn")] == [
        None
    ] * 5
    assert rules.restriction_of(entra, TENANT.upper()) == TENANT
    assert [rules.restriction_of(entra, bad) for bad in ("", "common", "organizations", DOMAIN)] == [None] * 4
    assert rules.belongs(google, DOMAIN, {"hd": DOMAIN})
    assert not rules.belongs(google, DOMAIN, {"email": f"a@{DOMAIN}"}), "an address proves no domain"
    assert not rules.belongs(entra, TENANT, {"tid": ["x"]})
    assert rules.belongs(other, "", {})
    assert rules.label_of({"sub": "1", "email": 5, "name": " A  B "}) == "A B"


async def test_a_link_that_was_taken_away_opens_nothing(
    site: Litestar, doors: Doors, provider: IdentityProvider
) -> None:
    async with tenant_session(doors.school.tenant_id) as session:
        login = f"moi@{doors.school.tenant_id.hex}.example"
        await access.create_account(session, doors.school.staff[Role.OWNER], login, "mat-khau-thu-nghiem")
    browser = Browser(site)
    assert (await browser.sign_in(login, "mat-khau-thu-nghiem")).status_code == 303
    assert (await link(browser, provider, doors.paths["google"], "1000002")).status_code == 303
    assert (
        await to_and_fro(Browser(site), provider, f"{doors.paths['google']}/di", "1000002")
    ).status_code == 303
    await browser.get("/tai-khoan/lien-ket")
    [remove] = found(browser, "//form[contains(@action, '/go')]/@action")
    assert (await browser.post(remove)).status_code == 303
    await refused(site, doors.paths["google"], provider, NOT_LINKED, sub="1000002")
