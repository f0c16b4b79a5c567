"""The tree of a profile filled with what is known: a pure function, no text is ever put together.

The same tree and the same content always give the same value, in the order in which the tree is written.
"""

import base64
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from backend.integrations.profiles import expressions
from backend.integrations.profiles.expressions import BadExpression
from backend.integrations.profiles.schemas import Node

#: Nothing came of a place that may stay empty.
_NOTHING = object()
#: What a `when` may ask about: the item that a path starts at.
ITEM: expressions.Variables = (("item", "any"),)


class Known(msgspec.Struct, frozen=True):
    """What a tree refers to beside the content: the profile's parts and code lists, the school's parameters."""

    parts: Mapping[str, Node]
    codelists: Mapping[str, Mapping[str, str]]
    parameters: Mapping[str, str]


class BadMapping(Exception):
    """The content does not fit the tree; `place` is where in what would be written."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place or 'gốc'}: {reason}")
        self.place = place
        self.reason = reason


def fill(tree: Node, content: Any, known: Known) -> Any:
    """The value of a tree: dictionaries, lists, texts and numbers. Raises BadMapping."""
    found = _value(tree, content, known, "")
    if found is _NOTHING:
        raise BadMapping("", "không có gì để ghi")
    return found


def _value(node: Node, item: Any, known: Known, place: str) -> Any:
    try:
        if node.when is not None and not expressions.holds(node.when, ITEM, {"item": item}):
            return "" if node.empty else _NOTHING
        if node.use is not None:
            return _value(known.parts[node.use], item, known, place)
        if node.fields is not None:
            return _children(node.fields, item, known, place)
        if node.each is not None:
            return _repeated(node, item, known, place)
        return _leaf(node, item, known, place)
    except BadExpression as error:
        raise BadMapping(place, str(error)) from error


def _children(fields: Mapping[str, Node], item: Any, known: Known, place: str) -> dict[str, Any]:
    made = {name: _value(node, item, known, f"{place}/{name}") for name, node in fields.items()}
    return {name: value for name, value in made.items() if value is not _NOTHING}


def _repeated(node: Node, item: Any, known: Known, place: str) -> Any:
    assert node.each is not None
    assert node.do is not None
    items = expressions.find(node.each, item)
    if items is None:
        items = []
    if not isinstance(items, list | tuple):
        raise BadMapping(place, f"«{node.each}» không phải danh sách")
    made = [_value(node.do, one, known, f"{place}[{number}]") for number, one in enumerate(items)]
    made = [one for one in made if one is not _NOTHING]
    return made if made or not node.optional else _NOTHING


def _leaf(node: Node, item: Any, known: Known, place: str) -> Any:
    if node.parameter is not None:
        found: Any = known.parameters.get(node.parameter)
    elif node.path is not None:
        found = expressions.find(node.path, item)
    else:
        found = node.value
    if found is None or (found == "" and node.kind != "base64"):
        if node.empty:
            return ""
        if node.optional:
            return _NOTHING
        raise BadMapping(place, "không có giá trị")
    if node.codelist is not None:
        found = _coded(known.codelists[node.codelist], found, place)
    made = _as(node, found, place)
    if node.max is not None and isinstance(made, str) and len(made) > node.max:
        raise BadMapping(place, f"dài {len(made)} ký tự, chỉ được {node.max}")
    return made


def _coded(codes: Mapping[str, str], found: Any, place: str) -> str:
    try:
        return codes[str(found)]
    except KeyError:
        raise BadMapping(place, f"«{found}» không có trong danh mục") from None


def _as(node: Node, found: Any, place: str) -> Any:
    try:
        return _MAKERS[node.kind](found, node)
    except (TypeError, ValueError, InvalidOperation):
        raise BadMapping(place, f"«{_shown(found)}» không đổi được thành {node.kind}") from None


def _shown(found: Any) -> str:
    return str(found)[:40] if isinstance(found, str | int | float) else type(found).__name__


def _text(found: Any, node: Node) -> str:
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise TypeError
    return unicodedata.normalize("NFC", str(found))


def _decimal(found: Any, node: Node) -> str:
    exact = Decimal(_text(found, node))
    if not exact.is_finite():
        raise ValueError
    return str(exact.quantize(Decimal(1).scaleb(-node.places), ROUND_HALF_UP))


def _integer(found: Any, node: Node) -> int:
    return int(_text(found, node))


def _date(found: Any, node: Node) -> str:
    return date.fromisoformat(_text(found, node)).strftime(node.form)


def _flag(found: Any, node: Node) -> str:
    if not isinstance(found, bool):
        raise TypeError
    return "1" if found else "0"


def _upper(found: Any, node: Node) -> str:
    return _text(found, node).upper()


def _base64(found: Any, node: Node) -> str:
    return base64.b64encode(found.encode() if isinstance(found, str) else found).decode()


_MAKERS = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "flag": _flag,
    "upper": _upper,
    "base64": _base64,
}
