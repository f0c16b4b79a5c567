"""Before sending ("chạy thử"): the package as it would go out, what is wrong with it, what is new in it.

Nothing of it makes a message id, a state, a receipt or an attempt. What goes to the Authority's place for trials goes
under an id that was drawn for that.
"""

import asyncio
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backend.core import audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.deliveries import exchange, fixing, queries, rules, service, shown
from backend.integrations.deliveries.channels import port, rest
from backend.integrations.deliveries.fixing import Kind
from backend.integrations.deliveries.schemas import Action, DeliverySummary, Hitch, Level, Rehearsal, Sending
from backend.integrations.profiles import messages
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.schemas import Profile
from backend.records.gradebook import service as gradebook
from backend.records.transcripts import service as transcripts
from backend.remote_signing.formats import service as formats

#: How often a place for trials is asked for its answer, and how long apart (seconds).
_ASKED, _PAUSE = 8, 0.5
_NO_ANSWER = "Nơi gửi thử chưa cho kết quả; hãy thử lại sau ít phút."


class Spots(msgspec.Struct, frozen=True, kw_only=True):
    """Where what is said of one version is corrected: the pupil, the class, its newest sheet of each subject."""

    version_id: uuid.UUID
    student_id: uuid.UUID
    class_id: uuid.UUID
    sheets: Mapping[str, uuid.UUID]
    record: Mapping[str, Any]

    def address(self, field: str, profile: Profile) -> str:
        """The page, and on it the field, in which what an Authority calls so is corrected; empty where nobody knows."""
        found = fixing.spot(field, profile, transcripts.person_fields(), self.record)
        match found:
            case fixing.Spot(kind=Kind.PUPIL, name="student_code" | "personal_id"):
                return f"/hoc-sinh/{self.student_id}"
            case fixing.Spot(kind=Kind.PUPIL, name=name):
                return f"/hoc-sinh/{self.student_id}/sua#f-{name}"
            case fixing.Spot(kind=Kind.SUBJECT, name=name) if name in self.sheets:
                return f"/so-diem/{self.sheets[name]}#hs-{self.student_id}"
            case fixing.Spot(kind=Kind.SUBJECT):
                return f"/lop/{self.class_id}/so-diem"
            case fixing.Spot(kind=Kind.RESULT):
                return f"/lop/{self.class_id}/ket-qua"
            case fixing.Spot(kind=Kind.SCHOOL):
                return "/truong"
        return ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried: all that a sending needs, and the digest of what was sent last about the same pupil's year."""

    delivery: DeliverySummary
    sending: Sending
    spots: Spots
    last_sent: str | None


async def spots_of(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Spots]:
    """For each version where its fields are corrected. Raises NotFound."""
    contents = await transcripts.contents_of(session, version_ids)
    versions = await transcripts.get_versions(session, version_ids)
    sheets: dict[uuid.UUID, dict[str, uuid.UUID]] = {}
    for class_id in {version.class_id for version in versions}:
        listed = sorted(await gradebook.list_sheets(session, class_id), key=lambda sheet: sheet.term)
        sheets[class_id] = {sheet.subject_code: sheet.id for sheet in listed}
    return {
        version.id: Spots(
            version_id=version.id,
            student_id=version.student_id,
            class_id=version.class_id,
            sheets=sheets[version.class_id],
            record=contents[version.id],
        )
        for version in versions
    }


async def begin(session: TenantSession, actor: Actor, delivery_ids: Sequence[uuid.UUID]) -> list[Draft]:
    """What these deliveries would send. A person sees the content of what they open. Raises NotFound."""
    rows = await queries.deliveries(session, delivery_ids)
    if len(rows) < len(set(delivery_ids)):
        raise NotFound("Không tìm thấy lần gửi này.")
    version_ids = [row.version_id for row in rows]
    former = await transcripts.former_versions(session, version_ids)
    last = await queries.last_sent(
        session, [*version_ids, *(one for found in former.values() for one in found)]
    )
    spots = await spots_of(session, version_ids)
    audit_reads.record_read(
        session, actor, AuditAction.DELIVERY_READ, None, "Chạy thử trước khi gửi",
        [one for row in rows for one in (row.version_id, spots[row.version_id].student_id)],
    )  # fmt: skip
    return [
        Draft(
            delivery=queries.summary_of(row),
            sending=sending,
            spots=spots[row.version_id],
            last_sent=next(
                (last[one] for one in (row.version_id, *former.get(row.version_id, ())) if one in last), None
            ),
        )
        for row, sending in zip(rows, await service.sendings_of(session, rows), strict=True)
    ]


def look(draft: Draft, package: bytes, last_sent: bytes | None) -> Rehearsal:
    """The first three levels: the package is written, held to its schema, and to what this Authority takes."""
    sending, endpoint = draft.sending, draft.sending.endpoint
    message = sending.message(package)
    body = endpoint.profile.operations.send.body
    assert body is not None
    passed: list[Level] = []
    hitches: list[Hitch] = []
    content = b""
    try:
        content = messages.write(body, message, messages.known_of(endpoint.profile, endpoint.parameters))
        passed.append(Level.MAP)
        rest.encode(endpoint, message)
        passed.append(Level.SCHEMA)
    except BadMapping as error:
        level = Level.SCHEMA if content else Level.MAP
        hitches.append(_hitch(draft, level, error.place, rules.CANNOT_FILL.format(reason=error.reason)))
    except formats.BadKey as error:
        hitches.append(_hitch(draft, Level.SCHEMA, "", rules.CANNOT_SIGN.format(reason=error)))
    refused = [("", why)] if (why := exchange.why_not(endpoint, message)) else []
    found = refused + rules.obstacles(draft.delivery, message)
    hitches += [_hitch(draft, Level.RULES, field, words) for field, words in found]
    if content and not hitches:
        passed.append(Level.RULES)
    lines = shown.compared(body.format, content, last_sent) if content else ()
    return Rehearsal(
        delivery=draft.delivery,
        passed=tuple(passed),
        hitches=tuple(hitches),
        lines=lines,
        is_compared=last_sent is not None,
        overdue=rules.overdue(endpoint.profile, draft.spots.record.get("year", {}), clock.today()),
        has_trial=_trial_of(endpoint) is not None,
    )


async def try_there(draft: Draft, package: bytes, seen: Rehearsal) -> Rehearsal:
    """The fourth level: the Authority's place for trials takes it, under an id of its own, and says what it thinks.

    It knows no earlier message, so that what replaces one is tried as if it were the first. A recall is not tried.
    """
    there = _trial_of(draft.sending.endpoint)
    if there is None or seen.hitches or draft.sending.action == Action.RECALL:
        return seen
    sending = msgspec.structs.replace(
        draft.sending,
        endpoint=there,
        message_id=draft.sending.sender_code + secrets.token_hex(16),
        action=Action.SUBMIT,
        refers_to=None,
    )
    answer = await _answer(sending, sending.message(package))
    match answer:
        case port.Accepted() | port.Locked():
            return msgspec.structs.replace(seen, passed=(*seen.passed, Level.TRIAL))
        case port.Rejected(errors=errors):
            hitches = tuple(_hitch(draft, Level.TRIAL, one.field, one.message or one.code) for one in errors)
        case port.NotSent(reason=reason) | port.Unknown(reason=reason):
            hitches = (_hitch(draft, Level.TRIAL, "", reason),)
        case _:
            hitches = (_hitch(draft, Level.TRIAL, "", _NO_ANSWER),)
    return msgspec.structs.replace(seen, hitches=hitches)


async def _answer(sending: Sending, message: port.Message) -> port.SendResult | port.QueryResult:
    channel = exchange.channel_of(sending.endpoint)
    answer: port.SendResult | port.QueryResult = await channel.send(sending.endpoint, message)
    for _ in range(_ASKED):
        if not isinstance(answer, port.Received | port.Processing):
            break
        await asyncio.sleep(_PAUSE)
        answer = await channel.query(sending.endpoint, sending.message_id, sending.sender_code)
    return answer


def _trial_of(endpoint: Endpoint) -> Endpoint | None:
    address = authorities.trial_address(endpoint.profile)
    return msgspec.structs.replace(endpoint, base_url=address) if address else None


def _hitch(draft: Draft, level: Level, field: str, words: str) -> Hitch:
    address = draft.spots.address(field, draft.sending.endpoint.profile)
    return Hitch(level=level, field=field, words=words, address=address)
