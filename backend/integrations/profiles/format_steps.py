"""The format's own editions: a document of an earlier one is read through the steps that lead to the one of today.

A published profile never changes, so it is never rewritten: each step turns the words of format n into those of n + 1,
and names the lines of what it made. Adding an edition is adding a step.
"""

from collections.abc import Callable
from typing import Any

Place = tuple[str | int, ...]
Lines = dict[Place, int]
#: Changes the document in place.
Step = Callable[[dict[str, Any], Lines], None]

_STEPS: dict[int, Step] = {}


def step(from_format: int) -> Callable[[Step], Step]:
    """Registers what leads from this edition of the format to the next."""

    def keep(found: Step) -> Step:
        _STEPS[from_format] = found
        return found

    return keep


def brought_up(document: Any, lines: Lines) -> None:
    """Bring a document to the format of today. What is no profile stays as it is: its reader says so."""
    while isinstance(document, dict) and (found := _STEPS.get(_format_of(document))):
        number = document["format"]
        found(document, lines)
        document["format"] = number + 1


def _format_of(document: dict[str, Any]) -> int:
    number = document.get("format")
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


@step(1)
def _schemas_are_a_list(document: dict[str, Any], lines: Lines) -> None:
    """`xsd: FILE` of a body becomes one of its `schemas`."""
    operations = document.get("operations")
    for name, operation in operations.items() if isinstance(operations, dict) else ():
        body = operation.get("body") if isinstance(operation, dict) else None
        if isinstance(body, dict) and "xsd" in body:
            place: Place = ("operations", name, "body")
            line = lines.get((*place, "xsd"), 1)
            body["schemas"] = [{"kind": "xsd", "file": body.pop("xsd")}]
            lines |= {(*place, "schemas", *rest): line for rest in ((), (0,), (0, "file"))}
