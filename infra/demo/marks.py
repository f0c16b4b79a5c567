"""What happened in the school year: levels, marks, comments, conduct; the workbooks are written from it.

Most pupils do well, some fail, some tests are taken again, a few marks are missing: every level occurs.
"""

import random
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

from backend.records.roster.curriculum import TRAITS, AssessedBy, GradeSubject, TraitGroup, subjects_by_code
from infra.demo import phrases
from infra.demo.people import Pupil
from infra.demo.schools import DemoClass

_TENTH: Final = Decimal("0.1")
_PRIMARY_TYPES: Final = ("excellent", "good", "fair", "weak")
_PRIMARY_WEIGHTS: Final = (22, 34, 41, 3)
_SECONDARY_TYPES: Final = ("strong", "good", "fair", "weak")
_SECONDARY_WEIGHTS: Final = (30, 36, 27, 7)
_MEANS: Final = {"strong": 8.9, "good": 7.6, "fair": 6.3, "weak": 4.4}
#: Competences that the results workbook of grades 1 and 2 has no column for (CSDL ngành).
LATER_TRAITS: Final = ("CONG_NGHE", "TIN_HOC")


class PrimaryTruth(msgspec.Struct, frozen=True, kw_only=True):
    """A primary pupil's year. `tests` holds the last marks, `first_tests` the marks before a retest; `height` (cm) and
    `weight` (kg) are decimals with a point."""

    pupil: Pupil
    levels: dict[str, str]
    tests: dict[str, int]
    first_tests: dict[str, int]
    traits: dict[str, str]
    year_level: str
    comments: dict[str, str]
    qualities_comment: str
    general_comment: str
    specific_comment: str
    absences_excused: int
    absences_unexcused: int
    height: str
    weight: str
    health: str
    homeroom_comment: str

    @property
    def completed(self) -> bool:
        """TT27/2020 Đ.11: the three upper levels complete the class."""
        return self.year_level != "CHT"


class TermTruth(msgspec.Struct, frozen=True, kw_only=True):
    """One subject in one term: marks as text with a point ("7.5"), or "Đ"/"CĐ"; None: missing."""

    regular: tuple[str, ...]
    midterm: str | None
    final: str | None
    average: str | None
    comment: str


class SecondaryTruth(msgspec.Struct, frozen=True, kw_only=True):
    """A secondary pupil's year. `terms` is keyed by (subject code, term)."""

    pupil: Pupil
    terms: dict[tuple[str, int], TermTruth]
    conduct_term1: str
    conduct_term2: str
    conduct_after_summer: str | None
    reassessed: dict[str, str]
    absences_excused: int
    absences_unexcused: int
    homeroom_comment: str


def primary_year(rng: random.Random, one: DemoClass, pupil: Pupil) -> PrimaryTruth:
    """One pupil's year, complete."""
    kind = rng.choices(_PRIMARY_TYPES, _PRIMARY_WEIGHTS)[0]
    subjects = [subjects_by_code(one.grade)[code] for code in one.subjects]
    levels = _levels(rng, kind, one.subjects)
    tests = {s.code: _test(rng, kind, levels[s.code]) for s in subjects if s.year_end_test}
    if kind == "good":
        tests["TOAN"] = min(tests["TOAN"], 8)
    first_tests = _retest(rng, kind)
    traits = _traits(rng, kind, one.grade)
    year_level = _year_level(levels, traits, tests)
    height, weight, health = _body(pupil, one.grade)
    return PrimaryTruth(
        pupil=pupil,
        levels=levels,
        tests=tests,
        first_tests=first_tests,
        traits=traits,
        year_level=year_level,
        comments={code: phrases.primary_comment(rng, code, level) for code, level in levels.items()},
        qualities_comment=_trait_comment(rng, phrases.QUALITIES, traits, TraitGroup.QUALITY),
        general_comment=_trait_comment(rng, phrases.GENERAL_COMPETENCES, traits, TraitGroup.GENERAL),
        specific_comment=_trait_comment(rng, phrases.SPECIFIC_COMPETENCES, traits, TraitGroup.SPECIFIC),
        absences_excused=rng.choice((0, 0, 0, 1, 1, 2, 3, 5)),
        absences_unexcused=rng.choice((0, 0, 0, 0, 0, 0, 1)),
        height=height,
        weight=weight,
        health=health,
        homeroom_comment=rng.choice(phrases.PRIMARY_HOMEROOM[year_level]),
    )


def _body(pupil: Pupil, grade: int) -> tuple[str, str, str]:
    """Height, weight and how the pupil is; from numbers of their own, so that all others stay as they are."""
    rng = random.Random(f"{pupil.student_code}:body")
    height = rng.gauss(112 + 5.5 * grade, 4)
    weight = height * height / 10000 * rng.gauss(16, 1.3)
    health = rng.choices(("Bình thường", "Cận thị nhẹ", "Sâu răng sữa"), (88, 8, 4))[0]
    return f"{height:.1f}".removesuffix(".0"), f"{weight:.1f}".removesuffix(".0"), health


def _levels(rng: random.Random, kind: str, codes: tuple[str, ...]) -> dict[str, str]:
    if kind in ("excellent", "good"):
        return dict.fromkeys(codes, "T")
    levels = {code: rng.choice("THH") for code in codes}
    # A fair pupil has at least one H, a weak one a subject that is not completed.
    levels["TOAN"] = "C" if kind == "weak" else "H"
    return levels


def _test(rng: random.Random, kind: str, level: str) -> int:
    if level == "C":
        return rng.randint(3, 4)
    low, high = {"excellent": (9, 10), "good": (7, 10), "fair": (5, 9), "weak": (5, 6)}[kind]
    return rng.randint(low, high)


def _retest(rng: random.Random, kind: str) -> dict[str, int]:
    """TT27/2020 Đ.7.1.b: an abnormal test is taken again, and the last mark counts."""
    return {"TOAN": rng.randint(2, 4)} if kind == "fair" and rng.random() < 0.04 else {}


def _traits(rng: random.Random, kind: str, grade: int) -> dict[str, str]:
    codes = [trait.code for trait in TRAITS if grade >= 3 or trait.code not in LATER_TRAITS]
    if kind in ("excellent", "good"):
        return dict.fromkeys(codes, "T")
    traits = {code: rng.choice("TTĐ") for code in codes}
    if kind == "weak" and rng.random() < 0.5:
        traits["CHAM_CHI"] = "C"
    return traits


def _year_level(levels: dict[str, str], traits: dict[str, str], tests: dict[str, int]) -> str:
    """TT27/2020 Đ.9.2.a, said again here so that the product's own answer can be compared with it."""
    all_best = set(levels.values()) == {"T"} and set(traits.values()) == {"T"}
    worst = min(tests.values())
    if all_best and worst >= 9:
        return "HTXS"
    if all_best and worst >= 7:
        return "HTT"
    failed = "C" in levels.values() or "C" in traits.values() or worst < 5
    return "CHT" if failed else "HT"


def _trait_comment(rng: random.Random, bank: phrases.Bank, traits: dict[str, str], group: TraitGroup) -> str:
    own = [traits[trait.code] for trait in TRAITS if trait.group is group and trait.code in traits]
    return rng.choice(bank["C" if "C" in own else "Đ" if own.count("Đ") * 2 > len(own) else "T"])


def secondary_year(rng: random.Random, one: DemoClass, pupil: Pupil, *, incomplete: bool) -> SecondaryTruth:
    """One pupil's year; `incomplete` leaves the final mark of one subject in term 2 out."""
    kind = rng.choices(_SECONDARY_TYPES, _SECONDARY_WEIGHTS)[0]
    ability = rng.gauss(_MEANS[kind], 0.35)
    terms: dict[tuple[str, int], TermTruth] = {}
    for code in one.subjects:
        subject = subjects_by_code(one.grade)[code]
        leaning = rng.gauss(0, 0.45)
        for term in (1, 2):
            missing = incomplete and code == "TOAN" and term == 2
            terms[code, term] = _term(rng, subject, ability + leaning + 0.15 * (term - 1), kind, missing)
    conduct1, conduct2 = _conduct(rng, kind), _conduct(rng, kind)
    settled = rng.random() < 0.5 and not incomplete
    failed = _failed(terms, one)
    return SecondaryTruth(
        pupil=pupil,
        terms=terms,
        conduct_term1=conduct1,
        conduct_term2=conduct2,
        conduct_after_summer="Đ" if conduct2 == "CĐ" and settled else None,
        reassessed=_reassessed(rng, failed) if settled and conduct2 != "CĐ" else {},
        absences_excused=rng.choice((0, 0, 1, 1, 2, 3, 4, 6)) if rng.random() < 0.99 else 44,
        absences_unexcused=rng.choice((0, 0, 0, 0, 1, 2)) + (3 if kind == "weak" else 0),
        homeroom_comment=rng.choice(phrases.SECONDARY_HOMEROOM[kind]),
    )


def _term(rng: random.Random, subject: GradeSubject, level: float, kind: str, missing: bool) -> TermTruth:
    if subject.assessed_by is AssessedBy.COMMENT:
        mark = "CĐ" if kind == "weak" and rng.random() < 0.12 else "Đ"
        comment = phrases.secondary_comment(rng, subject.code, mark)
        return TermTruth(regular=(mark,) * 2, midterm=mark, final=mark, average=mark, comment=comment)
    regular = tuple(_mark(rng, level, 0.8) for _ in range(subject.regular_marks))
    midterm, final = _mark(rng, level, 0.6), _mark(rng, level, 0.6)
    average = _average(regular, midterm, final)
    comment = phrases.secondary_comment(rng, subject.code, _band(average))
    return TermTruth(
        regular=regular,
        midterm=midterm,
        final=None if missing else final,
        average=None if missing else str(average),
        comment=comment,
    )


def _mark(rng: random.Random, level: float, spread: float) -> str:
    """Whole, half or one-decimal marks between 1 and 10, as teachers give them."""
    value = min(10.0, max(1.0, rng.gauss(level, spread)))
    step = rng.choice((1, 2, 2, 4, 10))
    rounded = Decimal(round(value * step)) / step
    return str(rounded.quantize(_TENTH, ROUND_HALF_UP).normalize() + 0)


def _average(regular: tuple[str, ...], midterm: str, final: str) -> Decimal:
    """ĐTBmhk, TT22/2021 Đ.9.1.b."""
    total = sum(map(Decimal, regular), Decimal(0)) + 2 * Decimal(midterm) + 3 * Decimal(final)
    return (total / (len(regular) + 5)).quantize(_TENTH, ROUND_HALF_UP)


def _band(average: Decimal) -> str:
    if average >= 8:
        return "strong"
    if average >= Decimal("6.5"):
        return "good"
    return "fair" if average >= 5 else "weak"


def _conduct(rng: random.Random, kind: str) -> str:
    weights = {
        "strong": (92, 8, 0, 0),
        "good": (75, 22, 3, 0),
        "fair": (45, 43, 12, 0),
        "weak": (10, 40, 40, 10),
    }
    return rng.choices(("T", "K", "Đ", "CĐ"), weights[kind])[0]


def _failed(terms: dict[tuple[str, int], TermTruth], one: DemoClass) -> list[str]:
    """Scored subjects to be re-assessed, if the year cannot be Đạt (TT22/2021 Đ.9.2, Đ.14)."""
    years: dict[str, Decimal] = {}
    for code in one.subjects:
        first, second = terms[code, 1].average, terms[code, 2].average
        if first and second and first[0].isdigit():
            years[code] = ((Decimal(first) + 2 * Decimal(second)) / 3).quantize(_TENTH, ROUND_HALF_UP)
    passed = sum(average >= 5 for average in years.values())
    if passed >= 6 and min(years.values()) >= Decimal("3.5"):
        return []
    return [code for code, average in years.items() if average < 5]


def _reassessed(rng: random.Random, failed: list[str]) -> dict[str, str]:
    return {
        code: str(rng.choice((Decimal("4.5"), Decimal(5), Decimal("5.5"), Decimal(6)))) for code in failed
    }
