"""What the school decides about its subjects, as everybody above asks for it."""

import uuid
from datetime import date

import msgspec
import pytest

from backend.core.errors import Invalid
from backend.records.assessment.inputs import pupil_year
from backend.records.assessment.schemas import PrimaryYear, SecondaryYear
from backend.records.gradebook import editing, layout
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark
from backend.records.plans import queries, service
from backend.records.plans.schemas import Choice, ClassChoices, Decision, decided, may_have_topics, plan
from backend.records.roster import service as roster
from backend.records.roster.curriculum import AssessedBy, Kind, subjects_of
from tests.factories.small_school import SmallSchool, enroll, sheet_of, student_ids

OWN = Decision(
    taught=True,
    lessons_per_year=70,
    counts=False,
    topics=False,
    name="Toán tiếng Anh",
    assessed_by=AssessedBy.SCORE,
)


def said(lessons: int, *, taught: bool = True, counts: bool = True, topics: bool = False) -> Decision:
    return Decision(taught=taught, lessons_per_year=lessons, counts=counts, topics=topics)


@pytest.mark.parametrize("grade", range(1, 13))
def test_without_decisions_it_is_the_programme(grade: int) -> None:
    assert plan(grade).subjects == subjects_of(grade)


def test_a_decision_changes_one_subject_and_the_schools_own_come_last() -> None:
    found = plan(6, {"CN": said(52), "R1": OWN})
    assert [one.code for one in found.subjects] == [*(one.code for one in subjects_of(6)), "R1"]
    technology, own = found.find("CN"), found.find("R1")
    assert technology is not None
    assert own is not None
    assert (technology.regular_marks, technology.kind) == (3, Kind.COMPULSORY)
    assert (own.name, own.own, own.counts, own.regular_marks) == ("Toán tiếng Anh", True, False, 3)
    assert found.find("TOAN") == plan(6).find("TOAN")
    assert (found.name_of("R1"), found.name_of("KHONG")) == ("Toán tiếng Anh", "KHONG")
    assert [one.code for one in found.chosen({"R1", "VAN"})] == ["VAN", "R1"]


def test_neither_the_mode_nor_the_name_of_a_subject_of_the_programme_is_the_schools() -> None:
    bold = msgspec.structs.replace(said(175), name="Khác", assessed_by=AssessedBy.COMMENT)
    found = decided(8, "TOAN", bold)
    assert found is not None
    assert (found.name, found.assessed_by, found.lessons_per_year) == ("Toán", AssessedBy.SCORE, 175)


def test_which_subjects_have_topics() -> None:
    with_topics = [one.code for one in subjects_of(11) if may_have_topics(one)]
    assert with_topics == "VAN TOAN LICHSU DIA KTPL LY HOA SINH CN TIN AN MT".split()
    assert not any(may_have_topics(one) for one in subjects_of(9))


def test_the_column_of_a_topic_stands_only_where_its_cluster_is_offered() -> None:
    physics = decided(10, "LY", said(70, topics=True))
    assert [one.cell.kind for one in layout.columns_of(physics, 10)].count(MarkKind.TOPIC) == 1
    assert MarkKind.TOPIC not in [one.cell.kind for one in layout.columns_of(decided(10, "LY", said(70)), 10)]


def test_the_circular_is_asked_without_the_schools_own_and_told_what_does_not_count() -> None:
    decisions = {"NN2": said(105, counts=False), "R1": OWN}
    subjects = plan(8, decisions).chosen({"TOAN", "NN2", "R1"})
    asked = pupil_year(8, subjects, {})
    assert isinstance(asked, SecondaryYear)
    assert [(one.code, one.counts) for one in asked.subjects] == [("TOAN", None), ("NN2", False)]
    primary = pupil_year(1, plan(1, {"NN1": said(70, counts=False)}).chosen({"NN1", "TV"}), {})
    assert isinstance(primary, PrimaryYear)
    assert [(one.code, one.counts) for one in primary.subjects] == [("TV", None), ("NN1", False)]


def test_the_topic_is_asked_of_who_takes_it_and_the_later_one_stands() -> None:
    subjects = plan(10, {"LY": said(70, topics=True)}).chosen({"LY"})
    topic = Cell(MarkKind.TOPIC)
    cells = {("LY", 1): {topic: "7"}, ("LY", 2): {topic: "9"}}
    for takes, first_only, expected in (({"LY"}, False, "9"), ({"LY"}, True, "7"), (set[str](), False, None)):
        asked = pupil_year(
            10, subjects, {key: cells[key] for key in list(cells)[: 1 if first_only else 2]}, takes
        )
        assert isinstance(asked, SecondaryYear)
        assert asked.subjects[0].topic == expected


def test_who_takes_what() -> None:
    an, binh = uuid.uuid4(), uuid.uuid4()
    choices = ClassChoices(Choice(frozenset({"LY"})), {binh: Choice(frozenset({"HOA"}))})
    physics, maths = plan(10).find("LY"), plan(10).find("TOAN")
    assert (choices.takes(an, physics), choices.takes(binh, physics)) == (True, False)
    assert choices.takes(binh, maths)
    assert choices.takes(binh, None), "the homeroom sheet"
    assert choices.not_taken(binh, ("LY", "HOA", "TOAN"), 10) == {"LY"}


async def test_a_sheet_follows_the_plan_of_its_year_alone(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "6A", 6)
        other_year = await roster.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))
        assert await queries.decide(session, other_year, 6, "CN", said(140))
        assert await queries.decide(session, small_school.year_id, 6, "CN", said(52))
        assert not await queries.decide(session, small_school.year_id, 6, "CN", said(70)), (
            "somebody was faster"
        )
        sheet = await sheet_of(session, class_id, "CN", 1)
        view = await editing.get_sheet(session, await small_school.actor(session, "homeroom"), sheet.id)
        kinds = [column.cell.kind for column in view.columns]
        plans = await service.all_plans(session)
    assert kinds.count(MarkKind.REGULAR) == 3
    assert plans.of(other_year, 6).name_of("CN") == "Công nghệ"
    assert {len(plans.of(year, 7).subjects) for year in (other_year, small_school.year_id)} == {14}


async def test_a_pupil_has_no_sheet_of_an_elective_that_others_take(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "10A", 10)
        await enroll(session, "10A", ["Lò Thị An", "Cầm Văn Bình"])
        pupils = await student_ids(session, class_id)
        homeroom = await small_school.actor(session, "homeroom")
        sheet = await sheet_of(session, class_id, "LY", 1)
        everybody = await editing.get_sheet(session, homeroom, sheet.id)
        assert len(everybody.rows) == 2
        other = Choice(frozenset({"DIA", "KTPL", "HOA", "SINH"}))
        await queries.choose(session, class_id, {pupils["Cầm Văn Bình"]: other})
        view = await editing.get_sheet(session, homeroom, sheet.id)
        assert [row.full_name for row in view.rows] == ["Lò Thị An"]
        mark = NewMark(
            sheet_id=sheet.id, student_id=pupils["Cầm Văn Bình"], cell=Cell(MarkKind.MIDTERM), value="8"
        )
        with pytest.raises(Invalid, match=r"Cầm Văn Bình.*không học môn lựa chọn này"):
            await editing.set_mark(session, homeroom, mark, revision=0)
        change = await gradebook.compare_marks(session, homeroom, [mark])
        assert ["không học môn lựa chọn này" in sentence for _, sentence in change.problems] == [True]
