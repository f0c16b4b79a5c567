"""What the machine does after a consent, one provider call at a time: prepare, submit, wait, embed, complete.

Each function is one transaction's worth of reading or writing; the calls outside lie between them, in `tasks.py`.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from backend.core import audit, clock, jobs, outbox, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_token
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialView
from backend.remote_signing.mandates import service as mandates
from backend.remote_signing.providers import port
from backend.remote_signing.requests import batches, queries
from backend.remote_signing.requests.events import SigningRequestSigned, TurnsOpened
from backend.remote_signing.requests.models import ProviderCall, SigningBatch
from backend.remote_signing.requests.rules import (
    ENDED,
    GIVEN_BACK,
    GIVEN_UP,
    HELD,
    BatchState,
    CallState,
    Proof,
    RequestState,
    StepState,
    batch_state,
    called,
    proves,
    target_of,
    told,
)
from backend.remote_signing.requests.schemas import (
    PDF_TYPE,
    ROLE_NAMES,
    CallToEmbed,
    CallToPrepare,
    CallToSend,
    EmbeddedItem,
    ItemToEmbed,
    ItemToPrepare,
    Pin,
    PreparedItem,
    StoredChallenge,
)

#: Names of the tasks that follow each other (tasks.py).
SUBMIT, POLL, EMBED = "signing.submit_call", "signing.poll_call", "signing.embed_call"
WATCH, COMPLETE = "signing.watch_challenge", "signing.complete_request"
#: For so long a signer may be asked for a PIN, OTP or consent, unless the provider says less.
CHALLENGE_LASTS = timedelta(minutes=30)


async def call_to_prepare(session: TenantSession, call_id: uuid.UUID) -> CallToPrepare | None:
    """What is to be prepared; None when that has been done.

    What was cancelled since the consent is left out. Raises Conflict when a document is not the one that the signer
    consented to: nothing outside the root is signed; when all were cancelled; and when the certificate signs nothing any
    more.
    """
    call = await _call(session, call_id)
    if call.state != CallState.PREPARING:
        return None
    batch = await _batch(session, call.batch_id)
    items = await batches.items_of(session, call_id)
    if not all(_is_consented(row, batch.merkle_root) for row in items):
        raise Conflict("Danh sách hồ sơ của lô ký không khớp với xác nhận của người ký; lô ký bị dừng lại.")
    rows = [row for row in items if _stands(row)]
    if not rows:
        raise Conflict("Nhà trường đã rút lại mọi hồ sơ của lần ký này nên không có gì được ký.")
    if any(row.base_sha256 != (row.xml_sha256 if row.part else row.current_sha256) for row in rows):
        raise Conflict("Hồ sơ đã thay đổi sau khi người ký xác nhận; lô ký bị dừng lại.")
    credential = await _pinned(session, batch)
    return CallToPrepare(
        pin=_pin(credential),
        credential=credential,
        consented_at=batch.consented_at,
        items=tuple(
            ItemToPrepare(
                item_id=row.id,
                role=row.role,
                first=row.position == row.first_position,
                last=row.position == row.last_position,
                signer_name=row.signer_name,
                base_sha256=row.base_sha256,
                target=target_of(row.xml_targets, row.part),
            )
            for row in rows
        ),
    )


async def record_prepared(
    session: TenantSession, call_id: uuid.UUID, prepared: Sequence[PreparedItem]
) -> None:
    """The intent to sign, committed before the provider hears of it: hashes and our transaction id."""
    call = await _call(session, call_id, hold=True)
    if call.state != CallState.PREPARING:
        return
    await batches.update_items(
        session,
        [
            {
                "item_id": item.item_id,
                "prepared_update": item.update,
                "region_start": item.region_start,
                "region_end": item.region_end,
                "signed_attributes": item.signed_attributes,
                "digest": item.digest,
            }
            for item in prepared
        ],
    )
    await batches.update_call(session, call_id, {"state": CallState.SUBMITTING})
    await jobs.enqueue(session, SUBMIT, call_id)


async def call_to_send(session: TenantSession, call_id: uuid.UUID, state: CallState) -> CallToSend | None:
    """The call as the provider gets it, while it is in `state`; None when it has moved on.

    Raises Conflict once its certificate signs nothing any more: the provider hears of it no more, and whatever it
    would answer is not fetched.
    """
    call = await _call(session, call_id)
    if call.state != state:
        return None
    batch = await _batch(session, call.batch_id)
    rows = await _prepared(session, call_id)
    role = ROLE_NAMES.get(batch.role, batch.role)
    what = told(Counter({row.step_id: called(row.noun, row.part_label) for row in rows}.values()))
    credential = await _pinned(session, batch)
    return CallToSend(
        pin=_pin(credential),
        own=await accounts.values_of(session, credential.provider, credential.account, credential.staff_id),
        transaction_id=call_id.hex,
        provider_reference=call.provider_reference,
        submitted_at=call.submitted_at,
        challenge=stored_challenge(call),
        problem=call.problem,
        hashes=tuple(row.digest for row in rows),
        description=f"{role}: ký {what}, lô {batch.merkle_root[:8].upper()}-{call.number}",
    )


async def _pinned(session: TenantSession, batch: SigningBatch) -> CredentialView:
    """What signs the batch. Raises Conflict once that signs nothing any more, or the mandate has ended."""
    if batch.mandate_id is not None:
        await mandates.require_live(session, batch.mandate_id)
    return await credentials.pinned(session, batch.credential_id)


async def record_submitting(session: TenantSession, call_id: uuid.UUID) -> None:
    """From now on the provider may have heard of a call."""
    call = await _call(session, call_id, hold=True)
    if call.state == CallState.SUBMITTING:
        await batches.update_call(session, call_id, {"submitted_at": clock.now()})


async def record_answer(
    session: TenantSession, call_id: uuid.UUID, answer: port.SubmitResult | port.PollResult
) -> None:
    """What the provider said about a call: still waiting, signed, or over."""
    call = await _call(session, call_id, hold=True)
    if call.state not in (CallState.SUBMITTING, CallState.ANSWERING, CallState.WAITING):
        return
    match answer:
        case port.Pending():
            await _now_waiting(session, call, answer)
        case port.Signed():
            await _collect(session, call, answer)
        case port.Declined():
            await end_call(session, call_id, CallState.DECLINED, answer.reason)
        case port.Expired():
            await end_call(session, call_id, CallState.EXPIRED, answer.reason)
        case port.Failed():
            await end_call(session, call_id, CallState.FAILED, answer.reason)
        case port.Challenge():
            await _now_challenged(session, call, answer)


async def _now_waiting(session: TenantSession, call: ProviderCall, answer: port.Pending) -> None:
    if call.state in (CallState.SUBMITTING, CallState.ANSWERING):
        values = {
            "state": CallState.WAITING,
            "provider_reference": answer.provider_tx,
            "submitted_at": clock.now(),
            "problem": None,
        }
        await batches.update_call(session, call.id, values)
        await jobs.enqueue(session, POLL, call.id, after=answer.poll_after)


async def _now_challenged(session: TenantSession, call: ProviderCall, answer: port.Challenge) -> None:
    until = clock.now() + CHALLENGE_LASTS
    stored = StoredChallenge(
        reference=answer.provider_tx,
        asks=answer.asks,
        prompt=answer.prompt,
        sends=answer.sends,
        until=min(answer.expires_at or until, until),
        nonce=new_token(),
    )
    values = {
        "state": CallState.CHALLENGED,
        "challenge": msgspec.to_builtins(stored),
        "answering_since": None,
        "problem": None,
    }
    if call.state == CallState.SUBMITTING:
        await jobs.enqueue(session, WATCH, call.id)
    await batches.update_call(session, call.id, values)


async def _collect(session: TenantSession, call: ProviderCall, answer: port.Signed) -> None:
    rows = await _prepared(session, call.id)
    values = [{"item_id": row.id, "value": value} for row, value in zip(rows, answer.values, strict=True)]
    await batches.update_items(session, values)
    changed: dict[str, Any] = {"state": CallState.EMBEDDING, "problem": None}
    if call.provider_reference is None:
        # Signed at once: nobody had to be waited for.
        changed |= {"provider_reference": answer.provider_tx, "submitted_at": clock.now()}
    await batches.update_call(session, call.id, changed)
    await jobs.enqueue(session, EMBED, call.id)


def stored_challenge(call: ProviderCall) -> StoredChallenge | None:
    """What the provider wants of the signer, if anything."""
    return msgspec.convert(call.challenge, StoredChallenge) if call.challenge else None


async def record_trouble(
    session: TenantSession, call_id: uuid.UUID, problem: str | None, *, unheard: bool = False
) -> None:
    """What a call waits for, in words for its signer; None when that is over.

    `unheard`: the provider certainly knows nothing of it.
    """
    call = await _call(session, call_id, hold=True)
    values: dict[str, Any] = {"problem": problem}
    if unheard and call.state == CallState.SUBMITTING:
        values["submitted_at"] = None
    if call.state not in ENDED:
        await batches.update_call(session, call_id, values)


async def give_up(session: TenantSession, call_id: uuid.UUID, problem: str) -> None:
    """The machine cannot go on with a call; what may have reached the provider waits for a person."""
    call = await _call(session, call_id, hold=True)
    if call.state in GIVEN_UP:
        await end_call(session, call_id, GIVEN_UP[CallState(call.state)], problem)


async def end_call(session: TenantSession, call_id: uuid.UUID, state: CallState, problem: str) -> None:
    """A call is over without signatures. Declined, expired and failed ones give their documents back to the tray;
    unknown and quarantined ones keep them until a person decides, so that nothing is signed twice."""
    call = await _call(session, call_id, hold=True)
    if call.state in ENDED:
        return
    held_at = clock.now() if state in HELD else None
    await batches.update_call(session, call_id, {"state": state, "problem": problem, "held_at": held_at})
    if state in GIVEN_BACK:
        await queries.give_back(session, call_id)
    await _end_batch_if_over(session, call.batch_id, problem)


async def stop_revoked(session: TenantSession, call_id: uuid.UUID) -> None:
    """The certificate of a call that is being prepared is revoked: it rests, and the documents are in the tray again."""
    call = await _call(session, call_id, hold=True)
    batch = await _batch(session, call.batch_id)
    told = await credentials.suspend_revoked(session, batch.credential_id)
    await end_call(session, call_id, CallState.FAILED, told)


async def go_on(session: TenantSession, call_id: uuid.UUID, state: CallState) -> None:
    """A held call is under way again, in that state, and its batch with it."""
    call = await _call(session, call_id, hold=True)
    await batches.update_call(session, call_id, {"state": state, "problem": None, "held_at": None})
    batch = {"state": BatchState.RUNNING, "ended_at": None, "problem": None}
    await batches.update_batch(session, call.batch_id, batch)


async def call_to_embed(session: TenantSession, call_id: uuid.UUID) -> CallToEmbed | None:
    """The returned values with their places; None when they are embedded.

    What was signed before its certificate was suspended is a signature, and is kept. What was cancelled meanwhile keeps
    its value in its row and goes into no document.
    """
    call = await _call(session, call_id)
    if call.state != CallState.EMBEDDING:
        return None
    batch = await _batch(session, call.batch_id)
    rows = [row for row in await _prepared(session, call_id) if _stands(row)]
    earlier = await _signatures_so_far(session, [row.request_id for row in rows])
    updates = await batches.prepared_updates(session, call_id)
    return CallToEmbed(
        consented_at=batch.consented_at,
        pin=_pin(await credentials.get(session, batch.credential_id)),
        items=tuple(
            ItemToEmbed(
                item_id=row.id,
                role=row.role,
                earlier=tuple(earlier[row.request_id]),
                base_sha256=row.base_sha256,
                target=target_of(row.xml_targets, row.part),
                update=updates.get(row.id, b""),
                region_start=row.region_start or 0,
                region_end=row.region_end or 0,
                signed_attributes=row.signed_attributes,
                digest=row.digest,
                value=row.value,
            )
            for row in rows
        ),
    )


async def _signatures_so_far(
    session: TenantSession, request_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[str, bytes]]]:
    found: dict[uuid.UUID, list[tuple[str, bytes]]] = defaultdict(list)
    for row in await queries.certificates_of(session, request_ids):
        if row.signs_pdf:
            found[row.request_id].append((row.role, row.certificate))
    return found


async def record_embedded(
    session: TenantSession, call_id: uuid.UUID, embedded: Sequence[EmbeddedItem]
) -> None:
    """The signed revisions are in the store: steps are signed, the next ones ready, finished requests announced.

    Of a request that was cancelled meanwhile the document stays as it was.
    """
    call = await _call(session, call_id, hold=True)
    if call.state != CallState.EMBEDDING:
        return
    rows = {row.id: row for row in await batches.items_of(session, call_id)}
    held = await queries.hold_requests(session, [row.request_id for row in rows.values()])
    standing = [one for one in embedded if held[rows[one.item_id].request_id] == RequestState.SIGNING]
    if standing:
        await _record_signed(session, call, standing, rows)
    await batches.update_call(session, call_id, {"state": CallState.DONE, "problem": None})
    await _end_batch_if_over(session, call.batch_id, None)


async def _record_signed(
    session: TenantSession,
    call: ProviderCall,
    embedded: Sequence[EmbeddedItem],
    rows: Mapping[uuid.UUID, Any],
) -> None:
    batch = await _batch(session, call.batch_id)
    revisions = {
        rows[one.item_id].request_id: one.signed_sha256 for one in embedded if one.signed_sha256 is not None
    }
    files = [storage.File(one.signed_sha256, one.size, PDF_TYPE) for one in embedded if one.signed_sha256]
    await storage.register(session, *files)
    made = [
        {"item_id": item.item_id, "signed_sha256": item.signed_sha256, "signature": item.signature}
        for item in embedded
    ]
    await batches.update_items(session, made)
    values = {"state": StepState.SIGNED, "signed_at": clock.now()}
    steps = {rows[item.item_id].step_id: rows[item.item_id] for item in embedded}
    await queries.update_steps(session, list(steps), values)
    await queries.advance_requests(session, revisions)
    requests = list({row.request_id for row in steps.values()})
    await queries.open_next_steps(session, requests)
    signed = await queries.finish_requests(session, requests)
    await outbox.emit_all(session, [SigningRequestSigned(request_id) for request_id in signed])
    if len(signed) < len(requests):
        await outbox.emit_all(session, [TurnsOpened(batch.id)])
    details: dict[str, str | int | None] = {
        "batch": str(batch.id),
        "role": batch.role,
        "transaction": call.id.hex,
    }
    deeds = [
        audit.Deed(step_id, row.label, details, (row.subject_id, batch.consented_by))
        for step_id, row in steps.items()
    ]
    await audit.record_many(session, machine(session.tenant_id), Action.SIGNING_STEP_SIGNED, deeds)


async def close_signed(
    session: TenantSession, subject_id: uuid.UUID, document_sha256: str, xml_sha256: str | None
) -> None:
    """The store has the document of a subject signed by everybody: nobody is asked for it here any more.

    Calls at the provider that were about nothing else have ended, too: what they would bring is in that document.
    """
    for request in await queries.requests_of(session, [subject_id]):
        await queries.complete_requests(session, {request.id: (document_sha256, xml_sha256)}, clock.now())
        await queries.close_steps(session, request.id)
        for batch_id in await batches.end_calls_without_turns(session):
            await _end_batch_if_over(session, batch_id, None)


async def _end_batch_if_over(session: TenantSession, batch_id: uuid.UUID, problem: str | None) -> None:
    batch = await _batch(session, batch_id, hold=True)
    state = batch_state(await batches.call_states(session, batch_id))
    values: dict[str, Any] = {"problem": problem} if problem else {}
    if state is not BatchState.RUNNING and batch.state == BatchState.RUNNING:
        values |= {"state": state, "ended_at": clock.now()}
        await audit.record(
            session,
            machine(session.tenant_id),
            Action.SIGNING_BATCH_ENDED,
            batch_id,
            batch.role,
            state=state.value,
        )
    if values:
        await batches.update_batch(session, batch_id, values)


async def _prepared(session: TenantSession, call_id: uuid.UUID) -> list[Any]:
    """The items of a call whose hashes the provider gets: the same at every step, whatever is cancelled meanwhile."""
    return [row for row in await batches.items_of(session, call_id) if row.digest is not None]


def _is_consented(row: Any, merkle_root: str) -> bool:
    """Whether an item leads to the root of its consent, whatever has become of the others."""
    if row.proof is None:
        return False
    target = target_of(row.xml_targets, row.part)
    leaf = row.request_id, row.base_sha256, target.signature_id if target else ""
    return proves(Proof(row.leaf_index, row.leaf_count, row.proof), leaf, merkle_root)


def _stands(row: Any) -> bool:
    return bool(row.request_state != RequestState.CANCELLED)


async def _call(session: TenantSession, call_id: uuid.UUID, *, hold: bool = False) -> ProviderCall:
    call = await batches.call(session, call_id, hold=hold)
    if call is None:
        raise NotFound("Không tìm thấy lần gửi ký này.")
    return call


async def _batch(session: TenantSession, batch_id: uuid.UUID, *, hold: bool = False) -> SigningBatch:
    batch = await batches.batch(session, batch_id, hold=hold)
    if batch is None:
        raise NotFound("Không tìm thấy lô ký này.")
    return batch


def _pin(credential: CredentialView) -> Pin:
    return Pin(
        provider=credential.provider,
        account=credential.account,
        reference=credential.reference,
        certificate=credential.certificate,
        chain=credential.chain,
    )
