"""What keeps a class back from the freeze, and what is worth a look before it. No I/O."""

from collections.abc import Sequence

from backend.core.errors import Conflict
from backend.records.assessment.schemas import ClassProgress
from backend.records.freezes.schemas import ClassCheck, Scope
from backend.records.gradebook.schemas import CLOSED, SheetSummary
from backend.records.roster.schemas import ClassSummary
from backend.records.transcripts.schemas import MissingSigner


def name_of(scope: Scope, classes: Sequence[ClassSummary]) -> str:
    """What people call the classes of a scope."""
    if scope.class_id:
        return f"Lớp {classes[0].name}"
    return f"Khối {scope.grade}" if scope.grade else "Toàn trường"


def check(
    one: ClassSummary,
    sheets: Sequence[SheetSummary],
    progress: ClassProgress,
    standing: int,
    odd: int,
    gaps: Sequence[str],
    missing: Sequence[MissingSigner],
) -> ClassCheck:
    """What is known of a class.

    `standing`: versions that stand; `odd`: unexplained oddities in its sheets; `gaps`: in its pupils' records; `missing`:
    who of its teachers could not sign.
    """
    obstacles, doubts = [], []
    still_open = [sheet for sheet in sheets if sheet.state not in CLOSED]
    if still_open:
        obstacles.append(
            f"Còn {len(still_open)} sổ điểm chưa khóa, trong đó có {still_open[0].subject_name}."
        )
    if one.homeroom_teacher_id is None:
        obstacles.append("Lớp chưa có giáo viên chủ nhiệm.")
    unconfirmed = max(0, one.students - progress.confirmed)
    if unconfirmed:
        doubts.append(f"{unconfirmed} học sinh chưa được xác nhận kết quả nên chưa chốt được.")
    if odd:
        doubts.append(f"{odd} chỗ cần xem lại trong sổ điểm chưa được giải thích.")
    doubts += gaps
    unsigned = unsigned_words(missing) if one.homeroom_teacher_id else ""
    return ClassCheck(
        class_id=one.id,
        class_name=one.name,
        grade_level=one.grade_level,
        students=one.students,
        ready=max(0, progress.confirmed - progress.later - standing),
        frozen=standing,
        later=progress.later,
        unconfirmed=unconfirmed,
        obstacles=tuple(obstacles),
        unsigned=unsigned,
        doubts=tuple(doubts),
    )


def unsigned_words(missing: Sequence[MissingSigner]) -> str:
    """Who of a class could not sign today, in a sentence that names the first; empty where all can."""
    if not missing:
        return ""
    first = missing[0].words
    if len(missing) == 1:
        return f"{first} Học bạ sẽ chờ ở lượt ký ấy."
    return f"{len(missing)} lượt chưa ký được nên học bạ sẽ chờ ở đó. Lượt đầu: {first}"


def chosen(checks: Sequence[ClassCheck]) -> list[ClassCheck]:
    """The classes that a run would freeze. Raises Conflict when there is none."""
    found = [one for one in checks if one.ready and not one.obstacles]
    if not found:
        raise Conflict(
            "Chưa có học bạ nào chốt được: hãy khóa đủ sổ điểm và xác nhận kết quả của ít nhất một lớp trước."
        )
    return found
