"""A profile's trees filled: with one message, and with an answer as the Authority would write it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from backend.integrations.profiles import documents, mapping
from backend.integrations.profiles.documents import Unwritable
from backend.integrations.profiles.mapping import BadMapping, Known
from backend.integrations.profiles.schemas import Answer, Body, Message, Node, Profile, Rule


def known_of(profile: Profile, parameters: Mapping[str, str]) -> Known:
    """What the trees of a profile refer to."""
    return Known(profile.parts, profile.codelists, parameters)


def wants_record(profile: Profile) -> bool:
    """Whether more of the content has to be known than its XML says."""
    sent = profile.operations.send.body
    return bool(profile.grades) or (
        sent is not None and any(path.startswith("record") for path in _paths(profile, sent.tree))
    )


def takes_grade(profile: Profile, record: Mapping[str, Any]) -> bool:
    """Whether an Authority takes học bạ of this grade."""
    return not profile.grades or record["year"]["grade_level"] in profile.grades


def _paths(profile: Profile, node: Node) -> Iterator[str]:
    yield from (path for path in (node.path, node.each) if path is not None)
    if node.use is not None:
        yield from _paths(profile, profile.parts[node.use])
    for child in (node.fields or {}).values():
        yield from _paths(profile, child)


def laid_out(body: Body, record: Mapping[str, Any] | None) -> Body:
    """How a body is written for a học bạ of this grade."""
    if not body.layouts or record is None:
        return body
    grade = record["year"]["grade_level"]
    for layout in body.layouts:
        if grade in layout.grades:
            return msgspec.structs.replace(body, sheet=layout.sheet, tree=layout.tree)
    return body


def write(body: Body, message: Message, known: Known) -> bytes:
    """The bytes of a message: the same each time. Raises BadMapping."""
    tree = laid_out(body, message.record).tree
    return written(body.format, mapping.fill(tree, content_of(message), known), body.namespaces)


def named_in_answer(profile: Profile, answer: Answer, message: Message, known: Known) -> str:
    """By what an answer names a message: its id; on the receipt of a portal, a cell of its line."""
    if profile.transport.kind != "manual_portal":
        return message.message_id
    assert profile.operations.send.body is not None
    tree = laid_out(profile.operations.send.body, message.record).tree
    line = mapping.fill(tree, content_of(message), known)
    return str(line.get(answer.facts[answer.message_id].path, ""))


def write_example(
    answer: Answer, rule: Rule, message: Message, said: Mapping[str, Any], known: Known
) -> bytes:
    """An answer of the Authority; `said`: authority_id, receipt, errors. Raises BadMapping."""
    value = mapping.fill(rule.example.body, {**content_of(message), **said}, known)
    return written(answer.format, value, {})


def content_of(message: Message) -> dict[str, Any]:
    """A message as the paths of a tree see it."""
    return {name: getattr(message, name) for name in Message.__struct_fields__}


def places_of(message_id: str, sender_code: str, known: Known) -> dict[str, str]:
    """What may stand in braces in the path of a call."""
    return {**known.parameters, "message_id": message_id, "sender_code": sender_code}


def written(form: str, value: Any, namespaces: Mapping[str, str]) -> bytes:
    """The bytes of a value. Raises BadMapping."""
    try:
        return documents.write(form, value, namespaces)
    except Unwritable as error:
        raise BadMapping("", str(error)) from error
