"""Random pupil-years through the rules and through a second implementation that shares no code with them."""

import random
from collections import Counter

import msgspec
import pytest

from backend.records.assessment.rules import assess
from backend.records.assessment.schemas import PupilYear, SecondaryYear
from tests.records.assessment.oracle import judge
from tests.records.assessment.pupils import COMMENT, SCORED, Json

#: Just below, on and above every threshold.
EDGES = "3.4 3.5 4.9 5.0 6.4 6.5 7.9 8.0 8.9 9.0".split()
LESSONS = {"GDCD": 35, "TIN": 35, "CN": 52, "LSDL": 105}
PUPILS_PER_SEED = 2500


def random_pupil(chance: random.Random) -> Json:
    """A pupil with a general strength, some weak subjects and, sometimes, the oddities that we know."""
    strength = chance.choice([3.6, 5.2, 6.6, 8.1, 9.7])
    codes = list(SCORED[: chance.choice([6, 7, 8, 8, 8, 9])])
    subjects = [scored_subject(chance, code, strength) for code in codes]
    subjects += [comment_subject(chance, code) for code in COMMENT]
    for _ in range(chance.choice([0, 0, 1, 2])):
        weak = chance.choice(subjects[: len(codes)])
        weak["term1"], weak["term2"] = ({"average": chance.choice(EDGES[:4])} for _ in range(2))
    again = chance.random() < 0.3
    for subject in subjects if again else []:
        if chance.random() < 0.5:
            subject["reassessed"] = better(chance, subject)
    chance.shuffle(subjects)
    levels = [chance.choice(["T", "T", "T", "K", "Đ", "CĐ"]) for _ in range(2)]
    return {
        "circular": "22/2021",
        "grade": chance.randint(6, 9),
        "subjects": subjects,
        "conduct": {
            "term1": levels[0] if chance.random() < 0.97 else None,
            "term2": levels[1],
            "after_summer": chance.choice([None, "Đ", "CĐ"]),
        },
        "absences": {"excused": chance.choice([0, 20, 45]), "unexcused": chance.choice([0, 0, 0, 1])}
        if chance.random() < 0.95
        else None,
    }


def scored_subject(chance: random.Random, code: str, strength: float) -> Json:
    subject: Json = {"code": code, "assessed_by": "score", "lessons_per_year": LESSONS.get(code, 140)}
    if chance.random() < 0.1:
        subject["topic"] = mark(chance, strength)
    if chance.random() < 0.05:
        subject[chance.choice(["exempt", "counts"])] = chance.random() < 0.5
    slots = {35: 2, 52: 3}.get(subject["lessons_per_year"], 4)
    for term in ("term1", "term2"):
        if chance.random() < 0.3:
            subject[term] = {"average": chance.choice([*EDGES[6:], mark(chance, strength)])}
        else:
            regular = [mark(chance, strength) for _ in range(slots)]
            subject[term] = dropped(chance, regular, mark(chance, strength), mark(chance, strength))
    return subject


def comment_subject(chance: random.Random, code: str) -> Json:
    subject: Json = {"code": code, "assessed_by": "comment", "lessons_per_year": 70}
    for term in ("term1", "term2"):
        results = ["CĐ" if chance.random() < 0.02 else "Đ" for _ in range(4)]
        recorded = chance.random() < 0.3
        subject[term] = (
            {"result": results[0]} if recorded else dropped(chance, results[:2], results[2], results[3])
        )
    return subject


def dropped(chance: random.Random, regular: list[str], midterm: str, final: str) -> Json:
    """A term's marks, rarely with one that was not entered."""
    term: Json = {"regular": list(regular), "midterm": midterm, "final": final}
    if chance.random() < 0.005:
        lost = chance.choice(["regular", "midterm", "final"])
        term[lost] = term["regular"][1:] if lost == "regular" else None
    return term


def mark(chance: random.Random, strength: float) -> str:
    tenths = min(100, max(0, round(chance.gauss(strength, 0.8) * 10)))
    return f"{tenths // 10}{chance.choice('.,')}{tenths % 10}"


def better(chance: random.Random, subject: Json) -> str:
    return chance.choice(["Đ", "CĐ"]) if subject["assessed_by"] == "comment" else chance.choice(EDGES[:6])


def product(pupil: Json) -> Json:
    output: Json = msgspec.to_builtins(assess(msgspec.convert(pupil, SecondaryYear)))
    return output


@pytest.mark.parametrize("seed", range(4))
def test_rules_agree_with_the_oracle(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(PUPILS_PER_SEED):
        pupil = random_pupil(chance)
        found, expected = product(pupil), judge(pupil)
        assert {key: found[key] for key in expected} == {
            **expected,
            "reassess": tuple(expected["reassess"]),
        }, pupil
        assert found["title"] is None or found["learning"]["year"]["base"] == "T"
        assert (found["promotion"] == "PENDING") == bool(found["missing"])


def test_random_pupils_reach_every_conclusion() -> None:
    chance = random.Random(0)
    seen: Counter[str] = Counter()
    for _ in range(600):
        found = product(random_pupil(chance))
        year = found["learning"]["year"]
        seen.update([found["promotion"], f"title {found['title']}", f"{year['base']}→{year['level']}"])
        seen["after"] += found["learning_after_reassessment"] is not None
    expected = (
        "PROMOTED RETAINED REASSESSMENT SUMMER_TRAINING PENDING after T→T K→K Đ→Đ CĐ→CĐ Đ→K CĐ→Đ".split()
    )
    assert not [name for name in [*expected, "title GIOI", "title XUAT_SAC"] if seen[name] < 3], seen


def test_reasons_explain_every_conclusion() -> None:
    chance = random.Random(7)
    for _ in range(100):
        found = product(random_pupil(chance))
        rules = [reason["rule"] for reason in found["reasons"]]
        assert sum(rule.startswith("TT22 Đ.9.2") for rule in rules) >= 3
        adjustments = [one for one in found["learning"].values() if one["adjusted_by"]]
        assert rules.count("TT22 Đ.9.3") >= len(adjustments)
        assert "TT22 Đ.8.2.b" in rules
        assert any(rule.startswith(("TT22 Đ.12", "TT22 Đ.13", "TT22 Đ.14")) for rule in rules)
        assert all(reason["text"].strip().endswith(".") for reason in found["reasons"])
        if found["title"]:
            assert "TT22 Đ.15.1.a" in rules
        if found["promotion"] == "RETAINED":
            assert not any(" vì ." in reason["text"] for reason in found["reasons"])


def test_output_is_the_contract_of_its_input() -> None:
    pupil = random_pupil(random.Random(1))
    decoded = msgspec.convert(pupil, PupilYear)
    assert isinstance(decoded, SecondaryYear)
    assert set(product(pupil)) == {
        "circular",
        "subjects",
        "learning",
        "learning_after_reassessment",
        "conduct",
        "promotion",
        "reassess",
        "title",
        "missing",
        "reasons",
    }
