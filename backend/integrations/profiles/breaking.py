"""Breaking a profile in one place after the other, to see whether its checks and golden files notice."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from backend.integrations.profiles import answers, checking, messages, reading, samples
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.format_steps import Place
from backend.integrations.profiles.mapping import BadMapping, Known
from backend.integrations.profiles.reading import BadProfile, Text
from backend.integrations.profiles.schemas import Profile

#: Keys whose words decide what is written or believed; each is replaced by the words beside it.
_TELLING = {
    "path": "nothing_here",
    "each": "nothing_here",
    "when": "!({0})",
    "is": "refused",
    "reference": "nothing_here",
    "message_id": "nothing_here",
    "use": "nothing_here",
    "codelist": "nothing_here",
}


#: The golden file of what answers mean.
ANSWERS = "answers"


class Breakage(msgspec.Struct, frozen=True):
    """One place of the document, what is done there, and the document with it."""

    place: Place
    what: str
    document: Any


def breakages(document: Any) -> Iterator[Breakage]:
    """Each telling word changed, each rule and each leaf of the tree taken out."""
    for place, value in _places(document, ()):
        if not _tells(place):
            continue
        key = place[-1]
        if key in _TELLING and isinstance(value, str):
            words = _TELLING[str(key)].format(value)
            words = "wait" if words == value else words
            yield Breakage(place, f"«{value}» thành «{words}»", _changed(document, place, words))
        elif len(place) > 1 and place[-2] in ("rules", "fields"):
            yield Breakage(place, "bỏ đi", _changed(document, place, None))


def is_noticed(edition: Edition, broken: Breakage, expected: Mapping[str, bytes]) -> bool:
    """Whether check refuses the broken profile, or a golden file differs from what it writes."""
    text = Text(edition.text.file, broken.document, edition.text.lines)
    try:
        profile = reading.read_profile(text)
        if checking.check(profile, text, edition.folder):
            return True
        return any(rendered(profile, name) != content for name, content in expected.items())
    except (BadProfile, BadMapping):
        return True


def goldens(profile: Profile) -> list[str]:
    """What is held to golden files: each sample, and the answers."""
    return [*sorted(samples.fitting(profile)), ANSWERS]


def rendered(profile: Profile, name: str) -> bytes:
    """What a profile sends of a sample, and what it asks about it; of `answers`, what it reads. Raises BadMapping."""
    known = messages.known_of(profile, {name: f"[{name}]" for name in profile.parameters})
    if name == ANSWERS:
        return b"".join(_answers(profile, known))
    message = samples.messages()[name]
    bodies = [operation.body for _, operation in checking.operations_of(profile)]
    return b"\n".join(messages.write(body, message, known) for body in bodies if body is not None) + b"\n"


def _answers(profile: Profile, known: Known) -> Iterator[bytes]:
    message = next(iter(samples.fitting(profile).values()))
    answered = [(name, one.answer) for name, one in checking.operations_of(profile) if one.answer is not None]
    for name, answer in answered:
        for rule in answer.rules:
            content = messages.write_example(answer, rule, message, samples.SAID, known)
            ours = messages.named_in_answer(profile, answer, message, known)
            read = answers.read(answer, rule.example.status, content, ours)
            means = (
                f"{read.meaning} {read.reference} {msgspec.json.encode(read.faults).decode()}"
                if read
                else "?"
            )
            yield f"{name} {rule.example.status} {content.decode()}\n  {means}\n".encode()


def _tells(place: Place) -> bool:
    return place[:1] in (("operations",), ("parts",)) and "example" not in place


def _places(document: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if place:
        yield place, document
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _places(value, (*place, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _places(value, (*place, number))


def _changed(document: Any, place: Place, words: str | None) -> Any:
    copied = copy.deepcopy(document)
    around = copied
    for part in place[:-1]:
        around = around[part]
    if words is None:
        del around[place[-1]]
    else:
        around[place[-1]] = words
    return copied
