"""A document that is taken back while it is being signed gets no signature more; the others of its batch get theirs."""

import uuid

import pytest
from sqlalchemy import select

from backend.core import storage
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.requests import completing, documents, flow, service
from backend.remote_signing.requests.models import SigningBatch, SigningRequest
from backend.remote_signing.requests.rules import BatchState, CallState, RequestState, StepState
from backend.remote_signing.requests.schemas import RequestId
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import PRINCIPAL, ROLES, TEACHER, SigningSchool
from tests.fakes.processes import SigningService
from tests.remote_signing.requests.test_faults import calls_of


async def cancel(school: SigningSchool, *subjects: uuid.UUID) -> None:
    async with tenant_session(school.tenant_id) as session:
        await service.cancel(session, machine(school.tenant_id), subjects)


async def request_of(school: SigningSchool, subject: uuid.UUID) -> SigningRequest:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        found = await session.scalar(select(SigningRequest).where(SigningRequest.subject_id == subject))
    assert found is not None
    return found


async def signatures(school: SigningSchool, subject: uuid.UUID) -> int:
    """How many the newest revision has."""
    request = await request_of(school, subject)
    return (await storage.get(school.tenant_id, request.current_sha256)).count(b"/ByteRange")


async def states(school: SigningSchool, subject: uuid.UUID) -> list[str]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return [step.state for step in await service.steps_of(session, subject)]


@pytest.mark.parametrize(
    "at", [CallState.PREPARING, CallState.SUBMITTING, CallState.WAITING, CallState.EMBEDDING]
)
@pytest.mark.parametrize("death", [None, *Death], ids=lambda death: death.name.lower() if death else "alive")
async def test_of_a_batch_under_way_the_others_are_signed_and_nothing_comes_into_the_cancelled_one(
    at: CallState, death: Death | None, school: SigningSchool, signing: SigningService
) -> None:
    gone, one, two = await school.ask(3)
    batch_id = await school.consent(TEACHER)
    async with tenant_session(school.tenant_id, read_only=True) as session:
        root = await session.scalar(select(SigningBatch.merkle_root).where(SigningBatch.id == batch_id))
    machine_of_school = Machine(school.tenant_id)

    async def reached() -> bool:
        return (await calls_of(school, batch_id))[0].state == at

    await machine_of_school.until(reached)
    await cancel(school, gone)
    await Machine(school.tenant_id, death=death).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 2)
    assert await states(school, gone) == [StepState.CANCELLED] * 3
    assert (await request_of(school, gone)).state == RequestState.CANCELLED
    assert [await signatures(school, subject) for subject in (gone, one, two)] == [0, 1, 1]
    async with tenant_session(school.tenant_id, read_only=True) as session:
        batch = await session.get(SigningBatch, (school.tenant_id, batch_id))
    assert batch is not None
    assert (batch.merkle_root, batch.count) == (root, 3), "the consent stays what it was"
    assert await school.waiting(PRINCIPAL) == 2
    assert signing.ledger()["signed_more_than_once"] == []
    [call] = await calls_of(school, batch_id)
    assert signing.ledger(call.id.hex)["count"] == (4 if at is CallState.PREPARING else 6)


async def test_what_is_cancelled_while_its_signature_is_embedded_stays_as_it_was(
    school: SigningSchool, signing: SigningService
) -> None:
    gone, other = await school.ask(2)
    batch_id = await school.consent(TEACHER)

    async def reached() -> bool:
        return (await calls_of(school, batch_id))[0].state == CallState.EMBEDDING

    machine_of_school = Machine(school.tenant_id)
    await machine_of_school.until(reached)
    [call] = await calls_of(school, batch_id)
    async with tenant_session(school.tenant_id, read_only=True) as session:
        under_way = await flow.call_to_embed(session, call.id)
    assert under_way is not None
    embedded = await documents.embed_all(school.tenant_id, under_way)
    await cancel(school, gone)
    async with tenant_session(school.tenant_id) as session:
        await flow.record_embedded(session, call.id, embedded)
    await machine_of_school.rest()
    assert [await signatures(school, subject) for subject in (gone, other)] == [0, 1]
    assert await states(school, gone) == [StepState.CANCELLED] * 3
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED


async def test_a_batch_of_which_all_is_cancelled_asks_the_service_for_nothing(
    school: SigningSchool, signing: SigningService
) -> None:
    gone = await school.ask(2)
    batch_id = await school.consent(TEACHER)
    await cancel(school, *gone)
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert progress.problem == "Nhà trường đã rút lại mọi hồ sơ của lần ký này nên không có gì được ký."
    assert await school.waiting(TEACHER) == 0
    [call] = await calls_of(school, batch_id)
    assert signing.ledger(call.id.hex)["count"] == 0


async def test_a_list_with_a_cancelled_document_is_not_consented_to(
    school: SigningSchool, signing: SigningService
) -> None:
    gone, _ = await school.ask(2)
    offer = await school.offer(TEACHER)
    await cancel(school, gone)
    with pytest.raises(Conflict, match="vừa thay đổi"):
        await school.agree(offer)
    assert len((await school.offer(TEACHER)).items) == 1


async def test_what_everybody_has_signed_is_not_completed_any_more(
    school: SigningSchool, signing: SigningService
) -> None:
    [gone] = await school.ask(1)
    machine_of_school = Machine(school.tenant_id)
    for role in ROLES:
        await school.consent(role)

        async def signed(role: str = role) -> bool:
            return (await states(school, gone))[ROLES.index(role)] == StepState.SIGNED

        await machine_of_school.until(signed)
    request = await request_of(school, gone)
    assert request.state == RequestState.SIGNED
    async with tenant_session(school.tenant_id, read_only=True) as session:
        [under_way] = await completing.requests_to_complete(session, [RequestId(request.id)])
    completed = await documents.complete_all(school.tenant_id, [under_way])
    await cancel(school, gone)
    async with tenant_session(school.tenant_id) as session:
        await completing.record_completed(session, completed)
    await machine_of_school.rest()
    after = await request_of(school, gone)
    assert (after.state, after.completed_at, after.current_sha256) == (
        RequestState.CANCELLED,
        None,
        under_way.current_sha256,
    )
    assert await states(school, gone) == [StepState.SIGNED] * 3, "who has signed has signed"


async def test_what_is_completed_or_was_never_asked_for_is_not_cancelled(
    school: SigningSchool, signing: SigningService
) -> None:
    [done] = await school.ask(1)
    for role in ROLES:
        await school.consent(role)
        await Machine(school.tenant_id).rest()
    await cancel(school, done, uuid.uuid4())
    assert (await request_of(school, done)).state == RequestState.COMPLETED
