"""Whatever the owner of tables and store does to the audit, the checker names it; untouched, it says nothing."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.crypto import sha256_hex
from backend.core.storage import checkpoint_key
from backend.remote_signing.formats.timestamps import read_timestamp, timestamp_request
from backend.remote_signing.timestamping import service as timestamping
from infra.audit_check.checkpoints import LEFT_BEHIND
from infra.audit_check.findings import Kind
from tests.factories.pki import Pki
from tests.infra.audit_check.conftest import FIRST, LATER, SECOND, Hands

_CHAINED = FIRST + SECOND + LATER


async def kinds(hands: Hands) -> set[Kind]:
    return {finding.kind for finding in (await hands.check()).findings}


async def test_untouched(hands: Hands) -> None:
    report = await hands.check()
    assert report.findings == []
    assert (report.schools, report.events) == (2, 2 * (_CHAINED + 1))
    assert (report.waiting, report.checkpoints) == (2, 2)


#: One statement each, about the first school ($1).
FIELDS = {
    "who did it": "actor_name = 'Người khác'",
    "what it was called": "subject_label = subject_label || ' '",
    "what was done": "action = 'gradebook.sheet.lock'",
    "how it ended": "outcome = 'refused'",
    "a detail": """details = '{"cell": "level", "count": 99}'""",
    "which pupil": "about = array[gen_random_uuid()]",
    "when": "at = at + interval '1 microsecond'",
    "when it was settled": "settled_at = settled_at - interval '1 second'",
}


@pytest.mark.parametrize("change", FIELDS.values(), ids=FIELDS)
async def test_an_altered_field(hands: Hands, change: str) -> None:
    await hands.do(f"update audit_event set {change} where tenant_id = $1 and n = 8")
    finding = (await hands.check()).findings[0]
    assert (finding.kind, finding.where, finding.school) == (Kind.ALTERED, "sự kiện số 8", hands.schools[0])


async def test_a_deleted_event(hands: Hands) -> None:
    await hands.do("delete from audit_event where tenant_id = $1 and n = 4")
    [finding] = (await hands.check()).findings
    assert (finding.kind, finding.detail) == (Kind.MISSING, "từ số 4 đến số 4")


async def test_a_deleted_event_and_the_gap_closed(hands: Hands) -> None:
    await hands.do("delete from audit_event where tenant_id = $1 and n = 4")
    for n in range(5, _CHAINED + 1):
        await hands.do("update audit_event set n = n - 1 where tenant_id = $1 and n = $2", n)
    assert {Kind.UNLINKED, Kind.ALTERED, Kind.CUT} <= await kinds(hands)


async def test_a_deleted_tail(hands: Hands) -> None:
    await hands.do("delete from audit_event where tenant_id = $1 and n >= $2", _CHAINED)
    assert await kinds(hands) == {Kind.CUT}


async def test_a_deleted_tail_and_the_head_set_back(hands: Hands) -> None:
    await hands.do("delete from audit_event where tenant_id = $1 and n >= $2", FIRST + 2)
    await hands.rechain(FIRST + 2)
    assert await kinds(hands) == {Kind.REWRITTEN}


async def test_all_of_a_school(hands: Hands) -> None:
    await hands.do("delete from audit_event where tenant_id = $1")
    await hands.do("delete from directory.audit_head where tenant_id = $1")
    assert await kinds(hands) == {Kind.REWRITTEN}


_COPY = """
    insert into audit_event (tenant_id, id, at, actor_name, action, subject_label, about, outcome, details, n, prev_hash,
      hash, settled_at)
    select tenant_id, gen_random_uuid(), {at}, 'Người khác', action, 'Chèn thêm', about, outcome, details, $2, prev_hash,
      hash, settled_at from audit_event where tenant_id = $1 and n = $3
"""


async def test_an_inserted_event(hands: Hands) -> None:
    for n in range(_CHAINED, 4, -1):
        await hands.do("update audit_event set n = n + 1 where tenant_id = $1 and n = $2", n)
    await hands.do(_COPY.format(at="at"), 5, 4)
    assert {Kind.ALTERED, Kind.CUT} <= await kinds(hands)


async def test_an_event_appended_past_the_chain(hands: Hands) -> None:
    await hands.do(_COPY.format(at="at"), _CHAINED + 1, _CHAINED)
    assert Kind.CUT in await kinds(hands)


async def test_an_event_dated_back_and_chained_like_any_other(hands: Hands) -> None:
    await hands.do(_COPY.format(at="at - interval '3 days'"), _CHAINED + 1, _CHAINED)
    await hands.rechain(_CHAINED + 1)
    assert await kinds(hands) == {Kind.BACKDATED}


async def test_an_event_dated_back_with_the_head(hands: Hands) -> None:
    """Its moment of settlement is forged as well: the checkpoint before it knows better."""
    await hands.do(_COPY.format(at="at - interval '3 days'"), _CHAINED + 1, _CHAINED)
    forged = (
        "update audit_event set settled_at = settled_at - interval '4 days' where tenant_id = $1 and n = $2"
    )
    await hands.do(forged, _CHAINED + 1)
    await hands.rechain(_CHAINED + 1)
    assert await kinds(hands) == {Kind.BACKDATED}


async def test_swapped_events(hands: Hands) -> None:
    for old, new in ((3, -3), (7, 3), (-3, 7)):
        await hands.do("update audit_event set n = $3 where tenant_id = $1 and n = $2", old, new)
    assert {Kind.UNLINKED, Kind.ALTERED} <= await kinds(hands)


async def test_an_event_moved_to_another_school(hands: Hands) -> None:
    moved = "update audit_event set tenant_id = $2, n = $3 where tenant_id = $1 and n = 6"
    await hands.do(moved, hands.schools[1], _CHAINED + 1)
    found = {(finding.kind, finding.school) for finding in (await hands.check()).findings}
    assert (Kind.MISSING, hands.schools[0]) in found
    assert (Kind.ALTERED, hands.schools[1]) in found


async def test_an_event_taken_out_of_the_chain(hands: Hands) -> None:
    await hands.do(
        "update audit_event set n = null, hash = null, prev_hash = null where tenant_id = $1 and n = 6"
    )
    assert await kinds(hands) == {Kind.MISSING}


async def test_a_chain_rewritten_from_some_event_on(hands: Hands) -> None:
    await hands.do("update audit_event set actor_name = 'Người khác' where tenant_id = $1 and n = 5")
    await hands.rechain(5)
    findings = (await hands.check()).findings
    assert {finding.kind for finding in findings} == {Kind.REWRITTEN}
    assert [finding.where for finding in findings] == [f"đến sự kiện số {n}" for n in (FIRST, FIRST + SECOND)]


async def test_an_event_that_nobody_chains(hands: Hands) -> None:
    """Not tampering, but nothing to be vouched for either."""
    late = "update audit_event set at = at - interval '20 minutes' where tenant_id = $1 and n is null"
    await hands.do(late)
    [finding] = (await hands.check()).findings
    assert (finding.kind, finding.is_tampering) == (Kind.WAITING, False)


async def test_a_checkpoint_with_other_content(hands: Hands) -> None:
    key, content = await hands.document(1)
    with hands.stored(key, content.replace(b'"number":1', b'"number":7')):
        assert await kinds(hands) == {Kind.CHECKPOINT_FORGED}


@pytest.mark.parametrize("part", ["json", "tst"])
async def test_a_checkpoint_deleted_in_the_store(hands: Hands, part: str) -> None:
    key, _ = await hands.document(1)
    with hands.removed(key.replace("json", part)):
        [finding] = (await hands.check()).findings
    assert (finding.kind, finding.where) == (Kind.CHECKPOINT_MISSING, "điểm niêm phong số 1")


async def test_a_checkpoint_deleted_in_the_database(hands: Hands) -> None:
    await hands.owner.execute("delete from directory.audit_checkpoint where number = 1")
    assert {Kind.CHECKPOINT_MISSING, Kind.CHECKPOINT_FORGED} <= await kinds(hands)


async def test_the_newest_checkpoints_forgotten(hands: Hands) -> None:
    """The store still has them, and a crash leaves one at most."""
    await hands.owner.execute("delete from directory.audit_checkpoint")
    assert await kinds(hands) == {Kind.CHECKPOINT_MISSING}


async def test_a_checkpoint_without_its_row_is_what_a_crash_leaves(hands: Hands) -> None:
    """Nobody can tell whether the row was never written or deleted; somebody who had noted it can."""
    _, content = await hands.document(2)
    await hands.owner.execute("delete from directory.audit_checkpoint where number = 2")
    assert (await hands.check()).findings == [], "a moment after the crash"
    later = (await hands.check(LEFT_BEHIND)).findings
    assert {finding.kind for finding in later} == {Kind.CHECKPOINT_LEFT, Kind.WAITING}
    assert not any(finding.is_tampering for finding in later)
    noted = await hands.check(seen={2: sha256_hex(content)})
    assert Kind.CHECKPOINT_FORGED in {finding.kind for finding in noted.findings}


async def test_the_newest_checkpoint_replaced_by_another(hands: Hands) -> None:
    """Nothing here contradicts it, but somebody had noted the true one."""
    _, content = await hands.document(2)
    noted = {2: sha256_hex(content)}
    assert (await hands.check(seen=noted)).findings == []
    noted[2] = sha256_hex(b"another")
    [finding] = (await hands.check(seen=noted)).findings
    assert finding.kind is Kind.CHECKPOINT_FORGED


async def forge(hands: Hands, made_at: datetime, token: bytes | None = None) -> set[Kind]:
    """Replace the newest checkpoint by one of that time, stamped anew, in both places; what the checker says."""
    old_key, content = await hands.document(2)
    said = json.loads(content)
    said["made_at"] = made_at.isoformat().replace("+00:00", "Z")
    forged = json.dumps(said, separators=(",", ":")).encode()
    token = token or await timestamping.stamp(forged)
    values = (made_at, sha256_hex(forged), sha256_hex(token))
    await hands.owner.execute(
        "update directory.audit_checkpoint set made_at = $1, document_sha256 = $2, token_sha256 = $3 where number = 2",
        *values,
    )
    new_key = checkpoint_key(2, sha256_hex(forged), "json")
    with (
        hands.removed(old_key),
        hands.removed(old_key.replace("json", "tst")),
        hands.stored(new_key, forged),
        hands.stored(new_key.replace("json", "tst"), token),
    ):
        return await kinds(hands)


async def test_a_forged_checkpoint_cannot_be_stamped_in_the_past(hands: Hands) -> None:
    assert await forge(hands, datetime.now(UTC) - timedelta(hours=2)) == {Kind.CHECKPOINT_FORGED}


async def test_a_forgery_is_found_by_its_time_alone(hands: Hands) -> None:
    """The control of the tests around it. That is why the newest checkpoint is to be noted elsewhere."""
    assert await forge(hands, datetime.now(UTC)) == set()


async def test_a_forged_checkpoint_with_the_stamp_of_another(hands: Hands) -> None:
    token = await timestamping.stamp(b"something else")
    assert await forge(hands, datetime.now(UTC), token) == {Kind.CHECKPOINT_FORGED}


async def test_a_forged_checkpoint_with_a_stamp_of_nobody(hands: Hands) -> None:
    assert await forge(hands, datetime.now(UTC), b"\x30\x03\x02\x01\x00") == {Kind.CHECKPOINT_FORGED}


async def test_a_checkpoint_stamped_by_an_authority_of_ones_own(hands: Hands) -> None:
    key, content = await hands.document(2)
    token = await asyncio.to_thread(own_token, content)
    await hands.owner.execute(
        "update directory.audit_checkpoint set token_sha256 = $1 where number = 2", sha256_hex(token)
    )
    with hands.stored(key.replace("json", "tst"), token):
        assert await kinds(hands) == {Kind.CHECKPOINT_FORGED}


def own_token(content: bytes) -> bytes:
    """A faultless time stamp by somebody whom nobody trusts."""
    answer = Pki().timestamp_response(timestamp_request(content), datetime.now(UTC).replace(microsecond=0))
    return read_timestamp(answer, content)


async def test_something_else_among_the_checkpoints(hands: Hands) -> None:
    with hands.stored("audit/00000009.json", b"{}"):
        assert await kinds(hands) == {Kind.CHECKPOINT_FORGED}
