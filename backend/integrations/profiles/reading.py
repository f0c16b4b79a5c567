"""A profile's YAML read strictly: no anchors, no tags, no key twice, none that the format does not know; with lines."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import yaml

from backend.integrations.profiles import format_steps
from backend.integrations.profiles.format_steps import Place
from backend.integrations.profiles.schemas import Profile

#: A profile is a page or two; more is somebody's mistake or attack.
MAX_BYTES = 512 * 1024
_MAX_DEPTH = 40
_WHERE = re.compile(r" - at `(?:key in )?\$(?P<where>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]*)`")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong in which line of a file; people read it as one line."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class BadProfile(Exception):
    """The profile cannot be used; says everything that was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Text(msgspec.Struct, frozen=True):
    """A file as it was read: its words, and in which line each place of it stands."""

    file: str
    document: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """The line of a place, or of what is around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, reason: str) -> Problem:
        """A problem at a place."""
        return Problem(self.file, self.line(place), reason)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core words only: `yes` and dates are text."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("tag:yaml.org,2002:int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("tag:yaml.org,2002:float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))

_PLAIN: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:bool": lambda text: text == "true",
    "tag:yaml.org,2002:null": lambda text: None,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}


def read_text(content: bytes, file: str) -> Text:
    """The document in the words of today's format, with its lines. Raises BadProfile."""
    if len(content) > MAX_BYTES:
        raise BadProfile(Problem(file, 1, f"tệp lớn hơn {MAX_BYTES // 1024} KiB"))
    try:
        root = yaml.compose(content.decode("utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadProfile(Problem(file, line, "tệp không phải UTF-8")) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadProfile(
            Problem(file, mark.line + 1 if mark else 1, f"sai cú pháp YAML: {error.problem}")
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadProfile(Problem(file, 1, f"sai cú pháp YAML: {error}")) from error
    lines: dict[Place, int] = {}
    document = _plain(root, (), lines, set(), file)
    format_steps.brought_up(document, lines)
    return Text(file, document, lines)


def read_profile(text: Text) -> Profile:
    """The profile that a document says. Raises BadProfile at the first word that the format does not know."""
    try:
        return msgspec.convert(text.document, Profile)
    except msgspec.ValidationError as error:
        raise BadProfile(_explained(text, str(error))) from error


def _plain(node: Any, place: Place, lines: dict[Place, int], seen: set[int], file: str) -> Any:
    if node is None:
        return None
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if id(node) in seen:
        raise BadProfile(Problem(file, line, "không dùng neo và bí danh của YAML (&, *)"))
    seen.add(id(node))
    if len(place) > _MAX_DEPTH:
        raise BadProfile(Problem(file, line, f"lồng nhau quá {_MAX_DEPTH} tầng"))
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return dict(_pairs(node, place, lines, seen, file))
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_plain(one, (*place, n), lines, seen, file) for n, one in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN:
        return _PLAIN[node.tag](node.value)
    raise BadProfile(Problem(file, line, f"không dùng nhãn {node.tag}"))


def _pairs(
    node: yaml.MappingNode, place: Place, lines: dict[Place, int], seen: set[int], file: str
) -> Iterator[tuple[str, Any]]:
    known = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise BadProfile(Problem(file, line, "khóa phải là chữ"))
        if key.value in known:
            raise BadProfile(Problem(file, line, f"khóa «{key.value}» viết hai lần"))
        known.add(key.value)
        lines[(*place, key.value)] = line
        yield key.value, _plain(value, (*place, key.value), lines, seen, file)


def _explained(text: Text, message: str) -> Problem:
    found = _WHERE.search(message)
    place = _place(text.document, found["where"] if found else "", message)
    reason = message[: found.start()] if found else message
    if unknown := _UNKNOWN.search(reason):
        return text.problem((*place, unknown["key"]), f"khóa «{unknown['key']}» không có trong định dạng")
    if missing := _MISSING.search(reason):
        return text.problem(place, f"thiếu khóa «{missing['key']}»")
    return text.problem(place, f"{'.'.join(map(str, place)) or 'tệp'}: {reason}")


def _place(document: Any, where: str, message: str) -> Place:
    """The place that msgspec names. It says `[...]` for a key of a dictionary: that one which alone gives the message."""
    place: list[str | int] = []
    for part in re.findall(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+|\.\.\.)\]", where):
        name, index = part
        if name:
            place.append(name)
        elif index != "...":
            place.append(int(index))
        else:
            keys = _at(document, place)
            if not isinstance(keys, dict):
                break
            place.append(next((key for key in keys if _says(document, place, key, message)), ""))
    return tuple(place)


def _at(document: Any, place: list[str | int]) -> Any:
    for part in place:
        document = document[part]
    return document


def _says(document: Any, place: list[str | int], key: str, message: str) -> bool:
    copied = msgspec.json.decode(msgspec.json.encode(document))
    around = _at(copied, place)
    for other in list(around):
        if other != key:
            del around[other]
    try:
        msgspec.convert(copied, Profile)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False
