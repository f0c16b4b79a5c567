"""A school year is rolled over into the next: seen first, done at once, undone until the new year has marks."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action, Deed
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.records.gradebook import service as gradebook
from backend.records.plans import service as plans
from backend.records.plans.schemas import Plan, Plans
from backend.records.rollover import queries, rules
from backend.records.rollover.schemas import ClassMove, NextClass, Outcome, Proposal, PupilMove, Rollover
from backend.records.roster import service as roster
from backend.records.roster.curriculum import Kind
from backend.records.roster.schemas import CLASS_NAMES, Assignment, ClassId, ClassSummary
from backend.tenants.people import service as people


async def proposal(session: TenantSession, year_id: uuid.UUID) -> Proposal:
    """Where everybody of a year goes in the next, as things stand. Raises NotFound."""
    years = sorted(await roster.list_years(session), key=lambda one: one.starts_on)
    year = next((one for one in years if one.id == year_id), None)
    if year is None:
        raise NotFound("Không tìm thấy năm học này.")
    next_year = next((one for one in years if one.starts_on > year.starts_on), None)
    known = await queries.rollover_of(session, year.id)
    classes = await roster.list_classes(session)
    old = [one for one in classes if one.academic_year_id == year.id]
    there = [one for one in classes if next_year and one.academic_year_id == next_year.id]
    targets = rules.next_classes(old, there)
    places = defaultdict(list)
    for place in await queries.places(session, year.id):
        places[place.class_id].append(place)
    names = {one.id: one.name for one in there}
    placed: dict[uuid.UUID, str] = {
        one.student_id: names[one.class_id]
        for one in (await queries.places(session, next_year.id) if next_year else [])
    }
    moves = tuple(
        rules.class_move(one, places[one.id], targets, known.chosen if known else {}, placed) for one in old
    )
    applied_at = known.applied_at if known else None
    seen = [
        (str(one.place.student_id), one.outcome, one.target, one.placed)
        for move in moves
        for one in move.pupils
    ]
    told = (next_year.name if next_year else "", applied_at, [one.name for one in targets], seen)
    return Proposal(
        year=year,
        next_year=next_year,
        classes=moves,
        targets=targets,
        applied_at=applied_at,
        basis=sha256_hex(msgspec.json.encode(told))[:16],
    )


async def open_proposal(
    session: TenantSession, actor: Actor, year_id: uuid.UUID
) -> tuple[Proposal, list[tuple[ClassSummary, PupilMove]]]:
    """`proposal` for a person who looks at it, and who is named there: whoever has no place yet. Raises NotFound.

    A class in which nobody is decided, all for the same reason, is named as a whole (`ClassMove.waits_for`).
    """
    found = await proposal(session, year_id)
    left = [
        (one.school_class, pupil)
        for one in found.classes
        for pupil in one.pupils
        if pupil.placed is None
        and not one.waits_for
        and (pupil.outcome is Outcome.UNDECIDED or (found.applied_at and pupil.is_decided))
    ]
    named = [pupil.place.student_id for _, pupil in left]
    audit_reads.record_read(session, actor, Action.RESULTS_READ, year_id, f"Năm học {found.year.name}", named)
    return found, left


async def open_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> tuple[Proposal, ClassMove]:
    """One class of the proposal of its year, for a person who looks at its pupils. Raises NotFound."""
    school_class = await roster.get_class(session, class_id)
    found = await proposal(session, school_class.academic_year_id)
    move = next((one for one in found.classes if one.school_class.id == class_id), None)
    if move is None:
        raise NotFound(f"Lớp {school_class.name} đã đóng nên không có học sinh lên lớp; hãy xem lớp khác.")
    pupils = [one.place.student_id for one in move.pupils]
    label = f"Lớp {school_class.name}"
    audit_reads.record_read(session, actor, Action.RESULTS_READ, class_id, label, pupils)
    return found, move


async def choose(
    session: TenantSession,
    actor: Actor,
    year_id: uuid.UUID,
    typed: Mapping[str, str],
    seen: Mapping[str, str],
) -> int:
    """Choose classes of the next year for pupils (student id → name of a class); returns for how many it changed.

    `seen` are those that the writer found there. Raises NotFound, Conflict once the year is rolled over and where
    somebody else was faster, Invalid for a class that a result does not allow.
    """
    await session.hold(f"rollover {year_id}")
    found = await proposal(session, year_id)
    if found.applied_at:
        raise Conflict(f"Năm học {found.year.name} đã kết chuyển; hãy xếp từng học sinh còn lại.")
    wanted = rules.choices(found.pupils, typed, seen)
    for pupil, target in wanted:
        rules.require_target(pupil, target, found.targets_for(pupil))
    if wanted:
        known = await _begun(session, year_id)
        await queries.write_moves(
            session, known.id, {pupil.place.student_id: (target, None) for pupil, target in wanted}
        )
        deeds = [_deed(found, pupil, target) for pupil, target in wanted]
        await audit.record_many(session, actor, Action.NEXT_CLASS_CHOSEN, deeds)
    return len(wanted)


async def apply(
    session: TenantSession, actor: Actor, year_id: uuid.UUID, basis: str, *, keep_teachers: bool
) -> int:
    """Roll a year over: open the classes of the next, give everybody who is decided their place there; counts them.

    Doing it twice does it once. Raises NotFound, Conflict where the next year is not open, where something is not as it
    was shown (`basis`), or where a closed class has the name of one that is to be opened.
    """
    await session.hold(f"rollover {year_id}")
    await session.hold(CLASS_NAMES)
    found = await proposal(session, year_id)
    if found.applied_at:
        return 0
    if found.next_year is None:
        raise Conflict(f"Trường chưa mở năm học sau năm học {found.year.name}; hãy mở năm học trước.")
    if not any(one.is_decided for one in found.pupils):
        raise Conflict(
            f"Năm học {found.year.name} chưa có học sinh nào có kết quả được xác nhận để xếp lớp; "
            "hãy xác nhận kết quả trước."
        )
    if basis != found.basis:
        raise Conflict("Kết quả hoặc danh sách lớp vừa thay đổi; hãy xem lại bản xem trước rồi kết chuyển.")
    await roster.hold_year(session, found.next_year.id)
    known = await _begun(session, year_id)
    await plans.copy_year(session, found.year.id, found.next_year.id)
    opened = await _open_classes(session, found, keep_teachers=keep_teachers)
    ids = {one.name: one.class_id for one in found.targets if one.class_id} | opened
    moving = [one for one in found.pupils if one.is_decided]
    await _place(session, known, moving, ids)
    await plans.copy_choices(
        session,
        {one.school_class.id: ids[one.becomes] for one in found.classes if one.becomes in opened},
    )
    await queries.set_applied(session, known.id, actor.staff_id, clock.now(), list(opened.values()))
    await audit.record(
        session,
        actor,
        Action.YEAR_ROLLED,
        year_id,
        f"Năm học {found.year.name} sang {found.next_year.name}",
        about=[one.place.student_id for one in moving],
        count=len(moving),
        classes_opened=len(opened),
    )
    return len(moving)


async def place_one(
    session: TenantSession, actor: Actor, year_id: uuid.UUID, student_id: uuid.UUID, target: str
) -> str:
    """Give a pupil who was not decided a place, after the year is rolled over; returns their name.

    Raises NotFound, Conflict before that and where they have one, Invalid for a class that their result does not allow.
    """
    await session.hold(f"rollover {year_id}")
    found = await proposal(session, year_id)
    pupil = next((one for one in found.pupils if one.place.student_id == student_id), None)
    if pupil is None:
        raise NotFound("Không tìm thấy học sinh này trong năm học.")
    if found.applied_at is None or found.next_year is None:
        raise Conflict(f"Năm học {found.year.name} chưa kết chuyển; hãy chọn lớp ngay trong bản xem trước.")
    rules.require_target(pupil, target, found.targets_for(pupil))
    await roster.hold_year(session, found.next_year.id)
    ids = {one.name: one.class_id for one in found.targets if one.class_id}
    if target not in ids:
        raise Conflict(f"Năm học {found.next_year.name} chưa mở lớp {target}; xin chọn lớp khác.")
    known = await _begun(session, year_id)
    await _place(session, known, [msgspec.structs.replace(pupil, target=target)], ids)
    await audit.record_many(session, actor, Action.NEXT_CLASS_CHOSEN, [_deed(found, pupil, target)])
    return pupil.place.full_name


async def undo(session: TenantSession, actor: Actor, year_id: uuid.UUID) -> int:
    """Take back what rolling over did; counts the pupils. What was chosen stays chosen. Doing it twice does it once.

    Classes that were opened go, too, unless something is known of them by now.
    Raises NotFound, Conflict once a class of the next year has marks, or a pupil has moved on.
    """
    await session.hold(f"rollover {year_id}")
    found = await proposal(session, year_id)
    known = await queries.rollover_of(session, year_id)
    if known is None or known.applied_at is None or found.next_year is None:
        return 0
    await roster.hold_year(session, found.next_year.id)
    classes = {
        one.id: one
        for one in await roster.list_classes(session)
        if one.academic_year_id == found.next_year.id
    }
    await gradebook.hold_to_plan(session, list({*classes, *known.opened}))
    marked = await gradebook.first_with_marks(session, list(classes))
    touched = await queries.first_touched(session, known.id)
    rules.require_undoable(classes[ClassId(marked)].name if marked else "", touched)
    moved = await queries.moved(session, known.id)
    await queries.forget_places(session, known.id)
    await roster.unenroll(session, moved)
    going = await queries.untouched_classes(session, known.opened)
    await plans.forget_choices(session, going)
    await gradebook.drop_classes(session, going)
    await roster.close_classes(session, going)
    await queries.set_applied(session, known.id, None, None, [])
    await audit.record(
        session,
        actor,
        Action.YEAR_ROLL_UNDONE,
        year_id,
        f"Năm học {found.year.name} sang {found.next_year.name}",
        about=list(moved),
        count=len(moved),
    )
    return len(moved)


async def _begun(session: TenantSession, year_id: uuid.UUID) -> Rollover:
    await queries.begin(session, year_id)
    known = await queries.rollover_of(session, year_id)
    assert known is not None
    return known


async def _place(
    session: TenantSession, known: Rollover, moving: Sequence[PupilMove], ids: Mapping[str, ClassId]
) -> None:
    rows = [(one.place.student_id, ids[one.target], one.place.registry_no) for one in moving if one.target]
    await roster.enroll_students(session, rows)
    await queries.write_moves(
        session,
        known.id,
        {one.place.student_id: (one.target, ids[one.target]) for one in moving if one.target},
    )


async def _open_classes(
    session: TenantSession, found: Proposal, *, keep_teachers: bool
) -> dict[str, ClassId]:
    """Open the classes that are not there, with the subjects of their grade's plan and open sheets: name → id."""
    assert found.next_year is not None
    known = await plans.all_plans(session)
    working = {one.id for one in await people.list_staff(session)}
    given: dict[uuid.UUID, list[Assignment]] = defaultdict(list)
    for one in await roster.list_assignments(session):
        given[one.class_id].append(one)
    opened = {}
    for target in (one for one in found.targets if one.class_id is None):
        if await roster.has_class(session, found.next_year.id, target.name):
            raise Conflict(
                f"Năm học {found.next_year.name} đã có lớp {target.name}, nay đã đóng, nên không mở lại được; "
                "hãy đổi tên lớp đã đóng ấy rồi kết chuyển."
            )
        before = target.comes_from
        leader = before.homeroom_teacher_id if before and keep_teachers else None
        class_id = await roster.open_class(
            session, found.next_year.id, target.name, target.grade, leader if leader in working else None
        )
        plan = known.of(found.next_year.id, target.grade)
        teachers = {
            code: teacher if keep_teachers and teacher in working else None
            for code, teacher in _subjects(known, plan, target, given[before.id] if before else []).items()
        }
        own = [one.code for one in plan.subjects if one.own]
        await roster.assign_teachers(session, class_id, teachers, own)
        await gradebook.open_sheets(session, class_id)
        opened[target.name] = class_id
    return opened


def _subjects(
    known: Plans, plan: Plan, target: NextClass, given: Sequence[Assignment]
) -> dict[str, StaffId | None]:
    """Subjects of a class of the next year, with who taught them before: all that are compulsory, and what the class has
    chosen so far; a subject of the school's own is known by its name."""
    before = target.comes_from
    had = {one.subject_code: one.teacher_id for one in given}
    if before is not None:
        old = known.of(before.academic_year_id, before.grade_level)
        had = {(_same(old, plan, code) or code): teacher for code, teacher in had.items()}
    return {
        one.code: had.get(one.code)
        for one in plan.subjects
        if one.taught and ((one.kind is Kind.COMPULSORY) or one.code in had)
    }


def _same(old: Plan, plan: Plan, code: str) -> str | None:
    """The code in another grade's plan of a subject of the school's own with that name; "" where it has none."""
    subject = old.find(code)
    if subject is None or not subject.own:
        return None
    return next((one.code for one in plan.subjects if one.own and one.name == subject.name), f"{code}?")


def _deed(found: Proposal, pupil: PupilMove, target: str) -> Deed:
    before = next(one.school_class for one in found.classes if one.school_class.id == pupil.place.class_id)
    label = f"{pupil.place.full_name} ({pupil.place.student_code}), lớp {before.name}"
    details: dict[str, str | int | None] = {"old_target": pupil.target, "new_target": target}
    return Deed(pupil.place.student_id, label, details, (before.id,))
