"""The subject plan of a grade for everybody of the school, its changes for the management; electives and languages."""

import uuid
from collections import defaultdict

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.audit_words import detail_name
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.templates import vn_datetime
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    page,
    redirect,
    several,
    transaction,
    without_transaction,
)
from backend.records.planning import languages, rules, service
from backend.records.planning.schemas import NEW, PlanChange, SubjectPlanView, Wanted
from backend.records.plans.schemas import LANGUAGE_NAMES, Choice, may_have_topics
from backend.records.roster.curriculum import AssessedBy, Kind
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_READERS, _MANAGERS = requires(Permission.CLASSES_READ), requires(Permission.SCHOOL_MANAGE)
_GRADE = "/truong/nam-hoc/{year_id:uuid}/ke-hoach-mon/{grade:int}"
_SUBJECT = f"{_GRADE}/mon"
_ELECTIVES = "/lop/{class_id:uuid}/mon-lua-chon"
_LANGUAGES = "/lop/{class_id:uuid}/ngoai-ngu"


class SubjectForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided about a subject; a box that is not ticked is not sent. `buoc`: `xem` shows what would follow."""

    buoc: str = "xem"
    day: str = ""
    so_tiet: str = ""
    tinh: str = ""
    chuyen_de: str = ""
    ten: str = ""
    cach: str = ""
    lop: list[str] | str = ""
    phien_ban: int = 0
    csrf_token: str = ""

    @property
    def wanted(self) -> Wanted:
        """The same, as the service asks for it."""
        return Wanted(
            taught=bool(self.day),
            lessons=self.so_tiet,
            counts=bool(self.tinh),
            topics=bool(self.chuyen_de),
            name=self.ten,
            assessed_by=self.cach,
            classes=frozenset(several(self.lop)),
            revision=self.phien_ban,
        )


@get(_GRADE, guards=[_READERS])
async def show_grade_plan(
    request: Request, session: Session, year_id: FromPath[uuid.UUID], grade: FromPath[int]
) -> Html:
    """The subjects of a grade, and what was changed in them."""
    found = await service.grade_plan(session, year_id, grade)
    return page(
        request,
        "records/planning/grade.html",
        found=found,
        grade=grade,
        grades=await service.grades(session),
        kinds=rules.KIND_NAMES,
        modes=rules.MODE_NAMES,
        total=sum(one.subject.lessons_per_year for one in found.lines if one.subject.taught and one.classes),
        history=[_told(one) for one in await service.changes(session, year_id, grade)],
    )


@get(_SUBJECT, guards=[_MANAGERS])
async def show_subject_plan(
    request: Request,
    session: Session,
    year_id: FromPath[uuid.UUID],
    grade: FromPath[int],
    ma: FromQuery[str] = NEW,
) -> Html:
    """One subject, to be changed; or a new one of the school's own."""
    view = await service.subject_plan(session, year_id, grade, ma)
    return _subject(request, view, _as_it_is(view))


@post(_SUBJECT, guards=[_MANAGERS, without_transaction])
async def change_subject_plan(
    request: Request,
    actor: CurrentActor,
    year_id: FromPath[uuid.UUID],
    grade: FromPath[int],
    data: URLEncodedBody[SubjectForm],
    ma: FromQuery[str] = NEW,
) -> Html:
    """Show what would follow, then do it; or show the form again with one sentence."""
    try:
        async with transaction(request) as session:
            if data.buoc != "ghi":
                follows = await service.preview(session, year_id, grade, ma, data.wanted)
                view = await service.subject_plan(session, year_id, grade, ma)
                return _subject(request, view, data, follows=follows)
            name = await service.change(session, actor, year_id, grade, ma, data.wanted)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            view = await service.subject_plan(session, year_id, grade, ma)
        return _subject(request, view, data, error=error)
    back = f"/truong/nam-hoc/{year_id}/ke-hoach-mon/{grade}"
    return redirect(request, back, f"Đã lưu môn {name} của khối {grade}.")


@get(_ELECTIVES, guards=[_READERS])
async def show_electives(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Who in a class takes which elective and chuyên đề cluster."""
    return await _electives(request, session, actor, class_id)


@post(_ELECTIVES, guards=[_READERS, without_transaction])
async def choose_electives(request: Request, actor: CurrentActor, class_id: FromPath[uuid.UUID]) -> Html:
    """Save it, all or nothing; or show it as it is now, with one sentence."""
    sent = await request.form()
    ticked: dict[str, list[str]] = defaultdict(list)
    for name, value in sent.multi_items():
        ticked[name].append(str(value))
    people = [one.removeprefix("co.") for one in ticked if one.startswith("co.")]
    wanted = {one: _choice(ticked[f"hs.{one}"]) for one in people}
    try:
        async with transaction(request) as session:
            count = await service.choose(
                session, actor, class_id, _choice(ticked["lop"]), wanted, "".join(ticked["cu"])
            )
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _electives(request, session, actor, class_id, error)
    return redirect(
        request, f"/lop/{class_id}/mon-lua-chon", f"Đã lưu; lựa chọn của {count} học sinh thay đổi."
    )


async def _electives(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    class_id: uuid.UUID,
    error: AppError | None = None,
) -> Html:
    found = await service.class_electives(session, actor, class_id)
    return page(
        request,
        "records/planning/electives.html",
        status_code=error.status if error else 200,
        found=found,
        school_class=found.school_class,
        columns=[
            *[(f"m.{one.code}", one.name, "") for one in found.electives],
            *[(f"c.{one.code}", one.name, "Chuyên đề") for one in found.clusters],
        ],
        combination=_ticks(found.choices.combination),
        ticks={one.id: _ticks(found.choices.of(one.id)) for one in found.students},
        differing=found.choices.pupils,
        seen=service.as_seen(found.choices),
        error=error.message if error else None,
    )


@get(_LANGUAGES, guards=[_READERS])
async def show_languages(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Which language a class and its pupils learn as Ngoại ngữ 1 and 2."""
    return await _languages(request, session, actor, class_id)


@post(_LANGUAGES, guards=[_READERS, without_transaction])
async def choose_languages(request: Request, actor: CurrentActor, class_id: FromPath[uuid.UUID]) -> Html:
    """Save it, all or nothing; or show it as it is now, with one sentence."""
    typed: dict[str, dict[str, str]] = defaultdict(dict)
    for name, value in (await request.form()).items():
        whose, _, code = name.rpartition(".")
        typed[whose][code] = str(value)
    seen = typed[""].get("cu", "")
    whole = typed.pop("lop", {})
    pupils = {whose.removeprefix("hs."): said for whose, said in typed.items()}
    try:
        async with transaction(request) as session:
            count = await languages.choose_languages(session, actor, class_id, whole, pupils, seen)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _languages(request, session, actor, class_id, error)
    back = f"/lop/{class_id}/ngoai-ngu"
    return redirect(request, back, f"Đã lưu; thứ tiếng của {count} học sinh thay đổi.")


async def _languages(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    class_id: uuid.UUID,
    error: AppError | None = None,
) -> Html:
    found = await languages.class_languages(session, actor, class_id)
    return page(
        request,
        "records/planning/languages.html",
        status_code=error.status if error else 200,
        found=found,
        school_class=found.school_class,
        of_class=found.languages.of_class(),
        names=LANGUAGE_NAMES,
        seen=languages.as_seen(found.languages),
        error=error.message if error else None,
    )


def _ticks(choice: Choice) -> set[str]:
    return {f"m.{code}" for code in choice.electives} | {f"c.{code}" for code in choice.topics}


def _choice(ticks: list[str]) -> Choice:
    return Choice(
        frozenset(one[2:] for one in ticks if one.startswith("m.")),
        frozenset(one[2:] for one in ticks if one.startswith("c.")),
    )


def _subject(
    request: Request,
    view: SubjectPlanView,
    data: SubjectForm,
    *,
    follows: tuple[str, ...] | None = None,
    error: AppError | None = None,
) -> Html:
    subject = view.subject
    is_own = subject is None or subject.own
    return page(
        request,
        "records/planning/subject.html",
        status_code=error.status if error else 200,
        view=view,
        code=subject.code if subject else NEW,
        form_data=data,
        chosen=several(data.lop),
        is_own=is_own,
        is_compulsory=not is_own and subject is not None and subject.kind is Kind.COMPULSORY,
        is_optional=not is_own and subject is not None and subject.kind is Kind.OPTIONAL,
        has_topics=subject is not None and may_have_topics(subject),
        modes=[(mode.value, name) for mode, name in rules.MODE_NAMES.items()],
        mode_name=rules.MODE_NAMES[subject.assessed_by] if subject else "",
        classes=[(str(one.id), f"Lớp {one.name}") for one in view.facts.classes],
        most=rules.MOST_TIMES,
        follows=follows,
        error=error.message if error else None,
    )


def _as_it_is(view: SubjectPlanView) -> SubjectForm:
    subject = view.subject
    if subject is None:
        return SubjectForm(day="1", cach=AssessedBy.SCORE.value)
    return SubjectForm(
        day="1" if subject.taught else "",
        so_tiet=str(subject.lessons_per_year),
        tinh="1" if subject.counts else "",
        chuyen_de="1" if subject.topics else "",
        ten=subject.name,
        cach=subject.assessed_by.value,
        lop=[str(one.id) for one in view.facts.classes if one.id in view.facts.having],
        phien_ban=view.revision,
    )


def _told(change: PlanChange) -> dict[str, str]:
    parts = (f"{detail_name(name)}: {value}" for name, value in change.details.items() if value is not None)
    return {
        "title": change.label,
        "time": vn_datetime(change.at),
        "who": change.who,
        "text": "; ".join(parts),
        "icon": "notebook",
    }
