"""What an answer of an Authority means by its profile. What no rule takes means nothing: it is unknown."""

from typing import Any

import msgspec

from backend.integrations.profiles import documents, expressions
from backend.integrations.profiles.schemas import Answer, Errors, Meaning, Rule

#: No fact is longer; more than this many errors nobody reads.
_MAX_TEXT, _MAX_ERRORS = 2000, 500
#: So much of a fact is told to whoever writes the profile (characters).
_SHOWN = 40
#: Without the Authority's own number these are not believed.
NUMBERED = frozenset({"received", "accepted", "locked"})


class Fault(msgspec.Struct, frozen=True):
    """One line of an error list: the Authority's code, the field that it means, its words."""

    code: str
    field: str
    message: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer means, with the Authority's number and its errors; `rule` is the place of the rule."""

    rule: int
    meaning: Meaning
    reference: str
    faults: tuple[Fault, ...]


def read(answer: Answer, status: int, content: bytes, message_id: str) -> Reading | None:
    """What an answer about a message means; None where it is not clearly one of the answers of the profile."""
    try:
        return _understood(answer, status, content, message_id)
    except (documents.Unreadable, expressions.BadExpression, _Odd):
        return None


def why_unread(answer: Answer, status: int, content: bytes, message_id: str) -> str:
    """Why `read` makes nothing of an answer, for whoever writes the profile; empty where it does."""
    try:
        _understood(answer, status, content, message_id)
    except (documents.Unreadable, expressions.BadExpression, _Odd) as error:
        return str(error)
    return ""


def _understood(answer: Answer, status: int, content: bytes, message_id: str) -> Reading:
    """Raises Unreadable, BadExpression, _Odd."""
    document = documents.read(answer.format, content)
    facts = {
        name: _fact(fact.kind, expressions.find(fact.path, document), name)
        for name, fact in answer.facts.items()
    }
    faults = _faults(answer.errors, document) if answer.errors else ()
    values = {"status": status, **facts}
    variables = variables_of(answer)
    for number, rule in enumerate(answer.rules):
        if expressions.holds(rule.when, variables, values):
            ours = bool(message_id) and facts.get(answer.message_id) == message_id
            return _believed(number, rule, facts, faults, ours)
    told = ", ".join(f"{name} = «{str(value)[:_SHOWN]}»" for name, value in values.items())
    raise _Odd(f"không quy tắc nào đúng với {told}")


def variables_of(answer: Answer) -> expressions.Variables:
    """What the predicates of an answer may ask about."""
    return (("status", "int"), *((name, fact.kind) for name, fact in answer.facts.items()))


class _Odd(Exception):
    """A fact is not what the profile says that it is."""


def _believed(
    number: int, rule: Rule, facts: dict[str, Any], faults: tuple[Fault, ...], ours: bool
) -> Reading:
    reference = facts[rule.reference] if rule.reference else ""
    if not ours and not rule.uncorrelated:
        raise _Odd(f"quy tắc thứ {number + 1} nhận, nhưng trả lời không nhắc mã thông điệp")
    if rule.meaning in NUMBERED and not reference:
        raise _Odd(f"quy tắc thứ {number + 1} nhận, nhưng không có số ở «{rule.reference}»")
    if rule.meaning == "rejected" and not faults:
        raise _Odd(f"quy tắc thứ {number + 1} nhận, nhưng «errors» không đọc ra lỗi nào")
    return Reading(rule=number, meaning=rule.meaning, reference=reference, faults=faults)


def _fact(kind: str, found: Any, name: str) -> Any:
    if kind == "list":
        return _listed(found, name)
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > _MAX_TEXT:
        raise _Odd(f"«{name}» không phải chữ")
    return str(found)


def _listed(found: Any, name: str) -> list[Any]:
    """XML with one child and XML with several look alike here."""
    if found is None or found == "":
        return []
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise _Odd(f"«{name}» không phải danh sách")
    return found[:_MAX_ERRORS]


def _faults(errors: Errors, document: Any) -> tuple[Fault, ...]:
    found = [
        Fault(*(_word(path, one) for path in (errors.code, errors.field, errors.message)))
        for one in _listed(expressions.find(errors.each, document), errors.each)
    ]
    if not all(fault.code for fault in found):
        raise _Odd(f"có lỗi không có mã ở «{errors.code}»")
    return tuple(found)


def _word(path: str | None, one: Any) -> str:
    return str(_fact("text", expressions.find(path, one), path)) if path else ""
