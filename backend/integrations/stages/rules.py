"""What each stage says of some classes. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from backend.core.actor import Actor
from backend.core.errors import Forbidden
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.stages.schemas import STAGE_NAMES, Stage, StageView
from backend.records.freezes.schemas import CheckList
from backend.tenants.permissions import Permission

#: Who may set a stage going: whoever has stopped work done again, and of what is submitted whoever sends it again.
PRESSED_BY = {
    Stage.FREEZE: frozenset({Permission.TRANSCRIPT_FREEZE}),
    Stage.RENDER: frozenset({Permission.WORK_RESUME}),
    Stage.SIGN: frozenset({Permission.WORK_RESUME}),
    Stage.ISSUE: frozenset({Permission.WORK_RESUME}),
    Stage.SUBMIT: frozenset({Permission.WORK_RESUME, Permission.DELIVERY_RETRY}),
}
#: Classes and people that a note names; the others are counted.
NAMED = 5


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Of one stage: transcripts that are through it, ready for it, why some of these stopped, what else is to be said."""

    done: int
    ready: int
    told: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def may_press(actor: Actor, stage: Stage) -> bool:
    """Whether somebody may set a stage going."""
    return any(actor.may(one) for one in PRESSED_BY[stage])


def require_may_press(actor: Actor, stage: Stage) -> None:
    """Raises Forbidden."""
    if not may_press(actor, stage):
        raise Forbidden(f"{STAGE_NAMES[stage]}: bạn không có quyền cho chạy chặng này; hãy báo hiệu trưởng.")


def view(actor: Actor, stage: Stage, total: int, count: Count) -> StageView:
    """A stage as somebody sees it: the reasons of what stopped first, each once with how many it holds up."""
    reasons = Counter(count.told)
    held = tuple(f"{number} học bạ dừng lại: {words}" for words, number in reasons.most_common(NAMED))
    return StageView(
        stage=stage,
        done=count.done,
        total=total,
        ready=count.ready,
        stopped=len(count.told),
        notes=held + count.notes,
        may_press=may_press(actor, stage),
    )


def freeze_count(check: CheckList) -> Count:
    """What the check list before the freeze comes to; its page says the rest."""
    held = [one for one in check.classes if one.obstacles]
    unconfirmed = sum(one.unconfirmed for one in check.classes)
    later = sum(one.later for one in check.classes)
    notes = [f"Lớp {one.class_name}: {one.obstacles[0]}" for one in held[:NAMED]]
    if len(held) > NAMED:
        notes.append(f"Còn {len(held) - NAMED} lớp khác chưa chốt được.")
    if unconfirmed:
        notes.append(f"{unconfirmed} học sinh chưa được xác nhận kết quả.")
    if later:
        notes.append(f"{later} học sinh chờ kết quả sau hè.")
    return Count(done=sum(one.frozen for one in check.classes), ready=check.ready, notes=tuple(notes))


def unsigned_notes(check: CheckList) -> tuple[str, ...]:
    """Whether head and seal could sign, and in which classes a teacher could not."""
    named = [f"Lớp {one.class_name}: {one.unsigned}" for one in check.classes if one.unsigned]
    if len(named) > NAMED:
        named[NAMED:] = [f"Còn {len(named) - NAMED} lớp khác có giáo viên chưa ký được."]
    return (*check.doubts, *named)


def signer_notes(turns: Iterable[str], declined: int, held: int) -> tuple[str, ...]:
    """Whose signatures are missing (`turns`: a name per document), and what waits for a decision."""
    waiting = Counter(turns)
    notes = []
    if waiting:
        named = ", ".join(f"{name} ({number})" for name, number in waiting.most_common(NAMED))
        more = len(waiting) - NAMED
        notes.append(f"Còn chờ chữ ký: {named}{f' và {more} người khác' if more > 0 else ''}.")
    if declined:
        notes.append(f"{declined} học bạ bị từ chối ký; hãy xem ở trang Khay ký, mục Đã từ chối.")
    if held:
        notes.append(f"{held} học bạ nằm trong lần ký chưa rõ kết quả; hãy xem ở trang Việc đang dừng.")
    return tuple(notes)


def submit_count(
    issued: int, states: Mapping[DeliveryState, int], told: Sequence[str], notes: tuple[str, ...]
) -> Count:
    """How the deliveries of issued transcripts stand. `told`: why some stopped; `notes`: what keeps all of them back."""
    arrived = states.get(DeliveryState.ACCEPTED, 0) + states.get(DeliveryState.RECEIVED, 0)
    rejected = states.get(DeliveryState.REJECTED, 0)
    if rejected:
        notes += (f"Sở từ chối {rejected} học bạ; hãy xem nguyên nhân ở trang Gửi dữ liệu.",)
    return Count(done=arrived, ready=issued - arrived - rejected, told=tuple(told), notes=notes)
