"""In what two contents differ: every fact has its place and its words, and what only names the edition is none."""

from datetime import date

import msgspec
import pytest

from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.records.transcripts import corrections
from backend.records.transcripts.canonical import canonical_json, read_snapshot
from backend.records.transcripts.schemas import Correction, Level, Promotion, SecondaryResults, Snapshot
from tests.factories.snapshots import CORRECTIONS, lower_secondary_snapshot, primary_snapshot

replace = msgspec.structs.replace
#: What says which edition it is, not what the pupil's year was.
_OF_THE_EDITION = {
    "version",
    "issue_date",
    "issue_place",
    "effective_date",
    "lookup_code",
    "verify_url",
    "sandbox",
    "correction_count",
    "corrected_subjects",
    "corrections",
    "level",
    "schema",
}


def found(old: Snapshot, new: Snapshot) -> list[tuple[str, str, str, str | None]]:
    return [(one.what, one.old, one.new, one.subject) for one in corrections.differences(old, new)]


def test_two_editions_of_the_same_content_do_not_differ() -> None:
    for made in (primary_snapshot, lower_secondary_snapshot):
        old = made()
        new = replace(old, version=2, issue_date=date(2026, 6, 20), correction_count=3, verify_url="x")
        assert found(old, new) == []
        assert found(old, read_snapshot(canonical_json(old))) == []


def test_marks_conduct_and_promotion_in_words() -> None:
    old = lower_secondary_snapshot()
    results = old.year.results
    assert isinstance(results, SecondaryResults)
    first, *others = results.subjects
    changed = replace(
        results,
        subjects=(replace(first, term1="9.5", comment="Tiến bộ."), *others),
        conduct=replace(results.conduct, year=Level.NOT_ACHIEVED),
        promotion=Promotion.RETAINED,
    )
    new = replace(old, year=replace(old.year, results=changed))
    assert found(old, new) == [
        (f"{first.name}: học kì I", (first.term1 or "").replace(".", ","), "9,5", first.name),
        (f"{first.name}: nhận xét", first.comment or "", "Tiến bộ.", first.name),
        ("Kết quả rèn luyện, cả năm", "Tốt", "Chưa đạt", None),
        ("Lên lớp", "Được lên lớp", "Không được lên lớp", None),
    ]


def test_another_language_is_a_place_of_the_table_and_its_marks_are_none() -> None:
    for old in (primary_snapshot(), lower_secondary_snapshot()):
        other = [
            replace(one, name="Ngoại ngữ 1 (Tiếng Pháp)") if one.code == "NN1" else one
            for one in old.year.results.subjects
        ]
        results = replace(old.year.results, subjects=tuple(other))
        new = replace(old, year=replace(old.year, results=results))
        [said] = found(old, new)
        assert said == ("Ngoại ngữ 1: thứ tiếng", "Tiếng Anh", "Tiếng Pháp", "Ngoại ngữ 1 (Tiếng Pháp)")


def test_what_comes_and_what_goes() -> None:
    old = primary_snapshot()
    subjects = old.year.results.subjects
    fewer = replace(old.year.results, subjects=subjects[1:])
    new = replace(old, year=replace(old.year, results=fewer))
    gone = found(old, new)
    assert {(one[2], one[3]) for one in gone} == {("", subjects[0].name)}
    assert [(what, text, was) for what, was, text, _ in found(new, old)] == [
        (what, was, "") for what, was, _, _ in gone
    ]


def test_every_row_of_a_year_at_two_schools_is_a_place() -> None:
    old = lower_secondary_snapshot()
    first, *others = old.study_history
    there = replace(first, class_name="6C", school_name="Trường THCS Giao Thủy")
    before = replace(old, study_history=(there, first, *others))
    after = replace(before, study_history=(replace(there, class_name="6D"), first, *others))
    [(what, was, now, subject)] = found(before, after)
    assert (what, subject) == (f"Quá trình học tập, năm học {first.academic_year}", None)
    assert (was[:2], now[:2]) == ("6C", "6D")
    [(what, was, now, _)] = found(old, before)[1:]
    assert (what, was) == (f"Quá trình học tập, năm học {first.academic_year} (dòng 2)", "")
    assert now.startswith(f"{first.class_name}; {first.school_name}")


def test_no_fact_of_a_snapshot_is_overlooked() -> None:
    """A field that comes into the schema has a place here, or says only which edition it is."""
    overlooked = []
    for old in (primary_snapshot(), lower_secondary_snapshot()):
        for name in set(old.__struct_fields__) - _OF_THE_EDITION:
            part = getattr(old, name)
            for inner in getattr(part, "__struct_fields__", ()):
                if inner in {"academic_year", "grade_level", "results"}:
                    continue
                value = getattr(part, inner)
                other = (
                    date(2001, 1, 1) if isinstance(value, date) else 7 if isinstance(value, int) else "khác"
                )
                if not found(old, replace(old, **{name: replace(part, **{inner: other})})):
                    overlooked.append(f"{name}.{inner}")
    assert overlooked == []


def test_the_note_counts_and_carries_all_that_was_corrected() -> None:
    snapshot = primary_snapshot()
    by = {"by": "Nghiêm Thế Khải", "at": "2026-06-01T08:00:00Z", "why": f"Sai {new_id()}"}
    made = [
        msgspec.convert({"what": "w", "old": "9", "new": "7", "subject": subject} | by, Correction)
        for subject in ("Toán", None, "Tiếng Việt", "Toán")
    ]
    noted = corrections.corrected(snapshot, made)
    assert (noted.correction_count, noted.corrected_subjects) == (4, ("Toán", "Tiếng Việt"))
    assert noted.corrections == tuple(made)
    assert read_snapshot(canonical_json(noted)) == noted
    assert corrections.corrected(snapshot, []) == snapshot
    assert b'"corrections"' not in canonical_json(snapshot), "what was never corrected keeps its bytes"


def test_a_reason_that_cannot_be_printed_is_refused() -> None:
    strange = replace(CORRECTIONS[0], why="Sai 👍")
    with pytest.raises(Invalid, match="“Lý do sửa chữa” của Lường Thị Ngọc Ánh"):
        corrections.corrected(primary_snapshot(), [strange])
