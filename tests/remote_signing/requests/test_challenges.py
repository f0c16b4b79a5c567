"""A provider that wants PIN, OTP or consent on its own page: only the signer gives it, once, and it stays nowhere."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from litestar import Litestar
from sqlalchemy import select, text, update

from backend.core import clock
from backend.core.actor import SignIn
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.remote_signing.providers import port
from backend.remote_signing.requests import challenges
from backend.remote_signing.requests.models import ProviderCall
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.remote_signing.requests.schemas import BatchId, OpenChallenge
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import open_test_school, signed_in
from tests.factories.declared import Declared, declared
from tests.factories.machine import Machine, dispatcher_connection
from tests.factories.signing_school import (
    PRINCIPAL,
    TEACHER,
    SigningSchool,
    open_signing_school,
)
from tests.fakes.consent_page import decide
from tests.fakes.processes import PIN, SigningService

ASKS = {"pin": "explicit", "otp": "explicit", "pin+otp": "explicit", "oauth2code": "oauth2code"}


@pytest.fixture
def providers(signing: SigningService, tmp_path: Path) -> Iterator[None]:
    """By version, how they ask and what they do with a repeated call: `v2_explicit_idempotent` and so on."""
    entries = [
        Declared(
            f"{version}_{asks}_{repeat}",
            f"csc_{version}",
            {"repeat": repeat},
            {"authorization": asks},
        )
        for version in ("v1", "v2")
        for asks in ("explicit", "oauth2code")
        for repeat in ("idempotent", "blind")
    ]
    with declared(signing, tmp_path, *entries, Declared("rssp_explicit_blind", "rssp")):
        yield


class Asked:
    """A teacher who has consented to three documents, and the question that came back."""

    def __init__(self, signing: SigningService, school: SigningSchool, batch_id: BatchId) -> None:
        self.signing, self.school, self.batch_id = signing, school, batch_id
        self.machine = Machine(school.tenant_id)
        self.before = signing.ledger()

    async def call(self) -> ProviderCall:
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            found = await session.scalars(select(ProviderCall).where(ProviderCall.batch_id == self.batch_id))
            return found.one()

    async def question(self) -> OpenChallenge:
        async def challenged() -> bool:
            return (await self.call()).state == CallState.CHALLENGED

        await self.machine.until(challenged)
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            actor = await self.school.actor(TEACHER)
            [question] = await challenges.open_challenges(session, actor, self.batch_id)
        return question

    async def answer(self, *, recorded: bool = True, handed_on: bool = True, **values: str) -> None:
        """As the page does it; a process may die before the answer is handed on, or before what came back is recorded."""
        actor, call_id = await self.school.actor(TEACHER), (await self.call()).id
        async with tenant_session(self.school.tenant_id) as session:
            call = await challenges.begin(session, actor, call_id, sending=not values)
        if not handed_on:
            return
        said = await challenges.hand_on(call, values)
        if recorded:
            async with tenant_session(self.school.tenant_id) as session:
                await challenges.record(session, actor, call, said)

    async def later(self, *, by: timedelta) -> None:
        """Time passes for an answer on its way, and for the question."""
        async with tenant_session(self.school.tenant_id) as session:
            until = text(
                "jsonb_set(challenge, '{until}', to_jsonb((challenge->>'until')::timestamptz - :by))"
            )
            await session.execute(
                update(ProviderCall)
                .where(ProviderCall.batch_id == self.batch_id)
                .values(answering_since=ProviderCall.answering_since - by, challenge=until.bindparams(by=by))
                .execution_options(synchronize_session=False)
            )

    async def rest(self) -> None:
        await self.machine.rest()

    async def ended(self) -> tuple[str, int, int, int]:
        """State of the batch, signed documents, what waits in the tray, signatures made by the service's own ledger.

        Of each document the page and a part of the XML are signed.
        """
        progress = await self.school.progress(TEACHER, self.batch_id)
        made = self.signing.ledger()["count"] - self.before["count"]
        return progress.state, progress.signed, await self.school.waiting(TEACHER), made


async def asked(signing: SigningService, auth: str, version: str = "v2", repeat: str = "blind") -> Asked:
    provider = f"{version}_{ASKS[auth]}_{repeat}"
    school = await open_signing_school(signing, provider=provider, auth=auth)
    await school.ask(3)
    return Asked(signing, school, await school.consent(TEACHER))


pytestmark = pytest.mark.usefixtures("providers")
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
WITH_RSSP = pytest.mark.parametrize("version", ["v1", "v2", "rssp"])


@WITH_RSSP
async def test_a_pin_is_asked_for_once_and_three_documents_are_signed(
    version: str, signing: SigningService
) -> None:
    it = await asked(signing, "pin", version)
    question = await it.question()
    assert (question.asks, question.count, question.sends) == ((port.Ask.PIN,), 3, False)
    assert "mã PIN" in question.prompt
    assert signing.ledger()["consents"] == it.before["consents"], "nothing begins before the person answers"
    await it.answer(pin=PIN)
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)
    assert signing.ledger()["signed_more_than_once"] == []
    await _stands_nowhere(it, PIN)


async def _stands_nowhere(it: Asked, secret: str) -> None:
    async with dispatcher_connection() as connection:
        jobs = await connection.fetch("select j::text from work.job j")
    async with tenant_session(it.school.tenant_id, read_only=True) as session:
        rows = [
            line
            for table in ("provider_call", "signing_batch", "audit_event")
            for line in await session.scalars(text(f"select t::text from {table} t"))
        ]
    assert rows
    assert not [line for line in [*rows, *map(str, jobs)] if secret in line]


@VERSIONS
async def test_a_wrong_pin_is_tried_again_by_nobody_but_the_signer_until_it_is_locked(
    version: str, signing: SigningService
) -> None:
    it = await asked(signing, "pin", version)
    for number in (1, 2):
        await it.question()
        await it.answer(pin="sai")
        for _ in range(3):
            await it.machine.round()
        question = await it.question()
        assert question.problem is not None, number
        assert "không đúng" in question.problem
        assert await it.ended() == (BatchState.RUNNING, 0, 0, 0)
    await it.answer(pin=PIN)
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)


async def test_a_locked_pin_gives_the_documents_back_and_says_who_helps(signing: SigningService) -> None:
    school = await open_signing_school(signing)
    async with tenant_session(school.tenant_id) as session:
        await school.equip(signing, session, TEACHER, "v2_explicit_blind", "pin", account="se-bi-khoa")
    await school.ask(1)
    it = Asked(signing, school, await school.consent(TEACHER))
    for _ in range(3):
        await it.question()
        await it.answer(pin="sai")
    await it.question()
    await it.answer(pin=PIN)
    await it.rest()
    progress = await school.progress(TEACHER, it.batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert "mở khóa với nhà cung cấp" in (progress.problem or "")
    assert await school.waiting(TEACHER) == 1


@pytest.mark.parametrize(
    ("version", "auth"),
    [("v1", "otp"), ("v1", "pin+otp"), ("v2", "otp"), ("v2", "pin+otp"), ("rssp", "otp")],
)
async def test_an_otp_is_sent_when_the_signer_asks_for_it(
    version: str, auth: str, signing: SigningService
) -> None:
    it = await asked(signing, auth, version)
    credential = signing.enrol(f"{TEACHER}-{auth}", auth=auth).credential_id
    sent_before = (signing.otp(credential) or {"sent": 0})["sent"]
    question = await it.question()
    assert question.sends
    await it.machine.round()
    assert (signing.otp(credential) or {"sent": 0})["sent"] == sent_before, "nobody asked for a code yet"
    await it.answer()
    question = await it.question()
    assert "đã được gửi" in question.prompt
    code = signing.otp(credential)
    assert code["sent"] == sent_before + 1
    values = {"otp": code["code"]} | ({"pin": PIN} if "pin" in auth else {})
    await it.answer(**values)
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)
    await _stands_nowhere(it, f'"{code["code"]}"')


async def test_nobody_answers_for_somebody_else_nor_twice_at_once(signing: SigningService) -> None:
    it = await asked(signing, "pin")
    question = await it.question()
    other, signer = await it.school.actor(PRINCIPAL), await it.school.actor(TEACHER)
    async with tenant_session(it.school.tenant_id) as session:
        assert await challenges.open_challenges(session, other, it.batch_id) == []
        with pytest.raises(NotFound):
            await challenges.begin(session, other, question.call_id)
        await challenges.begin(session, signer, question.call_id)
        with pytest.raises(Conflict):
            await challenges.begin(session, signer, question.call_id)


async def test_a_question_that_nobody_answers_ends_and_the_documents_are_back(
    signing: SigningService,
) -> None:
    it = await asked(signing, "pin")
    await it.question()
    await it.later(by=timedelta(hours=1))
    with pytest.raises(Conflict):
        await it.answer(pin=PIN)
    await it.rest()
    assert await it.ended() == (BatchState.PARTIAL, 0, 3, 0)


@pytest.mark.parametrize("handed_on", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("repeat", ["idempotent", "blind"])
async def test_a_process_that_died_with_an_answer_in_its_hands(
    repeat: str, handed_on: bool, signing: SigningService
) -> None:
    """Killed before the provider got it, or before what it said was recorded: a named state, never a second signature."""
    it = await asked(signing, "pin", repeat=repeat)
    await it.question()
    await it.answer(pin=PIN, handed_on=handed_on, recorded=False)
    made = 6 if handed_on else 0
    await it.machine.round()
    assert (await it.call()).state == CallState.ANSWERING
    await it.later(by=timedelta(minutes=3))
    if repeat == "blind":
        await it.rest()
        call = await it.call()
        assert (call.state, call.provider_reference) == (CallState.UNKNOWN, None)
        assert await it.ended() == (BatchState.PARTIAL, 0, 0, made)
        return
    question = await it.question()
    assert "không tài liệu nào bị ký hai lần" in (question.problem or "")
    await it.answer(pin=PIN)
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)
    assert signing.ledger()["signed_more_than_once"] == []


async def test_a_process_that_died_while_a_code_was_sent_only_lets_it_be_sent_again(
    signing: SigningService,
) -> None:
    it = await asked(signing, "otp")
    await it.question()
    await it.answer(handed_on=False)
    await it.later(by=timedelta(minutes=3))
    question = await it.question()
    assert "gửi lại" in (question.problem or "")


@pytest.mark.parametrize("fault", ["http500", "cut_after_accept"])
@pytest.mark.parametrize("repeat", ["idempotent", "blind"])
async def test_an_answer_without_an_answer(repeat: str, fault: str, signing: SigningService) -> None:
    it = await asked(signing, "pin", repeat=repeat)
    await it.question()
    signing.fault(fault, path="/credentials/authorize")
    await it.answer(pin=PIN)
    if repeat == "blind":
        await it.rest()
        assert (await it.call()).state == CallState.UNKNOWN
        assert await it.ended() == (BatchState.PARTIAL, 0, 0, 0)
        return
    assert (await it.question()).problem
    await it.answer(pin=PIN)
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)


async def test_a_service_that_is_away_is_answered_later(signing: SigningService) -> None:
    it = await asked(signing, "pin")
    await it.question()
    signing.fault("rate_limit", path="/credentials/authorize")
    await it.answer(pin=PIN)
    assert "quá tải" in ((await it.question()).problem or "")
    await it.answer(pin=PIN)
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)


async def test_a_value_that_lies_is_quarantined(signing: SigningService) -> None:
    it = await asked(signing, "pin")
    await it.question()
    signing.fault("foreign_signature", path="/signHash")
    await it.answer(pin=PIN)
    assert (await it.call()).state == CallState.QUARANTINED


def sign_in(session_id: uuid.UUID) -> SignIn:
    return SignIn(
        session_id=session_id, held="", account_id=uuid.uuid4(), factor="passkey", verified_at=clock.now()
    )


@VERSIONS
async def test_consent_on_the_providers_page_counts_once_for_one_person_in_one_session(
    version: str, signing: SigningService
) -> None:
    it = await asked(signing, "oauth2code", version)
    question = await it.question()
    assert question.asks == (port.Ask.OAUTH,)
    actor, other = await it.school.actor(TEACHER), await it.school.actor(PRINCIPAL)
    here, elsewhere = sign_in(uuid.uuid4()), sign_in(uuid.uuid4())
    async with tenant_session(it.school.tenant_id) as session:
        with pytest.raises(NotFound):
            await challenges.set_out(session, other, here, question.call_id)
        address = await challenges.set_out(session, actor, here, question.call_id)
    back = decide(address, "yes")
    async with tenant_session(it.school.tenant_id) as session:
        for who, where, state in (
            (other, here, back["state"]),
            (actor, elsewhere, back["state"]),
            (actor, here, back["state"][:-1] + "z"),
            (actor, here, "x"),
        ):
            with pytest.raises(Forbidden):
                await challenges.returned(session, who, where, state)
        assert await challenges.returned(session, actor, here, back["state"]) == question.call_id
        call = await challenges.begin(session, actor, question.call_id)
    said = await challenges.hand_on(call, challenges.consent_values(call, back["code"]))
    async with tenant_session(it.school.tenant_id) as session:
        await challenges.record(session, actor, call, said)
        with pytest.raises(Forbidden):
            await challenges.returned(session, actor, here, back["state"])
    await it.rest()
    assert await it.ended() == (BatchState.COMPLETED, 3, 0, 6)


async def test_consent_withheld_on_the_providers_page_gives_the_documents_back(
    signing: SigningService,
) -> None:
    it = await asked(signing, "oauth2code")
    question = await it.question()
    actor, here = await it.school.actor(TEACHER), sign_in(uuid.uuid4())
    async with tenant_session(it.school.tenant_id) as session:
        address = await challenges.set_out(session, actor, here, question.call_id)
    back = decide(address, "no")
    assert "code" not in back
    async with tenant_session(it.school.tenant_id) as session:
        await challenges.withhold(
            session, actor, await challenges.returned(session, actor, here, back["state"])
        )
    await it.rest()
    assert (await it.call()).state == CallState.DECLINED
    assert await it.ended() == (BatchState.PARTIAL, 0, 3, 0)


async def test_the_page_asks_and_hands_on(site: Litestar, signing: SigningService) -> None:
    it, browser = await at_the_page(site, signing, "pin+otp")
    address = f"/ky/lo/{it.batch_id}"
    assert f'hx-get="{address}/hoi"' in (await browser.get(address)).text
    question = await it.question()
    page = await browser.get(address)
    assert "Nhà cung cấp hỏi người ký cần bạn xác nhận ký 2 hồ sơ" in page.text
    assert "hx-get" not in (await browser.get(f"{address}/hoi", hx_request="true")).text
    answer = f"/ky/lan/{question.call_id}/tra-loi"
    sent = await browser.post(answer, {})
    assert sent.headers["location"] == address
    credential = signing.enrol(f"{TEACHER}-pin+otp", auth="pin+otp").credential_id
    await browser.get(address)
    wrong = await browser.post(answer, {"pin": "sai", "otp": "000000"})
    assert wrong.headers["location"] == address
    page = await browser.get(address)
    assert "Mã PIN hoặc OTP không đúng" in page.text
    await browser.post(answer, {"pin": f" {PIN} ", "otp": signing.otp(credential)["code"]})
    await it.rest()
    assert (await it.school.progress(TEACHER, it.batch_id)).state == BatchState.COMPLETED
    late = await browser.post(answer, {"pin": PIN})
    assert late.status_code == 409


@pytest.mark.parametrize("answered", ["yes", "no"])
async def test_the_page_sends_to_the_provider_and_takes_back(
    answered: str, site: Litestar, signing: SigningService
) -> None:
    it, browser = await at_the_page(site, signing, "oauth2code")
    question = await it.question()
    out = await browser.get(f"/ky/lan/{question.call_id}/cap-quyen")
    assert out.status_code == 303
    back = decide(out.headers["location"], answered)
    returned = await browser.get(f"/ky/cap-quyen?{urlencode(back)}")
    assert "Hoàn tất cấp quyền ký" in returned.text
    assert signing.ledger()["count"] == it.before["count"], "reading signs nothing"
    form = {"state": back["state"], "code": back.get("code", "")}
    done = await browser.post("/ky/cap-quyen", form)
    assert done.headers["location"] == f"/ky/lo/{it.batch_id}"
    again = await browser.post("/ky/cap-quyen", form)
    assert again.status_code == 403
    await it.rest()
    signed = 2 if answered == "yes" else 0
    state = BatchState.COMPLETED if signed else BatchState.PARTIAL
    assert await it.ended() == (state, signed, 2 - signed, 2 * signed)


async def at_the_page(site: Litestar, signing: SigningService, auth: str) -> tuple[Asked, Browser]:
    """A principal in a browser who has consented to two documents, as homeroom teacher, say."""
    test_school = await open_test_school("Trường Nhập Mã")
    principal = test_school.staff[Role.PRINCIPAL]
    school = SigningSchool(test_school.tenant_id, {TEACHER: principal, PRINCIPAL: principal})
    async with tenant_session(school.tenant_id) as session:
        await school.equip(signing, session, TEACHER, f"v2_{ASKS[auth]}_blind", auth)
    await school.ask(2)
    it = Asked(signing, school, await school.consent(TEACHER))
    return it, await signed_in(site, test_school, Role.PRINCIPAL)
