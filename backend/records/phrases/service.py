"""The phrase bank: what teachers put into comments, kept per school and per person."""

import uuid

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.phrases import queries, rules
from backend.records.phrases.schemas import MAX_PHRASES, NAME, NewPhrase, Phrase, PhraseId
from backend.records.roster import service as roster
from backend.tenants.permissions import Permission


async def list_phrases(session: TenantSession, actor: Actor) -> list[Phrase]:
    """The actor's own phrases and those of the school."""
    return [
        Phrase(
            id=PhraseId(row.id),
            text=row.text,
            subject_code=row.subject_code,
            grade_level=row.grade_level,
            level=row.level,
            shared=row.owner_id is None,
        )
        for row in await queries.phrases(session, actor.staff_id)
    ]


async def phrases_for(
    session: TenantSession, actor: Actor, subject_code: str, grade_level: int
) -> list[Phrase]:
    """What the actor may put into a comment in that subject and grade."""
    return rules.fitting(await list_phrases(session, actor), subject_code, grade_level)


async def add_phrase(session: TenantSession, actor: Actor, new: NewPhrase) -> None:
    """Keep one more phrase. Raises Invalid for what cannot stand in it, a pupil's name too; Forbidden; Conflict."""
    known = rules.checked(new)
    if known.shared and not actor.may(Permission.PHRASE_SHARE):
        raise Forbidden("Chỉ ban giám hiệu và tổ trưởng chuyên môn ghi câu mẫu chung của trường.")
    if not known.shared and actor.staff_id is None:
        raise Forbidden("Câu mẫu riêng là của một người làm việc ở trường.")
    if named := await roster.pupil_named_in(session, known.text):
        raise Invalid(f"Câu mẫu có tên học sinh {named}; hãy thay bằng {NAME} để dùng được cho mọi em.")
    there = [one for one in await list_phrases(session, actor) if one.shared is known.shared]
    if len(there) >= MAX_PHRASES:
        raise Conflict(f"Kho đã có {MAX_PHRASES} câu mẫu; hãy bỏ bớt câu không dùng.")
    phrase_id = new_id()
    await queries.insert_phrase(
        session,
        {
            "tenant_id": session.tenant_id,
            "id": phrase_id,
            "owner_id": None if known.shared else actor.staff_id,
            "text": known.text,
            "subject_code": known.subject_code,
            "grade_level": int(known.grade_level or 0),
            "level": known.level,
            "created_at": clock.now(),
        },
    )
    await audit.record(session, actor, Action.PHRASE_ADDED, phrase_id, _whose(known.shared))


async def remove_phrase(session: TenantSession, actor: Actor, phrase_id: uuid.UUID) -> None:
    """Drop a phrase of one's own, or of the school. Raises NotFound, also for that of another person; Forbidden."""
    found = next((one for one in await list_phrases(session, actor) if one.id == phrase_id), None)
    if found is None:
        raise NotFound("Không tìm thấy câu mẫu này.")
    if found.shared and not actor.may(Permission.PHRASE_SHARE):
        raise Forbidden("Chỉ ban giám hiệu và tổ trưởng chuyên môn bỏ câu mẫu chung của trường.")
    await queries.delete_phrase(session, phrase_id)
    await audit.record(session, actor, Action.PHRASE_REMOVED, phrase_id, _whose(found.shared))


def _whose(shared: bool) -> str:
    return "Câu mẫu của trường" if shared else "Câu mẫu riêng"
