"""The two schools of the demo: classes, pupils, staff and who teaches what, all from one seed."""

import random
from typing import Final

import msgspec

from backend.records.roster.curriculum import GradeSubject, Kind, subjects_of
from infra.demo.people import Pupil, person, pupil

ACADEMIC_YEAR: Final = "2025-2026"
SEED: Final = 2026
PUPILS_OF_PRIMARY: Final = 847

_PRIMARY_CLASSES: Final = {1: 6, 2: 6, 3: 5, 4: 5, 5: 5}
_SECONDARY_SIZES: Final = (32, 31, 33, 32, 34, 32, 31, 33, 32, 30, 32, 33, 31, 32)
#: Four elective subjects for each class of grades 10–12 (TT13/2022).
_ELECTIVES: Final = {
    "10A1": ("LY", "HOA", "SINH", "TIN"),
    "10A2": ("DIA", "KTPL", "CN", "MT"),
    "11A1": ("LY", "HOA", "CN", "TIN"),
    "11A2": ("DIA", "KTPL", "SINH", "AN"),
    "12A1": ("LY", "HOA", "SINH", "TIN"),
    "12A2": ("DIA", "KTPL", "CN", "TIN"),
}
#: Primary subjects that have a teacher of their own; the homeroom teacher takes the rest.
_SPECIALISTS: Final = {"NN1": 9, "TH": 8, "CN": 8, "GDTC": 9, "AN": 14, "MT": 14}
#: Classes that one secondary teacher takes in a subject.
_CLASSES_PER_TEACHER: Final = 4
#: Subjects of the secondary department of sciences; the others belong to the other one.
_SCIENCES: Final = frozenset({"TOAN", "KHTN", "LY", "HOA", "SINH", "TIN", "CN", "GDTC", "QPAN"})
_HOMEROOM_SUBJECT: Final = "HDTNHN"


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """One person of a school. `roles` are those of `backend/tenants/permissions.py`; `email` is the sign-in.

    `homeroom_of` is a class code; `teaches` holds (class code, subject code).
    """

    email: str
    full_name: str
    gender: str
    title: str
    roles: tuple[str, ...]
    homeroom_of: str | None = None
    teaches: tuple[tuple[str, str], ...] = ()


class DemoClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class and the codes of the subjects it is taught, in the order of the forms."""

    code: str
    grade: int
    subjects: tuple[str, ...]
    pupils: int


class DemoDepartment(msgspec.Struct, frozen=True, kw_only=True):
    """A department (tổ chuyên môn): its name, the sign-in of its head and those of its members."""

    name: str
    head: str
    members: tuple[str, ...]


class DemoSchool(msgspec.Struct, frozen=True, kw_only=True):
    """A school as the demo sets it up. `key` is also the first label of its host name."""

    key: str
    name: str
    code: str
    tax_code: str
    levels: tuple[str, ...]
    province: str
    province_code: str
    ward: str
    department: str
    classes: tuple[DemoClass, ...]
    staff: tuple[Staff, ...]
    departments: tuple[DemoDepartment, ...]

    @property
    def signs_subjects(self) -> bool:
        """Whether subject teachers sign, as the product has it unless a school decides otherwise."""
        return "primary" not in self.levels


def primary_school(seed: int = SEED, scale: float = 1.0) -> DemoSchool:
    """Trường Tiểu học Tư thục Hoa Ban: 27 classes and 847 pupils at full scale."""
    sizes = _primary_sizes(scale)
    classes = tuple(
        DemoClass(
            code=code, grade=int(code[0]), subjects=_codes(_primary_subjects(int(code[0]))), pupils=size
        )
        for code, size in sizes.items()
    )
    staff, departments = _by_grade(_staff(seed, "hoaban", classes))
    return DemoSchool(
        key="hoaban",
        name="Trường Tiểu học Tư thục Hoa Ban",
        code="00000101",
        tax_code="0000000101",
        levels=("primary",),
        province="Sơn La",
        province_code="14",
        ward="phường Ban Trắng",
        department="Sở Giáo dục và Đào tạo Sơn La",
        classes=classes,
        staff=staff,
        departments=departments,
    )


def secondary_school(seed: int = SEED, scale: float = 1.0) -> DemoSchool:
    """Trường THCS và THPT Tư thục Sông Trăng: two classes in each of grades 6–12 at full scale."""
    codes = [f"{grade}A{n}" for grade in range(6, 13) for n in (1, 2)]
    sized = {code: _scaled(size, scale) for code, size in zip(codes, _SECONDARY_SIZES, strict=True)}
    classes = tuple(
        DemoClass(code=code, grade=int(code[:-2]), subjects=_codes(_secondary_subjects(code)), pupils=size)
        for code, size in sized.items()
        if scale >= 0.5 or code.endswith("1")
    )
    staff, departments = _by_subject(_staff(seed, "songtrang", classes))
    return DemoSchool(
        key="songtrang",
        name="Trường THCS và THPT Tư thục Sông Trăng",
        code="00000702",
        tax_code="0000000702",
        levels=("lower_secondary", "upper_secondary"),
        province="Cần Thơ",
        province_code="92",
        ward="phường Bến Trăng",
        department="Sở Giáo dục và Đào tạo Cần Thơ",
        classes=classes,
        staff=staff,
        departments=departments,
    )


def pupils_of(school: DemoSchool, seed: int = SEED) -> dict[str, tuple[Pupil, ...]]:
    """Class code → its pupils in the order of the register (by given name)."""
    rng = random.Random(f"{seed}:{school.key}:pupils")
    found: dict[str, tuple[Pupil, ...]] = {}
    serial = 0
    for one in school.classes:
        members = []
        for _ in range(one.pupils):
            serial += 1
            code = f"99{school.code[-3:]}{serial:05d}"
            members.append(
                pupil(
                    rng,
                    class_code=one.code,
                    grade=one.grade,
                    student_code=code,
                    serial=serial,
                    ward=school.ward,
                )
            )
        found[one.code] = tuple(sorted(members, key=_by_given_name))
    return found


def _by_given_name(one: Pupil) -> tuple[str, str]:
    return one.full_name.rpartition(" ")[2], one.student_code


def _primary_sizes(scale: float) -> dict[str, int]:
    codes = [
        f"{grade}{chr(ord('A') + n)}"
        for grade, count in _PRIMARY_CLASSES.items()
        for n in range(max(1, round(count * scale)))
    ]
    total = (
        max(len(codes) * 4, round(PUPILS_OF_PRIMARY * scale * len(codes) / 27))
        if scale < 1
        else PUPILS_OF_PRIMARY
    )
    share, rest = divmod(total, len(codes))
    return {code: share + (1 if n < rest else 0) for n, code in enumerate(codes)}


def _scaled(size: int, scale: float) -> int:
    return size if scale >= 1 else max(4, round(size * scale))


def _primary_subjects(grade: int) -> list[GradeSubject]:
    """All of the programme but the language of an ethnic minority, which this school does not teach."""
    return [subject for subject in subjects_of(grade) if subject.code != "TDTTS"]


def _secondary_subjects(class_code: str) -> list[GradeSubject]:
    chosen = _ELECTIVES.get(class_code, ())
    grade = int(class_code[:-2])
    return [one for one in subjects_of(grade) if one.kind is Kind.COMPULSORY or one.code in chosen]


def _codes(subjects: list[GradeSubject]) -> tuple[str, ...]:
    return tuple(subject.code for subject in subjects)


def _staff(seed: int, key: str, classes: tuple[DemoClass, ...]) -> tuple[Staff, ...]:
    rng = random.Random(f"{seed}:{key}:staff")
    primary = key == "hoaban"
    teachers = _specialists(rng, key, classes) if primary else _subject_teachers(rng, key, classes)
    return (
        _one(rng, key, "chusohuu", "Chủ tịch Hội đồng trường", ("owner",)),
        _one(rng, key, "hieutruong", "Hiệu trưởng", ("principal",)),
        _one(
            rng,
            key,
            "phohieutruong",
            "Phó Hiệu trưởng",
            ("deputy_principal", "subject_teacher"),
            teaches=_deputy_lessons(classes),
        ),
        _one(rng, key, "vanthu", "Nhân viên văn thư", ("clerk",)),
        _one(rng, key, "cntt", "Giáo viên phụ trách công nghệ thông tin", ("it_teacher",)),
        *(_homeroom(rng, key, one, primary) for one in classes),
        *teachers,
    )


def _by_grade(staff: tuple[Staff, ...]) -> tuple[tuple[Staff, ...], tuple[DemoDepartment, ...]]:
    """A department for the homeroom teachers of each grade; who teaches one subject belongs to none."""
    groups: dict[str, list[Staff]] = {}
    for one in staff:
        if one.homeroom_of:
            groups.setdefault(f"Tổ khối {one.homeroom_of[0]}", []).append(one)
    return _headed(staff, groups)


def _by_subject(staff: tuple[Staff, ...]) -> tuple[tuple[Staff, ...], tuple[DemoDepartment, ...]]:
    """Two departments, by what their people teach."""
    groups: dict[str, list[Staff]] = {}
    for one in staff:
        subjects = {subject for _, subject in one.teaches}
        if subjects:
            name = "Tổ Khoa học tự nhiên" if subjects & _SCIENCES else "Tổ Khoa học xã hội"
            groups.setdefault(name, []).append(one)
    return _headed(staff, groups)


def _headed(
    staff: tuple[Staff, ...], groups: dict[str, list[Staff]]
) -> tuple[tuple[Staff, ...], tuple[DemoDepartment, ...]]:
    """The first subject or homeroom teacher of each group heads it."""
    heads = {
        name: next(one for one in members if "deputy_principal" not in one.roles)
        for name, members in groups.items()
    }
    leading = {one.email for one in heads.values()}
    promoted = tuple(
        msgspec.structs.replace(one, roles=(*one.roles, "department_head")) if one.email in leading else one
        for one in staff
    )
    return promoted, tuple(
        DemoDepartment(name=name, head=heads[name].email, members=tuple(member.email for member in members))
        for name, members in groups.items()
    )


def _one(
    rng: random.Random,
    key: str,
    login: str,
    title: str,
    roles: tuple[str, ...],
    *,
    homeroom_of: str | None = None,
    teaches: tuple[tuple[str, str], ...] = (),
) -> Staff:
    who = person(rng)
    return Staff(
        email=f"{login}@{key}.hocba.test",
        full_name=who.full_name,
        gender=who.gender,
        title=title,
        roles=roles,
        homeroom_of=homeroom_of,
        teaches=teaches,
    )


def _homeroom(rng: random.Random, key: str, one: DemoClass, primary: bool) -> Staff:
    taken = {*_SPECIALISTS} | {code for _, code in _deputy_lessons((one,))}
    own = [code for code in one.subjects if code not in taken] if primary else [_HOMEROOM_SUBJECT]
    return _one(
        rng,
        key,
        f"gvcn.{one.code.lower()}",
        f"Giáo viên chủ nhiệm lớp {one.code}",
        ("homeroom_teacher", "subject_teacher"),
        homeroom_of=one.code,
        teaches=tuple((one.code, code) for code in own),
    )


def _deputy_lessons(classes: tuple[DemoClass, ...]) -> tuple[tuple[str, str], ...]:
    """A deputy head teaches a few lessons: Đạo đức in 5A, local education in 12A1."""
    wanted = (("5A", "DD"), ("12A1", "GDDP"))
    return tuple(pair for pair in wanted if any(pair[0] == one.code for one in classes))


def _specialists(rng: random.Random, key: str, classes: tuple[DemoClass, ...]) -> list[Staff]:
    staff = []
    for subject, per_teacher in _SPECIALISTS.items():
        taught = [(one.code, subject) for one in classes if subject in one.subjects]
        for n, start in enumerate(range(0, len(taught), per_teacher), 1):
            share = tuple(taught[start : start + per_teacher])
            staff.append(_teacher(rng, key, subject, n, share, grade=5))
    return staff


def _subject_teachers(rng: random.Random, key: str, classes: tuple[DemoClass, ...]) -> list[Staff]:
    reserved = set(_deputy_lessons(classes))
    lessons: dict[str, list[tuple[str, str]]] = {}
    for one in classes:
        for code in one.subjects:
            if code != _HOMEROOM_SUBJECT and (one.code, code) not in reserved:
                lessons.setdefault(code, []).append((one.code, code))
    staff = []
    for subject, taught in lessons.items():
        for n, start in enumerate(range(0, len(taught), _CLASSES_PER_TEACHER), 1):
            share = tuple(taught[start : start + _CLASSES_PER_TEACHER])
            grade = next(one.grade for one in classes if one.code == share[0][0])
            staff.append(_teacher(rng, key, subject, n, share, grade))
    return staff


def _teacher(
    rng: random.Random, key: str, subject: str, n: int, share: tuple[tuple[str, str], ...], grade: int
) -> Staff:
    name = next(one.name for one in subjects_of(grade) if one.code == subject)
    return _one(
        rng,
        key,
        f"gv.{subject.lower()}{n}",
        f"Giáo viên {name}",
        ("subject_teacher",),
        teaches=share,
    )
