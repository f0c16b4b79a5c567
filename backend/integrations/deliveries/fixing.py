"""Which place of the school a field is that an Authority complains of. No I/O."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from backend.integrations.profiles.schemas import Node, Profile

#: A name in a path, and the number behind it, as XPath ("Mon[2]/Diem") and JSON ("mon[1].diem", "/mon/1/diem") write it.
_STEP = re.compile(r"([^/.\[\]]+)(?:\[(\d+)\])?")
_LIST = "[]"
_SUBJECTS = "record.year.results.subjects"


class Kind(StrEnum):
    """Whose field it is."""

    PUPIL = "pupil"
    SUBJECT = "subject"
    RESULT = "result"
    SCHOOL = "school"


class Spot(msgspec.Struct, frozen=True):
    """`name`: the field of the pupil's record, or the code of the subject; empty where it is not known."""

    kind: Kind
    name: str = ""


def spot(field: str, profile: Profile, person: Mapping[str, str], record: Mapping[str, Any]) -> Spot | None:
    """Where a field of the message is corrected; None where that does not follow from its name.

    `person`: names of our XML → fields of the pupil; `record`: the content that was sent.
    """
    steps = _steps(field)
    if not steps:
        return None
    names = tuple(name for name, _ in steps)
    number = next((number for _, number in reversed(steps) if number is not None), None)
    paths = {path for leaf, path in _leaves(profile) if leaf[-len(names) :] == names}
    if not paths and names[-1] in person:
        paths = {f"record.student.{person[names[-1]]}"}
    found = {_of_path(path, number, record) for path in paths}
    return found.pop() if len(found) == 1 else None


def _steps(field: str) -> list[tuple[str, int | None]]:
    """Names without prefixes; a number by itself belongs to the name before it and counts from 0, as JSON pointers do."""
    steps: list[tuple[str, int | None]] = []
    for name, number in _STEP.findall(field):
        plain = name.rpartition(":")[2]
        if plain.isdigit() and steps:
            steps[-1] = (steps[-1][0], int(plain))
        else:
            steps.append((plain.lstrip("@#"), int(number) - _first(field) if number else None))
    return steps


def _first(field: str) -> int:
    """XPath counts from 1."""
    return 1 if "/" in field else 0


def _leaves(profile: Profile) -> Iterator[tuple[tuple[str, ...], str]]:
    body = profile.operations.send.body
    if body is not None:
        for tree in (body.tree, *(layout.tree for layout in body.layouts)):
            yield from _inside(profile, tree, (), "")


def _inside(
    profile: Profile, node: Node, names: tuple[str, ...], base: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    if node.use is not None:
        yield from _inside(profile, profile.parts[node.use], names, base)
    elif node.each is not None and node.do is not None:
        yield from _inside(profile, node.do, names, f"{base}{node.each}{_LIST}.")
    elif node.path is not None:
        yield names, base + node.path
    for name, child in (node.fields or {}).items():
        yield from _inside(profile, child, (*names, name.rpartition(":")[2].lstrip("@#")), base)


def _of_path(path: str, number: int | None, record: Mapping[str, Any]) -> Spot | None:
    if path.startswith("record.student."):
        return Spot(Kind.PUPIL, path.removeprefix("record.student."))
    if path.startswith("record.school."):
        return Spot(Kind.SCHOOL)
    if path.startswith(f"{_SUBJECTS}{_LIST}."):
        subjects = record.get("year", {}).get("results", {}).get("subjects", [])
        known = number is not None and number < len(subjects)
        return Spot(Kind.SUBJECT, str(subjects[number]["code"]) if known else "")
    return Spot(Kind.RESULT) if path.startswith("record.year.") else None
