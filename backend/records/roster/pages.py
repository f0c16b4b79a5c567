"""School years, classes, and pupils: found, shown, corrected, added, and given the Ministry's code."""

import uuid
from collections import Counter
from urllib.parse import urlencode

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core import clock
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.text import masked
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    fragment,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.records.roster import records, rules, service
from backend.records.roster.schemas import STATUS_NAMES, PupilRecord, StudentStatus, Wanted
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import GRADES

ROOT = "/hoc-sinh"
_READS, _WRITES = requires(Permission.PUPILS_READ), requires(Permission.PUPILS_WRITE)
#: Fields of the form, by part of the record.
GROUPS = (
    ("Theo giấy khai sinh", ("full_name", "date_of_birth", "gender", "ethnicity", "birth_place", "hometown")),
    ("Định danh", ("personal_id", "identity_verified_on", "lifelong_code")),
    ("Quốc tịch", ("nationality", "passport_kind", "passport_number")),
    ("Nơi ở", ("permanent_address", "current_address")),
    (
        "Cha, mẹ, người giám hộ",
        ("father_name", "father_job", "mother_name", "mother_job", "guardian_name", "guardian_job"),
    ),
    ("Chính sách và khuyết tật", ("policy_group", "disability", "individual_plan", "not_assessed")),
)


class YearForm(msgspec.Struct, frozen=True, kw_only=True):
    """First and last day of a school year."""

    tu_ngay: str = ""
    den_ngay: str = ""
    csrf_token: str = ""


@get("/truong/nam-hoc", guards=[requires(Permission.CLASSES_READ)])
async def show_years(request: Request, session: Session) -> Html:
    """The school years, for everybody; and the form that opens another, for the management."""
    return await _years(request, session, YearForm())


@post("/truong/nam-hoc", guards=[requires(Permission.SCHOOL_MANAGE)])
async def open_year(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[YearForm]
) -> Html:
    """Open a school year, or show the form again with one sentence."""
    try:
        name = await service.plan_year(session, actor, data.tu_ngay, data.den_ngay)
    except (Invalid, Conflict) as error:
        return await _years(request, session, data, error)
    return redirect(request, "/truong/nam-hoc", f"Đã mở năm học {name}.")


async def _years(request: Request, session: Session, data: YearForm, error: AppError | None = None) -> Html:
    years = await service.list_years(session)
    current = rules.working_year(years, clock.today())
    classes = Counter(one.academic_year_id for one in await service.list_classes(session))
    levels = (await schools.get_school(session)).levels
    return page(
        request,
        "records/roster/years.html",
        status_code=error.status if error else 200,
        years=years,
        current=current,
        classes=classes,
        first_grade=min(grade for level in levels for grade in GRADES[level]),
        form_data=data,
        error=error.message if error else None,
    )


@get("/lop", guards=[requires(Permission.CLASSES_READ)])
async def show_classes(
    request: Request,
    session: Session,
    actor: CurrentActor,
    khoi: FromQuery[int | None] = None,
    nam: FromQuery[str] = "",
) -> Html:
    """Classes of the year that the school works in, or of another; all, or those of one grade; the actor's own first."""
    all_classes = await service.list_classes(session)
    years = [
        one
        for one in await service.list_years(session)
        if one.id in {school_class.academic_year_id for school_class in all_classes}
    ]
    year = next((one for one in years if one.name == nam), rules.working_year(years, clock.today()))
    classes = [one for one in all_classes if year and one.academic_year_id == year.id]
    grades = Counter(one.grade_level for one in classes)
    grade = khoi if khoi in grades else None
    ids = [one.id for one in classes]
    return page(
        request,
        "records/roster/classes.html",
        classes=[one for one in classes if grade in (None, one.grade_level)],
        all_classes=classes,
        years=years,
        year=year,
        grades=dict(sorted(grades.items())),
        grade=grade,
        own=[one for one in classes if one.homeroom_teacher_id == actor.staff_id],
        opened=await service.open_to(session, actor, ids, *service.PUPILS_EVERYWHERE),
    )


@get("/lop/{class_id:uuid}", guards=[requires(Permission.CLASSES_READ)])
async def show_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """One class: its pupils."""
    school_class, students = await records.open_class_list(session, actor, class_id)
    return page(request, "records/roster/class.html", school_class=school_class, students=students)


class PupilForm(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it is typed; days as a browser sends them, "1" is yes. `revision` is what the writer saw."""

    student_code: str = ""
    full_name: str = ""
    date_of_birth: str = ""
    gender: str = ""
    ethnicity: str = ""
    birth_place: str = ""
    hometown: str = ""
    personal_id: str = ""
    identity_verified_on: str = ""
    lifelong_code: str = ""
    nationality: str = ""
    passport_kind: str = ""
    passport_number: str = ""
    permanent_address: str = ""
    current_address: str = ""
    father_name: str = ""
    father_job: str = ""
    mother_name: str = ""
    mother_job: str = ""
    guardian_name: str = ""
    guardian_job: str = ""
    policy_group: str = ""
    disability: str = ""
    individual_plan: str = ""
    not_assessed: str = ""
    revision: int = 0


class CodeForm(msgspec.Struct, frozen=True, kw_only=True):
    """The Ministry's code of a pupil."""

    ma: str = ""


@get(ROOT, guards=[_READS])
async def show_pupils(
    request: Request,
    session: Session,
    actor: CurrentActor,
    tim: FromQuery[str] = "",
    lop: FromQuery[str] = "",
    trang_thai: FromQuery[str] = "",
    trang: FromQuery[int] = 1,
) -> Html:
    """Pupils by a few letters of their name, by code or the end of a number, by class and status."""
    classes = await service.list_classes_of_newest_year(session)
    here = next((one for one in classes if str(one.id) == lop), None)
    status = StudentStatus(trang_thai) if trang_thai in set(StudentStatus) else None
    wanted = Wanted(
        words=tim[:100], class_id=here.id if here else None, status=status, page=min(max(1, trang), 10_000)
    )
    kept = {"tim": wanted.words, "lop": here.id if here else "", "trang_thai": status or ""}
    return page(
        request,
        "records/roster/pupils.html",
        found=await records.search(session, actor, wanted),
        wanted=wanted,
        classes=[("", "Tất cả các lớp"), *((one.id, f"Lớp {one.name}") for one in classes)],
        statuses=[("", "Mọi trạng thái"), *STATUS_NAMES.items()],
        names=STATUS_NAMES,
        masked=masked,
        url=f"{ROOT}?{urlencode({name: value for name, value in kept.items() if value})}&trang={{page}}",
    )


@get(f"{ROOT}/them", guards=[_WRITES])
async def show_new_pupil(request: Request) -> Html:
    """The empty form of a record."""
    return _form(request, None, PupilForm(nationality="Việt Nam"))


@post(f"{ROOT}/them", guards=[_WRITES, without_transaction])
async def add_pupil(request: Request, actor: CurrentActor, data: URLEncodedBody[PupilForm]) -> Html:
    """A new record; then the class. Or the form again with one sentence."""
    try:
        async with transaction(request) as session:
            student_id = await records.add_pupil(session, actor, _typed(data))
    except (Invalid, Conflict) as error:
        return _form(request, None, data, error)
    return redirect(request, f"{ROOT}/{student_id}", "Đã thêm hồ sơ. Việc tiếp theo: xếp học sinh vào lớp.")


@get(f"{ROOT}/{{student_id:uuid}}", guards=[_READS])
async def show_pupil(
    request: Request, session: Session, actor: CurrentActor, student_id: FromPath[uuid.UUID]
) -> Html:
    """One record: who the pupil is, where they have studied here, and what was corrected."""
    return await _record(request, session, actor, student_id)


@post(f"{ROOT}/{{student_id:uuid}}/so-dinh-danh", guards=[_READS], status_code=200)
async def show_number(
    request: Request, session: Session, actor: CurrentActor, student_id: FromPath[uuid.UUID]
) -> Html:
    """The personal number in full, in the place of its last digits."""
    number = await records.show_number(session, actor, student_id)
    return fragment(request, "records/roster/_number.html", number=number, is_masked=False, path="")


@get(f"{ROOT}/{{student_id:uuid}}/sua", guards=[_WRITES])
async def show_correction(
    request: Request, session: Session, actor: CurrentActor, student_id: FromPath[uuid.UUID]
) -> Html:
    """The record as a form; numbers stand in it in full, which is recorded as such."""
    record = await records.open_for_correction(session, actor, student_id)
    return _form(request, record, _filled(record))


@post(f"{ROOT}/{{student_id:uuid}}/sua", guards=[_WRITES, without_transaction])
async def change_pupil(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], data: URLEncodedBody[PupilForm]
) -> Html:
    """Save it; or the form again: as it was typed, or as somebody else has saved it meanwhile."""
    try:
        async with transaction(request) as session:
            count = await records.change_pupil(session, actor, student_id, _typed(data), data.revision)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            record = await records.open_for_correction(session, actor, student_id)
        overtaken = record.revision != data.revision
        return _form(request, record, _filled(record) if overtaken else data, error)
    said = f"Đã sửa {count} mục trong hồ sơ." if count else "Không có mục nào khác trước; hồ sơ giữ nguyên."
    return redirect(request, f"{ROOT}/{student_id}", said)


@post(f"{ROOT}/{{student_id:uuid}}/ma", guards=[_WRITES, without_transaction])
async def match_code(
    request: Request, actor: CurrentActor, student_id: FromPath[uuid.UUID], data: URLEncodedBody[CodeForm]
) -> Html:
    """Put the Ministry's code in the place of a temporary one."""
    try:
        async with transaction(request) as session:
            kept = await records.match_code(session, actor, student_id, data.ma)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _record(request, session, actor, student_id, error)
    said = "Đã ghi mã chính thức." if kept == student_id else "Đã ghép vào hồ sơ mang mã chính thức."
    return redirect(request, f"{ROOT}/{kept}", f"{said} Điểm, kết quả và học bạ giữ nguyên.")


async def _record(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    student_id: uuid.UUID,
    error: AppError | None = None,
) -> Html:
    record = await records.open_record(session, actor, student_id)
    shown = [
        (title, [(rules.LABELS[name], rules.shown(name, getattr(record, name))) for name in names])
        for title, names in GROUPS
    ]
    return page(
        request,
        "records/roster/pupil.html",
        status_code=error.status if error else 200,
        record=record,
        groups=shown,
        number=masked(record.personal_id or ""),
        places=await service.places_of(session, student_id),
        earlier=await service.earlier_years(session, student_id),
        history=await records.history(session, student_id),
        names=STATUS_NAMES,
        error=error.message if error else None,
    )


def _form(
    request: Request, record: PupilRecord | None, typed: PupilForm, error: AppError | None = None
) -> Html:
    return page(
        request,
        "records/roster/pupil_form.html",
        status_code=error.status if error else 200,
        record=record,
        typed=msgspec.structs.asdict(typed),
        groups=GROUPS,
        labels=rules.LABELS,
        days=rules.FORM_DAYS,
        flags=rules.FORM_FLAGS,
        genders=[("", "Chưa ghi"), *rules.GENDERS.items()],
        error=error.message if error else None,
    )


def _typed(form: PupilForm) -> dict[str, str]:
    return {name: str(value) for name, value in msgspec.structs.asdict(form).items()}


def _filled(record: PupilRecord) -> PupilForm:
    known = {name: getattr(record, name) for name in (*rules.FORM_TEXTS, *rules.FORM_DAYS)}
    said = {name: str(value) if value is not None else "" for name, value in known.items()}
    said |= {name: "1" if getattr(record, name) else "" for name in rules.FORM_FLAGS}
    return PupilForm(**said, revision=record.revision)
