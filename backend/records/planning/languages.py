"""Which language a class, and who differs from it, learns as Ngoại ngữ 1 and 2: the học bạ says it behind the name."""

import uuid
from collections.abc import Mapping

import msgspec

from backend.core import audit, audit_reads
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden
from backend.records.gradebook import service as gradebook
from backend.records.planning import rules
from backend.records.planning.schemas import LanguageView
from backend.records.plans import service as plans
from backend.records.plans.schemas import FOREIGN, ClassLanguages, Languages
from backend.records.roster import service as roster
from backend.tenants.permissions import Permission

#: What was chosen: code of the subject → code of the language, "" for what the class learns or nobody has said.
Typed = Mapping[str, str]


async def class_languages(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> LanguageView:
    """The languages of a class, for a person who looks at them. Raises NotFound, Forbidden."""
    found = await _view(session, actor, class_id)
    label = f"Lớp {found.school_class.name}"
    pupils = (one.id for one in found.students)
    audit_reads.record_read(session, actor, Action.CLASS_READ, class_id, label, pupils)
    return found


async def choose_languages(
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    whole: Typed,
    typed: Mapping[str, Typed],
    seen: str,
) -> int:
    """Say what a class (`whole`) and its pupils (id → choice) learn; returns for how many pupils something changed.

    `seen` is what the form brings back (`as_seen`). Raises NotFound, Forbidden, Invalid for what is no language or the
    same twice, Conflict for a pupil whose transcript is frozen, and where somebody else was faster.
    """
    # As whoever freezes the class holds it: nothing is frozen between the look and the change.
    await gradebook.hold_to_plan(session, [class_id])
    await session.hold(f"languages {class_id}")
    found = await _view(session, actor, class_id)
    name = found.school_class.name
    if not found.may_change:
        raise Forbidden(f"Chỉ quản lý của trường và giáo viên chủ nhiệm lớp {name} chọn được thứ tiếng.")
    if seen != as_seen(found.languages):
        raise Conflict("Thứ tiếng của lớp vừa được người khác sửa; hãy xem lại rồi chọn lại.")
    codes = [code for code, _ in found.subjects]
    of_class = rules.checked_languages(whole, codes, f"Lớp {name}", {})
    pupils: dict[uuid.UUID, Languages] = {}
    for one in found.students:
        learns = rules.checked_languages(typed.get(str(one.id), {}), codes, one.full_name, of_class)
        pupils[one.id] = {
            code: language for code, language in learns.items() if of_class.get(code) != language
        }
    new = ClassLanguages(of_class, {one: said for one, said in pupils.items() if said})
    moved = [one for one in found.students if found.languages.of(one.id) != new.of(one.id)]
    rules.require_not_frozen(moved, await gradebook.frozen_pupils(session, class_id))
    said: dict[uuid.UUID | None, Languages] = {None: of_class}
    said.update(pupils.items())
    await plans.set_languages(session, class_id, said)
    old_words, new_words = rules.language_words(found.languages.of_class()), rules.language_words(of_class)
    deeds = [
        audit.Deed(
            one.id,
            f"{one.full_name}, lớp {name}",
            {
                "old_choice": rules.language_words(found.languages.of(one.id)),
                "new_choice": rules.language_words(new.of(one.id)),
            },
            (class_id,),
        )
        for one in moved
    ]
    if old_words != new_words:
        deeds.append(
            audit.Deed(
                class_id, f"Lớp {name}", {"old_choice": old_words, "new_choice": new_words}, (class_id,)
            )
        )
    await audit.record_many(session, actor, Action.LANGUAGES_CHOSEN, deeds)
    return len(moved)


def as_seen(languages: ClassLanguages) -> str:
    """What a form brings back of the languages that its writer saw: another text whenever one is another."""
    told = sorted((str(one), sorted(said.items())) for one, said in languages.pupils.items())
    return sha256_hex(msgspec.json.encode([sorted(languages.of_class().items()), told]))[:16]


async def _view(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> LanguageView:
    school_class = await roster.get_class(session, class_id)
    everywhere = (Permission.CLASSES_MANAGE, Permission.SHEET_READ_ANY)
    await roster.require_duty(session, actor, class_id, "thứ tiếng của môn ngoại ngữ", *everywhere)
    plan = await plans.plan_of(session, school_class)
    assigned = {one.subject_code for one in await roster.list_assignments(session, class_id)}
    leads = actor.staff_id is not None and actor.staff_id == school_class.homeroom_teacher_id
    return LanguageView(
        school_class=school_class,
        subjects=tuple((one.code, one.name) for one in plan.chosen(assigned & set(FOREIGN))),
        languages=await plans.languages_of(session, class_id),
        students=tuple(await roster.list_students(session, class_id)),
        may_change=leads or actor.may(Permission.CLASSES_MANAGE),
    )
