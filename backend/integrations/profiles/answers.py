"""What an answer of an Authority means by its profile. What no rule takes means nothing: it is unknown."""

from typing import Any

import msgspec

from backend.integrations.profiles import documents, expressions
from backend.integrations.profiles.schemas import Answer, Errors, Meaning, Rule

#: No fact is longer; more than this many errors nobody reads.
_MAX_TEXT, _MAX_ERRORS = 2000, 500
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
        document = documents.read(answer.format, content)
        facts = {
            name: _fact(fact.kind, expressions.find(fact.path, document))
            for name, fact in answer.facts.items()
        }
        faults = _faults(answer.errors, document) if answer.errors else ()
        values = {"status": status, **facts}
        variables = variables_of(answer)
        for number, rule in enumerate(answer.rules):
            if expressions.holds(rule.when, variables, values):
                ours = bool(message_id) and facts.get(answer.message_id) == message_id
                return _believed(number, rule, facts, faults, ours)
    except (documents.Unreadable, expressions.BadExpression, _Odd):
        return None
    return None


def variables_of(answer: Answer) -> expressions.Variables:
    """What the predicates of an answer may ask about."""
    return (("status", "int"), *((name, fact.kind) for name, fact in answer.facts.items()))


class _Odd(Exception):
    """A fact is not what the profile says that it is."""


def _believed(
    number: int, rule: Rule, facts: dict[str, Any], faults: tuple[Fault, ...], ours: bool
) -> Reading | None:
    reference = facts[rule.reference] if rule.reference else ""
    if not ours and not rule.uncorrelated:
        return None
    if (rule.meaning in NUMBERED and not reference) or (rule.meaning == "rejected" and not faults):
        return None
    return Reading(rule=number, meaning=rule.meaning, reference=reference, faults=faults)


def _fact(kind: str, found: Any) -> Any:
    if kind == "list":
        return _listed(found)
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > _MAX_TEXT:
        raise _Odd
    return str(found)


def _listed(found: Any) -> list[Any]:
    """XML with one child and XML with several look alike here."""
    if found is None or found == "":
        return []
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise _Odd
    return found[:_MAX_ERRORS]


def _faults(errors: Errors, document: Any) -> tuple[Fault, ...]:
    found = [
        Fault(*(_word(path, one) for path in (errors.code, errors.field, errors.message)))
        for one in _listed(expressions.find(errors.each, document))
    ]
    if not all(fault.code for fault in found):
        raise _Odd
    return tuple(found)


def _word(path: str | None, one: Any) -> str:
    return str(_fact("text", expressions.find(path, one))) if path else ""
