"""A consent covers exactly what its signer saw, and nobody signs for somebody else."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from sqlalchemy import select, update

from backend.core import storage
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.remote_signing.requests import flow, service
from backend.remote_signing.requests.models import ProviderCall, SigningBatch, SigningRequest
from backend.remote_signing.requests.rules import BatchState, CallState, consent_root, prove, proves
from backend.remote_signing.requests.schemas import BatchId, NewRequest, NewSigner
from tests.factories.machine import Machine
from tests.factories.signing_school import (
    PRINCIPAL,
    SEAL,
    TEACHER,
    SigningSchool,
    open_signing_school,
    proof_for,
)
from tests.fakes.processes import SigningService


async def test_the_root_is_that_of_the_listed_documents(school: SigningSchool) -> None:
    await school.ask(3)
    offer = await school.offer(TEACHER)
    shown = [(item.request_id, part.sha256, part.target) for item in offer.items for part in item.parts]
    assert len(shown) == 6
    assert offer.merkle_root == consent_root(
        (request_id, sha256, target.signature_id if target else "") for request_id, sha256, target in shown
    )
    batch_id = await school.agree(offer)
    async with tenant_session(school.tenant_id, read_only=True) as session:
        batch = await session.get(SigningBatch, (school.tenant_id, batch_id))
    assert batch is not None
    assert (batch.merkle_root, batch.count) == (offer.merkle_root, 3)


async def test_a_later_document_neither_disturbs_nor_is_signed(school: SigningSchool) -> None:
    await school.ask(2)
    offer = await school.offer(TEACHER)
    await school.ask(1)
    batch_id = await school.agree(offer)
    assert (await school.progress(TEACHER, batch_id)).count == 2
    assert await school.waiting(TEACHER) == 1


async def test_a_document_that_was_on_its_way_when_the_list_was_made_does_not_disturb(
    school: SigningSchool,
) -> None:
    """It became ready before the list was made, in a transaction that was not committed yet."""
    await school.ask(2)
    held, release = asyncio.Event(), asyncio.Event()

    async def arrive_slowly() -> None:
        async with tenant_session(school.tenant_id) as session:
            file = storage.file_of(b"%PDF", "application/pdf")
            await storage.register(session, file)
            request = NewRequest(
                subject_id=school.tenant_id,
                label="Học sinh đến sau",
                group="Lớp 4C",
                sort_key="",
                document_sha256=file.sha256,
                signers=(NewSigner(role=TEACHER, staff_id=school.staff[TEACHER], name="Cô giáo"),),
            )
            await service.open_requests(session, [request])
            held.set()
            await release.wait()

    slow = asyncio.create_task(arrive_slowly())
    await held.wait()
    asking = asyncio.create_task(school.offer(TEACHER))
    await asyncio.sleep(0.2)
    release.set()
    await slow
    offer = await asking
    await school.agree(offer)


async def test_a_changed_document_is_refused_before_the_consent(school: SigningSchool) -> None:
    [subject_id, _] = await school.ask(2)
    offer = await school.offer(TEACHER)
    await change(school, subject_id)
    with pytest.raises(Conflict, match="vừa thay đổi so với lúc bạn xem"):
        await school.agree(offer)
    assert await school.waiting(TEACHER) == 2


async def test_a_document_changed_after_the_consent_is_not_signed_and_comes_back(
    school: SigningSchool, signing: SigningService
) -> None:
    [subject_id, _] = await school.ask(2)
    batch_id = await school.consent(TEACHER)
    await change(school, subject_id)
    before = signing.ledger()
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert progress.problem == "Hồ sơ đã thay đổi sau khi người ký xác nhận; lô ký bị dừng lại."
    assert await school.waiting(TEACHER) == 2
    after = signing.ledger()
    assert (after["count"], after["consents"]) == (before["count"], before["consents"])


async def test_a_list_from_the_future_or_with_another_root_is_refused(school: SigningSchool) -> None:
    await school.ask(2)
    offer = await school.offer(TEACHER)
    actor = await school.actor(TEACHER)
    await school.ask(1)
    for root, as_of in (
        (offer.merkle_root, offer.as_of + timedelta(minutes=1)),
        ("0" * 64, offer.as_of),
    ):
        async with tenant_session(school.tenant_id) as session:
            with pytest.raises(Conflict):
                await service.consent(session, actor, TEACHER, None, root, as_of, proof_for(offer))


async def test_two_consents_at_once_are_one(school: SigningSchool) -> None:
    await school.ask(3)
    offer = await school.offer(TEACHER)
    actor = await school.actor(TEACHER)
    ready = asyncio.Barrier(4)

    async def agree() -> BatchId:
        async with tenant_session(school.tenant_id) as session:
            await session.connection()
            await ready.wait()
            return await service.consent(
                session, actor, TEACHER, None, offer.merkle_root, offer.as_of, proof_for(offer)
            )

    found = await asyncio.gather(*(agree() for _ in range(4)))
    assert len(set(found)) == 1
    async with tenant_session(school.tenant_id, read_only=True) as session:
        assert (await session.scalars(select(SigningBatch.id))).all() == [found[0]]


async def test_nobody_signs_out_of_turn_or_for_somebody_else(school: SigningSchool) -> None:
    await school.ask(1)
    for role in (PRINCIPAL, SEAL):
        assert await school.waiting(role) == 0
        with pytest.raises(Conflict, match="Không còn hồ sơ nào chờ bạn ký"):
            await school.offer(role)
    principal = await school.actor(PRINCIPAL)
    offer = await school.offer(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(Conflict):
            await service.consent(
                session, principal, TEACHER, None, offer.merkle_root, offer.as_of, proof_for(offer)
            )
        with pytest.raises(Forbidden):
            await service.offer(session, principal, SEAL, None)
    batch_id = await school.agree(offer)
    with pytest.raises(NotFound):
        await school.progress(PRINCIPAL, batch_id)


async def test_another_school_sees_and_signs_nothing(school: SigningSchool, signing: SigningService) -> None:
    await school.ask(1)
    offer = await school.offer(TEACHER)
    batch_id = await school.agree(offer)
    other = await open_signing_school(signing, "Trường Bên Cạnh")
    assert await other.waiting(TEACHER) == 0
    with pytest.raises(NotFound):
        await other.progress(TEACHER, batch_id)
    with pytest.raises(Conflict):
        await other.agree(offer)


async def test_more_than_fifty_go_in_several_calls_and_one_of_them_may_fail(
    school: SigningSchool, signing: SigningService
) -> None:
    """Of each document two hashes are signed: 28 are a call of 25 and one of 3."""
    await school.ask(28)
    signing.fault("reject")
    batch_id = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    async with tenant_session(school.tenant_id, read_only=True) as session:
        query = select(ProviderCall).where(ProviderCall.batch_id == batch_id)
        calls = {call.state: call for call in await session.scalars(query)}
    assert set(calls) == {CallState.DECLINED, CallState.DONE}
    counts = {state: signing.ledger(call.id.hex)["count"] for state, call in calls.items()}
    assert counts[CallState.DECLINED] == 0
    assert counts[CallState.DONE] in (6, 50)
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.count) == (BatchState.PARTIAL, 28)
    assert progress.signed == counts[CallState.DONE] // 2
    assert await school.waiting(TEACHER) == 28 - progress.signed
    assert await school.waiting(PRINCIPAL) == progress.signed
    again = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, again)).state == BatchState.COMPLETED
    assert await school.waiting(PRINCIPAL) == 28


async def test_what_one_call_gives_back_does_not_stop_the_others_of_the_consent(
    school: SigningSchool,
) -> None:
    await school.ask(28)
    batch_id = await school.consent(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        calls = await session.scalars(select(ProviderCall.id).where(ProviderCall.batch_id == batch_id))
        await flow.end_call(session, calls.all()[0], CallState.FAILED, "Người ký đã dừng.")
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert progress.signed in (3, 25)
    assert await school.waiting(TEACHER) == 28 - progress.signed


def test_a_proof_is_of_its_own_leaf_and_root_alone() -> None:
    leaves = [(uuid.UUID(int=number), f"{number:064x}", "") for number in range(5)]
    root = consent_root(leaves)
    for leaf, proof in zip(leaves, prove(leaves), strict=True):
        assert proves(proof, leaf, root)
        assert not proves(proof, (leaf[0], "f" * 64, ""), root)
        assert not proves(proof, (leaf[0], leaf[1], "ky-CBQL"), root)
        assert not proves(proof, leaf, "0" * 64)


async def change(school: SigningSchool, subject_id: object) -> None:
    """Another revision takes the place of the one that was shown."""
    async with tenant_session(school.tenant_id) as session:
        await session.execute(
            update(SigningRequest)
            .where(SigningRequest.subject_id == subject_id)
            .values(current_sha256="ab" * 32)
        )


@pytest.mark.parametrize(
    "as_of", [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(9999, 12, 31, tzinfo=UTC)]
)
async def test_a_list_of_another_time_is_not_consented_to(school: SigningSchool, as_of: datetime) -> None:
    await school.ask(1)
    offer = await school.offer(TEACHER)
    with pytest.raises(Conflict, match="đã quá lâu"):
        await school.agree(msgspec.structs.replace(offer, as_of=as_of))


async def test_only_the_seal_has_a_place_without_a_person(school: SigningSchool) -> None:
    """A person's place without one would stand in the tray of whoever keeps the seal."""
    request = NewRequest(
        subject_id=school.tenant_id,
        label="Lò Thị An",
        group="Lớp 4C",
        sort_key="",
        document_sha256="",
        signers=(NewSigner(role=TEACHER, staff_id=None, name="Cô giáo"),),
    )
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(ValueError, match=TEACHER):
            await service.open_requests(session, [request])
