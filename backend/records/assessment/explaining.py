"""A stored result as a page explains it: subjects with their arithmetic, conclusions with their articles. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from backend.core.text import term_words
from backend.records.assessment.rules.counting import why_not
from backend.records.assessment.rules.missing_words import missing_words
from backend.records.assessment.rules.rule_sets import rule_set_named
from backend.records.assessment.rules.workings import shown, workings
from backend.records.assessment.schemas import (
    SUBJECT_LEVEL_NAMES,
    Explanation,
    MissingInSheet,
    MissingItem,
    Part,
    PrimarySubject,
    PrimaryYear,
    PupilResult,
    Reason,
    SecondaryResult,
    SecondaryYear,
    SubjectExplained,
)
from backend.records.gradebook.schemas import WHOLE_YEAR, SheetId, SheetSummary
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import subject_name
from backend.records.roster.schemas import HOMEROOM

#: (subject code, term) → sheet
Sheets = Mapping[tuple[str, int], SheetSummary]

#: Heading → how the articles begin whose reasons stand under it. Đ.9.1 is the table of subjects.
_PARTS = (
    ("Kết quả học tập", ("TT22 Đ.9.2", "TT22 Đ.9.3")),
    ("Kết quả rèn luyện", ("TT22 Đ.8",)),
    ("Đánh giá kết quả giáo dục", ("TT27 Đ.7", "TT27 Đ.8", "TT27 Đ.9")),
    ("Lên lớp, đánh giá lại và rèn luyện trong hè", ("TT22 Đ.11", "TT22 Đ.12", "TT22 Đ.13", "TT22 Đ.14")),
    ("Hoàn thành chương trình, lên lớp", ("TT27 Đ.11",)),
    ("Danh hiệu", ("TT22 Đ.15", "TT27 Đ.13")),
)
_TERMS = {"term1": 1, "term2": 2}
#: What is said by assigning teachers to subjects or by the pupil's choice, not in a sheet.
_CHOICE = "electives"
_OF_NO_SHEET = frozenset({"subjects", _CHOICE})


def explanation(
    pupil: PupilResult, sheets: Sheets, only: Sequence[str] | None, readings: tuple[str, ...] = ()
) -> Explanation:
    """All that a page says about one pupil; `only` these subjects where whoever looks teaches no more.

    `readings`: what the school reads otherwise than usual.
    """
    grade = pupil.asked.grade
    edition = rule_set_named(pupil.rule_set)
    return Explanation(
        pupil=pupil,
        circular=edition.title if edition else "",
        readings=readings,
        subjects=subjects_of(pupil, only),
        parts=() if only is not None else _parts(pupil.result.reasons),
        missing=tuple(
            MissingItem(
                words=_sentence(missing_words(path, grade)),
                sheet_id=_sheet_id(path, sheets),
                is_choice=path == _CHOICE,
            )
            for path in pupil.result.missing
            if only is None or _is_about(path, only)
        ),
        only=only is not None,
    )


def subjects_of(pupil: PupilResult, only: Sequence[str] | None) -> tuple[SubjectExplained, ...]:
    """The pupil's subjects; `only` these where it is given."""
    return tuple(one for one in _subjects(pupil) if only is None or one.code in only)


def missing_in_sheets(pupils: Sequence[PupilResult], sheets: Sheets) -> tuple[MissingInSheet, ...]:
    """What a class waits for, sheet by sheet, those with the most pupils first."""
    found: dict[tuple[str, SheetId | None, bool], dict[str, None]] = defaultdict(dict)
    for pupil in pupils:
        for path in pupil.result.missing:
            sheet = _sheet_name(path, pupil.asked.grade), _sheet_id(path, sheets), path == _CHOICE
            found[sheet][pupil.full_name] = None
    listed = sorted(found.items(), key=lambda one: -len(one[1]))
    return tuple(
        MissingInSheet(sheet=name, sheet_id=sheet_id, is_choice=is_choice, pupils=tuple(names))
        for (name, sheet_id, is_choice), names in listed
    )


def _parts(reasons: Sequence[Reason]) -> tuple[Part, ...]:
    found = (
        (heading, tuple(one for one in reasons if one.rule.startswith(articles)))
        for heading, articles in _PARTS
    )
    return tuple(Part(heading=heading, reasons=under) for heading, under in found if under)


def _subjects(pupil: PupilResult) -> list[SubjectExplained]:
    if isinstance(pupil.asked, PrimaryYear):
        return [_primary_subject(one, pupil.asked.grade, pupil.policy) for one in pupil.asked.subjects]
    assert isinstance(pupil.asked, SecondaryYear)
    assert isinstance(pupil.result, SecondaryResult)
    return _secondary_subjects(pupil, pupil.asked, pupil.result)


def _secondary_subjects(
    pupil: PupilResult, asked: SecondaryYear, result: SecondaryResult
) -> list[SubjectExplained]:
    found = []
    for subject in asked.subjects:
        its, by = (
            result.subjects[subject.code],
            workings(subject, result.subjects[subject.code], pupil.policy),
        )
        found.append(
            SubjectExplained(
                code=subject.code,
                name=subject_name(asked.grade, subject.code),
                term1=shown(its.term1),
                term2=shown(its.term2),
                year=shown(its.year),
                again=shown(its.final) if subject.reassessed is not None else "",
                by_term1=by.term1,
                by_term2=by.term2,
                by_year=by.year,
                note=why_not(subject, asked.grade, pupil.policy),
            )
        )
    return found


def _primary_subject(subject: PrimarySubject, grade: int, policy: Policy) -> SubjectExplained:
    attempts = [mark for mark in (subject.tests or {}).get("year_end", ()) if mark is not None]
    again = f"kiểm tra {len(attempts)} lần, lấy lần cuối (TT27 Đ.7.1.b)" if len(attempts) > 1 else ""
    return SubjectExplained(
        code=subject.code,
        name=subject_name(grade, subject.code),
        term1=SUBJECT_LEVEL_NAMES[subject.level] if subject.level else "—",
        year=attempts[-1] if attempts else "",
        note="; ".join(filter(None, (why_not(subject, grade, policy), again))),
    )


def _sheet_key(path: str) -> tuple[str, int] | None:
    """The sheet in which what a path names is written; None where the pupil's subjects themselves are missing."""
    area, *rest = path.split(".")
    if path in _OF_NO_SHEET:
        return None
    if area != "subjects":
        return HOMEROOM, WHOLE_YEAR
    return rest[0], _TERMS.get(rest[1], WHOLE_YEAR) if len(rest) > 1 else WHOLE_YEAR


def _is_about(path: str, subjects: Sequence[str]) -> bool:
    key = _sheet_key(path)
    return key is not None and key[0] in subjects


def _sheet_id(path: str, sheets: Sheets) -> SheetId | None:
    key = _sheet_key(path)
    sheet = sheets.get(key) if key else None
    return sheet.id if sheet else None


def _sheet_name(path: str, grade: int) -> str:
    key = _sheet_key(path)
    if key is None:
        return _sentence(missing_words(path, grade))
    code, term = key
    if code == HOMEROOM:
        return "Sổ chủ nhiệm"
    return f"{subject_name(grade, code)}{f', {term_words(term)}' if term else ''}"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
