"""Each way in which a signing service can misbehave ends in a named state that the signer reads in Vietnamese.

What was signed is counted in the service's own ledger.
"""

import re
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from backend.core.database import tenant_session
from backend.records.reports import service as reports
from backend.remote_signing.credentials import trial
from backend.remote_signing.providers import csc, gateway, port
from backend.remote_signing.requests import service
from backend.remote_signing.requests.models import ProviderCall, SigningStep
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.remote_signing.requests.schemas import BatchId
from tests.factories.machine import Death, Machine, die
from tests.factories.signing_school import PRINCIPAL, TEACHER, SigningSchool, changed_settings
from tests.fakes.processes import SigningService

VIETNAMESE = re.compile(r"[ạảãâấầẩẫậăắằẳẵặẹẻẽêếềểễệịỉọỏôốồổỗộơớờởỡợụủưứừửữựỳỵỷỹđ]")


@dataclass
class Fault:
    """What is switched on, and how the three documents of a consent end."""

    kind: str
    state: CallState
    settings: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        where = str(self.settings.get("path", "")).rpartition("/")[2]
        return f"{self.kind}-{where}" if where else self.kind


AUTHORIZE, CHECK, SIGN = "/credentials/authorize", "/authorizeCheck", "/signHash"
#: The service is in trouble but has signed or will sign: the machine gets there by asking again.
PASSING = [
    Fault("delay", CallState.DONE, {"seconds": 0.5, "path": SIGN}),
    Fault("http500", CallState.DONE, {"times": 3, "path": AUTHORIZE}),
    Fault("http500", CallState.DONE, {"times": 3, "path": SIGN}),
    Fault("down", CallState.DONE, {"seconds": 0.7}),
    Fault("cut_after_accept", CallState.DONE, {"times": 2, "path": AUTHORIZE}),
    Fault("cut_after_accept", CallState.DONE, {"times": 2, "path": CHECK}),
    Fault("cut_after_accept", CallState.DONE, {"times": 2, "path": SIGN}),
    Fault("rate_limit", CallState.DONE, {"times": 3, "path": AUTHORIZE}),
    Fault("token_expired", CallState.DONE, {"times": 1, "path": SIGN}),
    Fault("http500", CallState.DONE, {"times": 3, "path": "/tsa"}),
]
#: Certainly not signed: the documents are back in the tray.
GIVEN_BACK = [Fault("reject", CallState.DECLINED), Fault("expire", CallState.EXPIRED)]
#: Signed, but the answer cannot be trusted: nothing goes on without a person.
LIES = [
    Fault(kind, CallState.QUARANTINED)
    for kind in ("garbage_signature", "foreign_signature", "half_batch", "wrong_order", "duplicate")
]


async def calls_of(school: SigningSchool, batch_id: BatchId) -> list[ProviderCall]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        query = select(ProviderCall).where(ProviderCall.batch_id == batch_id).order_by(ProviderCall.number)
        return list(await session.scalars(query))


async def states_of_steps(school: SigningSchool, role: str) -> set[str]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return set(await session.scalars(select(SigningStep.state).where(SigningStep.role == role)))


async def made(school: SigningSchool, signing: SigningService, batch_id: BatchId) -> list[int]:
    """Signatures that the service made in each transaction of a batch, by its own ledger."""
    calls = await calls_of(school, batch_id)
    return [signing.ledger(call.id.hex)["count"] for call in calls]


def signed_twice(signing: SigningService) -> list[str]:
    found: list[str] = signing.ledger()["signed_more_than_once"]
    # The sentence of the trial is one for everybody, and is signed as often as somebody tries.
    return [one for one in found if one != trial.DIGEST.hex()]


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_trouble_that_passes_ends_in_one_signature_each(
    fault: Fault, school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(3)
    batch_id = await school.consent(TEACHER)
    signing.fault(fault.kind, **fault.settings)
    await Machine(school.tenant_id).rest()
    [call] = await calls_of(school, batch_id)
    progress = await school.progress(TEACHER, batch_id)
    assert (call.state, call.problem) == (CallState.DONE, None)
    assert (progress.state, progress.signed, progress.problem) == (BatchState.COMPLETED, 3, None)
    assert await made(school, signing, batch_id) == [6]
    assert not signed_twice(signing)
    assert await school.waiting(PRINCIPAL) == 3


@pytest.mark.parametrize("fault", GIVEN_BACK, ids=str)
async def test_what_was_not_confirmed_is_back_in_the_tray_and_can_be_signed(
    fault: Fault, school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(3)
    signing.fault(fault.kind)
    batch_id = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    [call] = await calls_of(school, batch_id)
    progress = await school.progress(TEACHER, batch_id)
    assert call.state == fault.state
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert VIETNAMESE.search(progress.problem or "")
    assert await made(school, signing, batch_id) == [0]
    assert await school.waiting(TEACHER) == 3
    again = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    assert await made(school, signing, again) == [6]
    assert (await school.progress(TEACHER, again)).state == BatchState.COMPLETED


@pytest.mark.parametrize("fault", LIES, ids=str)
async def test_an_answer_that_lies_stays_with_a_person_and_embeds_nothing(
    fault: Fault, school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(3)
    signing.fault(fault.kind, path=SIGN)
    batch_id = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    [call] = await calls_of(school, batch_id)
    progress = await school.progress(TEACHER, batch_id)
    assert call.state == CallState.QUARANTINED
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert "cách ly" in (progress.problem or "")
    await the_school_knows_of_three(school, batch_id)
    assert await states_of_steps(school, TEACHER) == {"authorizing"}
    assert (await school.waiting(TEACHER), await school.waiting(PRINCIPAL)) == (0, 0)
    assert await made(school, signing, batch_id) == [6]
    assert not signed_twice(signing)


async def the_school_knows_of_three(school: SigningSchool, batch_id: BatchId) -> None:
    """They are in no tray, and whoever looks at what has stopped finds them."""
    assert (await school.progress(TEACHER, batch_id)).held == 3
    async with tenant_session(school.tenant_id, read_only=True) as session:
        [held] = await service.held_calls(session)
        assert await service.count_held(session) == 1
        [stopped] = await reports.stopped_work(session, await school.actor(PRINCIPAL))
    assert held.labels == tuple(f"Học sinh số {number:03}" for number in range(1, 4))
    assert (stopped.subjects, stopped.resumable) == (held.labels, False)
    assert "cách ly" in stopped.reason
    assert "không ký lần nữa" in stopped.reason


async def test_while_the_service_is_away_the_signer_reads_why_it_takes_so_long(
    school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(1)
    batch_id = await school.consent(TEACHER)
    machine = Machine(school.tenant_id)

    async def in_trouble() -> bool:
        return (await school.progress(TEACHER, batch_id)).problem is not None

    signing.stop()
    await machine.until(in_trouble)
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.RUNNING, 0)
    assert "Không kết nối được dịch vụ ký số" in (progress.problem or "")
    signing.start()
    await machine.rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.problem) == (BatchState.COMPLETED, None)


async def test_without_time_stamps_the_values_wait_and_nothing_is_signed_again(
    school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(3)
    batch_id = await school.consent(TEACHER)
    machine = Machine(school.tenant_id)

    async def embedding() -> bool:
        [call] = await calls_of(school, batch_id)
        return bool(call.state == CallState.EMBEDDING and call.problem)

    with changed_settings(HOCBA_TSA_URL="http://127.0.0.1:1/tsa"):
        await machine.until(embedding)
    assert "dấu thời gian" in ((await school.progress(TEACHER, batch_id)).problem or "").lower()
    assert await made(school, signing, batch_id) == [6]
    asked = signing.ledger()["repeated_authorizations"]
    await machine.rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    assert await made(school, signing, batch_id) == [6]
    assert signing.ledger()["repeated_authorizations"] == asked, "the person was asked again"


class TestBlindProvider:
    """A service that would sign twice if it were asked twice: what is not known is never asked again."""

    @pytest.fixture(autouse=True)
    def blind(self, monkeypatch: pytest.MonkeyPatch, signing: SigningService) -> None:
        provider = csc.CscProvider(csc.CAPABILITIES)
        assert provider.capabilities.repeat is port.Repeat.BLIND
        monkeypatch.setattr(gateway, "provider", lambda name: provider)

    async def test_a_request_that_certainly_did_not_arrive_is_made_again(
        self, school: SigningSchool, signing: SigningService
    ) -> None:
        await school.ask(2)
        batch_id = await school.consent(TEACHER)
        signing.fault("rate_limit", times=3, path=AUTHORIZE)
        before = signing.ledger()["repeated_authorizations"]
        await Machine(school.tenant_id).rest()
        assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
        assert signing.ledger()["repeated_authorizations"] == before

    @pytest.mark.parametrize("fault", ["cut_after_accept", "http500"])
    async def test_an_answer_that_never_came_leaves_it_unknown(
        self, fault: str, school: SigningSchool, signing: SigningService
    ) -> None:
        await school.ask(2)
        batch_id = await school.consent(TEACHER)
        signing.fault(fault, path=AUTHORIZE)
        await self.stays_unknown(school, signing, batch_id, asked=1 if fault == "cut_after_accept" else 0)

    async def test_a_signature_whose_value_was_lost_is_not_made_again(
        self, school: SigningSchool, signing: SigningService
    ) -> None:
        """Signed, the answer cut off, and asked again the service takes its SAD for used up."""
        await school.ask(2)
        batch_id = await school.consent(TEACHER)
        signing.fault("cut_after_accept", path=SIGN)
        signing.fault("used_up", path=SIGN)
        await Machine(school.tenant_id).rest()
        [call] = await calls_of(school, batch_id)
        assert (call.state, await school.waiting(TEACHER)) == (CallState.UNKNOWN, 0)
        assert "đã ký mà hệ thống chưa nhận được" in (call.problem or "")
        assert await made(school, signing, batch_id) == [4], "two documents, PDF and XML each"
        assert not signed_twice(signing)

    async def test_a_worker_that_died_while_asking_leaves_it_unknown(
        self, school: SigningSchool, signing: SigningService
    ) -> None:
        await school.ask(2)
        batch_id = await school.consent(TEACHER)
        machine = Machine(school.tenant_id)

        async def prepared() -> bool:
            [call] = await calls_of(school, batch_id)
            return call.state == CallState.SUBMITTING

        await machine.until(prepared)
        [job] = await machine.lease()
        await die(job["tenant_id"], job["id"], job["fence"], Death.BEFORE_THE_END)
        await self.stays_unknown(school, signing, batch_id, asked=0)

    async def stays_unknown(
        self, school: SigningSchool, signing: SigningService, batch_id: BatchId, *, asked: int
    ) -> None:
        """From now on the service is asked for signatures `asked` times."""
        before = signing.ledger()
        await Machine(school.tenant_id).rest()
        [call] = await calls_of(school, batch_id)
        progress = await school.progress(TEACHER, batch_id)
        assert call.state == CallState.UNKNOWN
        assert progress.state == BatchState.PARTIAL
        assert VIETNAMESE.search(progress.problem or "")
        assert await states_of_steps(school, TEACHER) == {"authorizing"}
        assert await school.waiting(TEACHER) == 0
        after = signing.ledger()
        assert after["consents"] - before["consents"] == asked
        assert after["repeated_authorizations"] == before["repeated_authorizations"]
        assert await made(school, signing, batch_id) == [0]
