"""Snapshots of invented pupils, one per form. `with_changes` replaces fields by dotted path."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec

from backend.records.transcripts.schemas import (
    AssessedBy,
    Conduct,
    Correction,
    Gender,
    Learning,
    Level,
    PrimaryResults,
    PrimarySubject,
    Promotion,
    School,
    SchoolLevel,
    SecondaryResults,
    SecondarySubject,
    Signer,
    SignerRole,
    Snapshot,
    Student,
    StudyPeriod,
    SubjectLevel,
    Trait,
    TraitGroup,
    TraitLevel,
    Year,
    YearLevel,
)
from tests.factories.snapshot_rows import LOWER_SUBJECTS, PRIMARY_SUBJECTS, TRAITS, UPPER_SUBJECTS

HOA_BAN = School(
    name="Trường Tiểu học Tư thục Hoa Ban",
    code="01000471",
    province="Thành phố Hà Nội",
    ward="Phường Hà Đông",
    tax_code="0109990001",
)
SONG_TRANG = School(
    name="Trường THCS và THPT Tư thục Sông Trăng",
    code="37000812",
    province="Tỉnh Ninh Bình",
    ward="Xã Xuân Trường",
    tax_code="0609990002",
)


CORRECTIONS = tuple(
    Correction(
        what=what,
        old=old,
        new=new,
        subject=subject,
        by="Nghiêm Thế Khải",
        at=datetime(2026, 5, 29, 1, 30, tzinfo=UTC),
        why="Nhập nhầm điểm học kì II; thiếu tên mẹ theo giấy khai sinh",
    )
    for what, old, new, subject in (
        ("Toán: học kì II", "4,1", "4,2", "Toán"),
        ("Họ và tên mẹ", "", "Bùi Thị Lan Hương", None),
    )
)


def primary_snapshot(**changes: Any) -> Snapshot:
    """Grade 4 of the primary school: 12 subjects, 15 traits, Hoàn thành."""
    results = PrimaryResults(
        subjects=tuple(
            PrimarySubject(code=c, name=n, level=SubjectLevel(lv), test_mark=m, comment=text)
            for c, n, lv, m, text in PRIMARY_SUBJECTS
        ),
        traits=tuple(
            Trait(code=c, name=n, group=TraitGroup(g), level=TraitLevel(lv), comment=text)
            for c, n, g, lv, text in TRAITS
        ),
        year_level=YearLevel.COMPLETED,
        promotion=Promotion.PROMOTED,
        class_completed=True,
        programme_completed=False,
        completion="Hoàn thành chương trình lớp 4; được lên lớp 5.",
        award="Khen thưởng đột xuất: Giải Ba cuộc thi Kể chuyện theo sách cấp trường.",
    )
    student = Student(
        student_code="0113524876",
        personal_id="001316012345",
        full_name="Lường Thị Ngọc Ánh",
        date_of_birth=date(2016, 9, 3),
        gender=Gender.FEMALE,
        ethnicity="Thái",
        nationality="Việt Nam",
        birth_place="Bệnh viện Đa khoa tỉnh Sơn La, tỉnh Sơn La",
        hometown="Xã Chiềng Mung, tỉnh Sơn La",
        current_address="Số 12, ngõ 45, đường Tô Hiệu, phường Hà Đông, thành phố Hà Nội",
        father_name="Lường Văn Quỳnh",
        mother_name="Quàng Thị Hưởng",
    )
    year = Year(
        academic_year="2025-2026",
        grade_level=4,
        class_name="4A3",
        height_cm="136.5",
        weight_kg="31",
        health="Bình thường",
        absences_excused=2,
        absences_unexcused=0,
        results=results,
        homeroom_comment="Ngoan, hòa đồng; chăm chỉ hơn ở môn Toán.",
    )
    history = (
        StudyPeriod(
            academic_year="2022-2023",
            class_name="1A3",
            school_name=HOA_BAN.name,
            registry_no="2022/118",
            joined_on=date(2022, 9, 5),
        ),
        StudyPeriod(
            academic_year="2023-2024", class_name="2A3", school_name=HOA_BAN.name, registry_no="2022/118"
        ),
        StudyPeriod(
            academic_year="2024-2025", class_name="3A3", school_name=HOA_BAN.name, registry_no="2022/118"
        ),
        StudyPeriod(
            academic_year="2025-2026", class_name="4A3", school_name=HOA_BAN.name, registry_no="2022/118"
        ),
    )
    return _snapshot(
        SchoolLevel.PRIMARY,
        HOA_BAN,
        student,
        history,
        year,
        ("Tòng Thị Bích Hảo", "Kiều Quang Vinh"),
        changes,
    )


def lower_secondary_snapshot(**changes: Any) -> Snapshot:
    """Grade 8: one subject re-assessed in summer, corrections noted."""
    subjects = _secondary_subjects(LOWER_SUBJECTS, reassessed={"TOAN": "5.5"})
    results = SecondaryResults(
        subjects=subjects,
        conduct=Conduct(term1=Level.GOOD, term2=Level.GOOD, year=Level.GOOD),
        learning=Learning(
            term1=Level.GOOD, term2=Level.ACHIEVED, year=Level.ACHIEVED, after_reassessment=Level.FAIR
        ),
        promotion=Promotion.PROMOTED,
        completion="Được lên lớp 9.",
        competitions=("Giải Khuyến khích Hội khỏe Phù Đổng cấp tỉnh, môn Cầu lông",),
    )
    year = Year(
        academic_year="2025-2026",
        grade_level=8,
        class_name="8A2",
        absences_excused=3,
        absences_unexcused=1,
        results=results,
        homeroom_comment="Lễ phép, có tinh thần tập thể; đã cố gắng ôn tập môn Toán trong hè, tiến bộ rõ.",
        principal_comment="Đồng ý với nhận xét của giáo viên chủ nhiệm. Được lên lớp 9.",
    )
    changes = {"correction_count": 2, "corrected_subjects": ("Toán",), "corrections": CORRECTIONS} | changes
    history = tuple(_period(grade, 2018 + grade - 1, "A2") for grade in (6, 7, 8))
    return _snapshot(
        SchoolLevel.LOWER_SECONDARY,
        SONG_TRANG,
        _teenager(),
        history,
        year,
        ("Đinh Thị Hoài Thu", "Nghiêm Thế Khải"),
        changes,
    )


def signed_by_teachers(snapshot: Snapshot, *codes: str) -> Snapshot:
    """The same, in which the teachers of these subjects are to sign."""
    results = snapshot.year.results
    assert isinstance(results, SecondaryResults)
    subjects = tuple(
        msgspec.structs.replace(one, teacher_signs=True) if one.code in codes else one
        for one in results.subjects
    )
    changed = msgspec.structs.replace(results, subjects=subjects)
    return msgspec.structs.replace(snapshot, year=msgspec.structs.replace(snapshot.year, results=changed))


def upper_secondary_snapshot(**changes: Any) -> Snapshot:
    """Grade 12, the last class: 14 subjects (one not taken), title, certificates, a guardian."""
    results = SecondaryResults(
        subjects=_secondary_subjects(UPPER_SUBJECTS, reassessed={}),
        conduct=Conduct(term1=Level.GOOD, term2=Level.GOOD, year=Level.GOOD),
        learning=Learning(term1=Level.GOOD, term2=Level.GOOD, year=Level.GOOD),
        promotion=Promotion.PROMOTED,
        completion="Hoàn thành chương trình trung học phổ thông.",
        programme_completed=True,
        award="Học sinh Xuất sắc",
        certificates=("Chứng chỉ IELTS 7.0 (12/2025)", "Chứng chỉ nghề phổ thông, loại Giỏi"),
        competitions=("Giải Nhì kì thi chọn học sinh giỏi cấp tỉnh, môn Tin học",),
    )
    year = Year(
        academic_year="2025-2026",
        grade_level=12,
        class_name="12A1",
        absences_excused=1,
        absences_unexcused=0,
        results=results,
        homeroom_comment="Gương mẫu, có năng lực tự học và tinh thần giúp đỡ bạn bè.",
        principal_comment="Đồng ý với nhận xét của giáo viên chủ nhiệm.",
    )
    student = msgspec.structs.replace(
        _teenager(),
        student_code="3712004417",
        personal_id=None,
        full_name="Y Ƀlê Niê Kđăm",
        date_of_birth=date(2008, 2, 29),
        ethnicity="Ê-đê",
        father_name=None,
        father_job=None,
        mother_name=None,
        mother_job=None,
        guardian_name="H’ Ƀlŭn Niê",
    )
    history = tuple(_period(grade, 2013 + grade, "A1") for grade in (10, 11, 12))
    return _snapshot(
        SchoolLevel.UPPER_SECONDARY,
        SONG_TRANG,
        student,
        history,
        year,
        ("Cao Thị Minh Hằng", "Nghiêm Thế Khải"),
        changes,
    )


def with_changes(snapshot: Snapshot, changes: dict[str, Any]) -> Snapshot:
    """A copy with some fields replaced: {"student.full_name": "…", "year.results.subjects.0.name": "…"}."""
    raw = msgspec.to_builtins(snapshot)
    for path, value in changes.items():
        *parents, leaf = path.split(".")
        target: Any = raw
        for step in parents:
            target = target[int(step)] if step.isdigit() else target[step]
        target[leaf] = value
    return msgspec.convert(raw, Snapshot)


def all_snapshots() -> dict[str, Snapshot]:
    """One snapshot per form, by level."""
    made = (primary_snapshot(), lower_secondary_snapshot(), upper_secondary_snapshot())
    return {snapshot.level.value: snapshot for snapshot in made}


def _teenager() -> Student:
    return Student(
        student_code="3712009931",
        personal_id="037212006789",
        full_name="Nguyễn Phúc Hoàng Long",
        date_of_birth=date(2012, 11, 20),
        gender=Gender.MALE,
        ethnicity="Kinh",
        nationality="Việt Nam",
        birth_place="Xã Xuân Trường, tỉnh Ninh Bình",
        hometown="Xã Giao Thủy, tỉnh Ninh Bình",
        current_address="Xóm 5, xã Xuân Trường, tỉnh Ninh Bình",
        father_name="Nguyễn Phúc Thịnh",
        father_job="Kĩ sư",
        mother_name="Bùi Thị Lan Hương",
        mother_job="Dược sĩ",
    )


def _period(grade: int, start: int, suffix: str) -> StudyPeriod:
    return StudyPeriod(
        academic_year=f"{start}-{start + 1}",
        class_name=f"{grade}{suffix}",
        school_name=SONG_TRANG.name,
        registry_no="2023/041",
        joined_on=date(start, 9, 5) if suffix == "A2" and grade == 6 else None,
    )


def _secondary_subjects(
    rows: tuple[tuple[Any, ...], ...], reassessed: dict[str, str]
) -> tuple[SecondarySubject, ...]:
    return tuple(
        SecondarySubject(
            code=code,
            name=name,
            assessed_by=AssessedBy.COMMENT if term1 == "Đ" else AssessedBy.SCORE,
            term1=term1,
            term2=term2,
            year=year,
            reassessed=reassessed.get(code),
            comment=comment,
            teacher_name=teacher,
        )
        for code, name, term1, term2, year, comment, teacher in rows
    )


def _snapshot(
    level: SchoolLevel,
    school: School,
    student: Student,
    history: tuple[StudyPeriod, ...],
    year: Year,
    people: tuple[str, str],
    changes: dict[str, Any],
) -> Snapshot:
    homeroom, principal = people
    code = "7f3c0a52d1e84b6f9a20c4d85be6713e"
    snapshot = Snapshot(
        level=level,
        school=school,
        student=student,
        study_history=history,
        year=year,
        lookup_code=code,
        version=1,
        issue_place=school.province.removeprefix("Thành phố ").removeprefix("Tỉnh "),
        issue_date=date(2026, 5, 30),
        signers=(
            Signer(role=SignerRole.HOMEROOM_TEACHER, name=homeroom, title="Giáo viên chủ nhiệm"),
            Signer(role=SignerRole.PRINCIPAL, name=principal, title="HIỆU TRƯỞNG"),
            Signer(role=SignerRole.SCHOOL_SEAL, name=school.name, title="Con dấu số của nhà trường"),
        ),
        sandbox=True,
        verify_url=f"https://hocba.example.vn/tra-cuu/{code}",
    )
    return msgspec.structs.replace(snapshot, **changes)
