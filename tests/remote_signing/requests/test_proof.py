"""A consent needs the signer's proof for exactly that list: through the page, as a browser sends it."""

import json
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select
from webauthn.helpers import base64url_to_bytes

from backend.core import clock, settings
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Forbidden
from backend.remote_signing.requests import service
from backend.remote_signing.requests.models import SigningBatch
from backend.remote_signing.requests.schemas import ConsentOffer
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Verified
from backend.tenants.factors import rules
from backend.tenants.factors.schemas import Factor
from tests.core.browser import Browser
from tests.factories.signing_school import TEACHER, SigningSchool, proof_for
from tests.tenants.authenticator import Authenticator
from tests.tenants.people import add_passkey, ask

PASSWORD = "mat-khau-thu-nghiem"


@pytest_asyncio.fixture(loop_scope="session")
async def teacher(site: Litestar, school: SigningSchool) -> Browser:
    """The homeroom teacher, signed in with nothing but a password, before three documents."""
    await school.ask(3)
    login = f"{school.staff[TEACHER].hex}@truong.example"
    async with tenant_session(school.tenant_id) as session:
        await access.create_account(session, school.staff[TEACHER], login, PASSWORD)
    browser = Browser(site)
    assert (await browser.sign_in(login, PASSWORD)).status_code == 303
    await browser.get(f"/ky/xem?vai={TEACHER}")
    return browser


def form_of(offer: ConsentOffer, **proof: str) -> dict[str, str]:
    """What the page of that offer sends."""
    return {
        "vai": offer.role,
        "nhom": "",
        "ma": offer.merkle_root,
        "so": str(len(offer.items)),
        "luc": offer.as_of.isoformat(),
        **proof,
    }


async def send(browser: Browser, form: dict[str, str]) -> httpx.Response:
    """The button of the consent page."""
    await browser.get(f"/ky/xem?vai={TEACHER}")
    return await browser.post("/ky", form)


async def batches(school: SigningSchool) -> list[SigningBatch]:
    """Consents of the school."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return list(await session.scalars(select(SigningBatch)))


async def test_without_a_factor_the_trial_takes_the_password(school: SigningSchool, teacher: Browser) -> None:
    offer = await school.offer(TEACHER)
    for proof, says in (
        ({}, "Chưa có khóa truy cập hoặc mã xác minh"),
        ({"password": "sai-mat-khau"}, "Mật khẩu chưa đúng"),
        ({"code": "123456"}, "Chưa có khóa truy cập hoặc mã xác minh"),
    ):
        refused = await send(teacher, form_of(offer, **proof))
        assert (refused.status_code, says in refused.text) == (422, True), proof
    assert await batches(school) == []
    before = teacher.cookie("hocba")
    signed = await send(teacher, form_of(offer, password=PASSWORD))
    assert signed.status_code == 303
    assert signed.headers["location"].startswith("/ky/lo/")
    assert teacher.cookie("hocba") != before
    [batch] = await batches(school)
    assert (batch.proved_by, batch.evidence, batch.count) == ("password", None, 3)


async def test_a_passkey_signs_exactly_this_list(
    school: SigningSchool, teacher: Browser, product: settings.Settings
) -> None:
    """S5: nothing shown, something shown for another list, an old answer, one document swapped: all refused."""
    key = await add_passkey(teacher, product, "Điện thoại")
    offer = await school.offer(TEACHER)
    await send_and_expect_refusal(teacher, form_of(offer, password=PASSWORD), "Chưa có khóa truy cập")
    await teacher.get(f"/ky/xem?vai={TEACHER}")
    for statement in ("0" * 64, ""):
        answer = await answered(teacher, key, statement)
        await send_and_expect_refusal(teacher, form_of(offer, passkey=answer), "thuộc về một việc khác")
    answer = await answered(teacher, key, offer.statement)
    for change in ({"so": "4"}, {"ma": "1" * 64}, {"nhom": "Lớp 4A"}, {"vai": "principal"}):
        bent = form_of(offer, passkey=await answered(teacher, key, offer.statement)) | change
        refused = await send(teacher, bent)
        assert refused.status_code in (409, 422), change
    await school.ask(1)
    signed = await send(teacher, form_of(offer, passkey=answer))
    assert signed.status_code == 303, "a document that became ready later does not disturb the consent"
    await send_and_expect_refusal(teacher, form_of(await school.offer(TEACHER), passkey=answer), "việc khác")
    [batch] = await batches(school)
    assert (batch.proved_by, batch.count, batch.merkle_root) == ("passkey", 3, offer.merkle_root)
    assert batch.evidence is not None
    challenge = rules.challenge(base64url_to_bytes(batch.evidence["nonce"]), offer.statement)
    said = json.loads(base64url_to_bytes(batch.evidence["client_data"]))
    assert base64url_to_bytes(said["challenge"]) == challenge, "a stranger can see what was agreed to"
    assert set(batch.evidence) == {"nonce", "public_key", "client_data", "authenticator_data", "signature"}


async def test_proofs_of_long_ago_and_of_other_lists_are_refused(school: SigningSchool) -> None:
    await school.ask(2)
    offer, actor = await school.offer(TEACHER), await school.actor(TEACHER)
    good = proof_for(offer)
    for proof in (
        Verified(factor=Factor.PASSKEY, at=good.at, statement="0" * 64),
        Verified(
            factor=Factor.PASSKEY, at=clock.now() - timedelta(minutes=5, seconds=1), statement=good.statement
        ),
    ):
        async with tenant_session(school.tenant_id) as session:
            with pytest.raises(Forbidden, match="không dành cho danh sách vừa gửi"):
                await service.consent(session, actor, TEACHER, None, offer.merkle_root, offer.as_of, proof)
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(Conflict):
            await service.consent(session, actor, TEACHER, None, "0" * 64, offer.as_of, good)
    assert await batches(school) == []


async def test_a_refused_consent_leaves_its_signer_signed_in(school: SigningSchool, teacher: Browser) -> None:
    """The proof was taken and renewed the session; the list was too old. Twice, so that no old token is let in."""
    form = form_of(await school.offer(TEACHER), password=PASSWORD)
    form["luc"] = (clock.now() - timedelta(hours=13)).isoformat()
    for _ in range(2):
        refused = await send(teacher, form)
        assert (refused.status_code, "hãy xem lại danh sách" in refused.text) == (409, True)
    assert (await teacher.get("/ky")).status_code == 200
    assert await batches(school) == []


async def test_a_second_click_finds_the_batch_of_the_first(
    school: SigningSchool, teacher: Browser, product: settings.Settings
) -> None:
    """It left before the first was answered, with the same proof, which is used up, and the same cookie."""
    key = await add_passkey(teacher, product, "Điện thoại")
    offer = await school.offer(TEACHER)
    await teacher.get(f"/ky/xem?vai={TEACHER}")
    form = form_of(offer, passkey=await answered(teacher, key, offer.statement))
    cookie = teacher.cookie("hocba")
    first = await teacher.post("/ky", form)
    second = await teacher.post("/ky", form, Cookie=f"hocba={cookie}")
    [batch] = await batches(school)
    for answer in (first, second):
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/ky/lo/{batch.id}")
    await school.ask(1)
    other = form_of(await school.offer(TEACHER), passkey=form["passkey"])
    await send_and_expect_refusal(teacher, other, "việc khác")


async def send_and_expect_refusal(browser: Browser, form: dict[str, str], says: str) -> None:
    refused = await send(browser, form)
    assert (refused.status_code, says in refused.text) == (422, True), refused.text


async def answered(browser: Browser, key: Authenticator, statement: str) -> str:
    """The passkey's answer about a list, asked for as the script of the page does."""
    form = {"statement": statement} if statement else {}
    return key.get(await ask(browser, "/xac-minh/cau-hoi", **form))
