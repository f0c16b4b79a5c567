"""TT22/2021 once more, written from the text with exact fractions and no thought of speed.

Works on the contract's JSON, shares no code with the product, and takes the adjustment of Đ.9.3 literally:
every subject is left out in turn. Returns everything but the reasons and the list of what is missing.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from math import floor
from typing import Any

Json = dict[str, Any]
Value = Fraction | str

LEVELS = ["CĐ", "Đ", "K", "T"]


def judge(pupil: Json) -> Json:
    """The contract's output for a pupil-year that is well formed."""
    subjects = {one["code"]: one for one in pupil["subjects"] if not one.get("exempt")}
    results = {code: subject_results(one) for code, one in subjects.items()}
    counted = [code for code, one in subjects.items() if one.get("counts", True)]

    def learning(period: str) -> Json:
        values = {code: results[code][period] for code in counted}
        return adjusted({code: value for code, value in values.items() if value}, None in values.values())

    year, again = learning("year"), any(subjects[code].get("reassessed") for code in counted)
    after = learning("final") if again else None
    conduct = year_conduct(pupil["conduct"])
    summer = pupil["conduct"]["after_summer"] if conduct == "CĐ" else None
    open_codes = still_open(counted, subjects, results, year, after, conduct, absences(pupil))
    everything = all(results[code][term] for code in counted for term in ("term1", "term2"))
    complete = everything and conduct is not None and absences(pupil) is not None
    nothing = {"term1": None, "term2": None, "year": None, "final": None}
    return {
        "circular": "22/2021",
        "subjects": {one["code"]: shown(results.get(one["code"], nothing)) for one in pupil["subjects"]},
        "learning": {"term1": learning("term1"), "term2": learning("term2"), "year": year},
        "learning_after_reassessment": after,
        "conduct": {"year": conduct, "after_summer": summer},
        "promotion": promotion(year, after, conduct, summer, absences(pupil), open_codes)
        if complete
        else "PENDING",
        "reassess": open_codes,
        "title": title(year, conduct, [results[code]["year"] for code in counted]) if complete else None,
    }


def half_up(number: Fraction) -> Fraction:
    """One decimal, ties up."""
    return Fraction(floor(number * 10 + Fraction(1, 2)), 10)


@cache
def number(text: str) -> Fraction:
    """A decimal string with dot or comma."""
    return Fraction(text.replace(",", "."))


def subject_results(subject: Json) -> dict[str, Value | None]:
    """Both terms, the year and the year after re-assessment; None where marks are missing."""
    scored = subject["assessed_by"] == "score"
    term_result = score_term if scored else comment_term
    term1, term2 = term_result(subject, subject["term1"]), term_result(subject, subject["term2"])
    year: Value | None = term2
    if scored:
        both = isinstance(term1, Fraction) and isinstance(term2, Fraction)
        year = half_up(Fraction(term1 or 0) / 3 + Fraction(term2 or 0) * 2 / 3) if both else None
    again = subject.get("reassessed")
    final = year if again is None else (number(again) if scored else again)
    return {"term1": term1, "term2": term2, "year": year, "final": final}


def required(subject: Json) -> int:
    """Đ.6.2.b."""
    lessons = subject["lessons_per_year"]
    return 2 if subject["assessed_by"] == "comment" or lessons <= 35 else 3 if lessons <= 70 else 4


def score_term(subject: Json, term: Json) -> Value | None:
    """Đ.9.1.b."""
    if "average" in term:
        return number(term["average"])
    marks = [*term["regular"], term["midterm"], term["final"]]
    if None in marks or len(term["regular"]) < required(subject):
        return None
    regular = [number(mark) for mark in term["regular"]]
    if subject.get("topic"):
        regular.append(number(subject["topic"]))
    return half_up(
        (sum(regular) + 2 * number(term["midterm"]) + 3 * number(term["final"])) / Fraction(len(regular) + 5)
    )


def comment_term(subject: Json, term: Json) -> Value | None:
    """Đ.9.1.a."""
    if "result" in term:
        return str(term["result"])
    marks = [*term["regular"], term["midterm"], term["final"]]
    if None in marks or len(term["regular"]) < required(subject):
        return None
    return "Đ" if set(marks) == {"Đ"} else "CĐ"


def base_level(values: Mapping[str, Value]) -> str:
    """Đ.9.2."""
    marks = [value for value in values.values() if not isinstance(value, str)]
    failed = [value for value in values.values() if value == "CĐ"]
    lowest = min(marks, default=Fraction(10))

    def six(limit: str) -> bool:
        return len([mark for mark in marks if mark >= number(limit)]) >= 6

    if not failed and lowest >= number("6.5") and six("8"):
        return "T"
    if not failed and lowest >= number("5") and six("6.5"):
        return "K"
    if len(failed) <= 1 and lowest >= number("3.5") and six("5"):
        return "Đ"
    return "CĐ"


def adjusted(values: Mapping[str, Value], incomplete: bool) -> Json:
    """Đ.9.2 and Đ.9.3."""
    if incomplete or not values:
        return {"base": None, "level": None, "adjusted_by": None}
    base = base_level(values)
    # Two levels below Tốt or Khá: nothing else can be lifted.
    for code in values if base in ("Đ", "CĐ") else ():
        without = base_level({other: value for other, value in values.items() if other != code})
        if without in ("T", "K") and LEVELS.index(without) >= LEVELS.index(base) + 2:
            return {"base": base, "level": LEVELS[LEVELS.index(base) + 1], "adjusted_by": code}
    return {"base": base, "level": base, "adjusted_by": None}


def year_conduct(conduct: Json) -> str | None:
    """Đ.8.2.b, clause by clause."""
    first, second = conduct["term1"], conduct["term2"]
    if first is None or second is None:
        return None
    if second == "T" and first in ("T", "K"):
        return "T"
    if (
        (second == "K" and first in ("T", "K", "Đ"))
        or (second == "Đ" and first == "T")
        or (second == "T" and first in ("Đ", "CĐ"))
    ):
        return "K"
    if (second == "Đ" and first in ("K", "Đ", "CĐ")) or (second == "K" and first == "CĐ"):
        return "Đ"
    return "CĐ"


def absences(pupil: Json) -> int | None:
    """All half-days, or None when they were not entered."""
    given = pupil["absences"]
    return None if given is None else given["excused"] + given["unexcused"]


def still_open(
    counted: list[str],
    subjects: Json,
    results: Mapping[str, Mapping[str, Value | None]],
    year: Json,
    after: Json | None,
    conduct: str | None,
    absent: int | None,
) -> list[str]:
    """Đ.14: comment subjects at CĐ and marks below 5,0 that have no new result, where that can still help."""
    hopeless = conduct in (None, "CĐ") or (absent is not None and absent > 45)
    if year["level"] != "CĐ" or hopeless or (after and after["level"] not in ("CĐ", None)):
        return []
    weak: Callable[[Any], bool] = lambda value: value == "CĐ" or (isinstance(value, Fraction) and value < 5)  # noqa: E731
    return [code for code in counted if weak(results[code]["year"]) and not subjects[code].get("reassessed")]


def promotion(
    year: Json,
    after: Json | None,
    conduct: str | None,
    summer: str | None,
    absent: int | None,
    open_codes: list[str],
) -> str:
    """Đ.12 to Đ.14 for a complete pupil-year."""
    assert absent is not None
    learning_passed = year["level"] != "CĐ" or (after is not None and after["level"] != "CĐ")
    conduct_passed = (summer or conduct) != "CĐ"
    if year["level"] == "CĐ" and conduct == "CĐ":
        return "RETAINED"
    if learning_passed and conduct_passed and absent <= 45:
        return "PROMOTED"
    if absent > 45:
        return "RETAINED"
    if not conduct_passed:
        return "RETAINED" if summer else "SUMMER_TRAINING"
    return "REASSESSMENT" if open_codes else "RETAINED"


def title(year: Json, conduct: str | None, values: list[Value | None]) -> str | None:
    """Đ.15."""
    if year["level"] != "T" or conduct != "T":
        return None
    nines = [value for value in values if isinstance(value, Fraction) and value >= 9]
    return "XUAT_SAC" if len(nines) >= 6 else "GIOI"


def shown(results: Mapping[str, Value | None]) -> Json:
    """Marks with one decimal and a dot."""
    return {
        key: f"{int(value * 10) // 10}.{int(value * 10) % 10}" if isinstance(value, Fraction) else value
        for key, value in results.items()
    }
