"""Habits that hold in every file: one clock, no printing, nothing declared that nobody uses."""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.architecture.source import Source, calls, mentions

_OF_THE_MOMENT = {
    *(f"datetime.datetime.{name}" for name in ("now", "today", "utcnow")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime")),
}
#: The clock itself, and the milliseconds in a UUIDv7.
_CLOCKS = {"backend.core.clock", "backend.core.ids"}
#: What writes to a terminal because a person has called it there.
_TERMINALS = {"cli", "command", "verify_command"}

#: Where connections to elsewhere are made.
_EGRESS = {"backend.core.egress", "backend.core.http_client", "backend.core.mail"}
_CONNECTS = re.compile(
    r"\.(?:getaddrinfo|gethostbyname\w*|create_connection|open_connection|create_datagram_endpoint|sock_connect|urlopen)$"
)
_CLIENTS = re.compile(
    r"(?:urllib\.request|http\.client|ftplib|smtplib|poplib|imaplib|telnetlib|xmlrpc)(?:\.|$)"
)

#: Arabic numbers, and whatever is filled into a text after the word: f"{…}", "%(term)s", "{{ … }}".
_OTHER_TERM = re.compile(r"[Hh]ọc k[ìỳ] ?(?:[12]\b|\{|%)|\bHK ?[12]\b")

#: What people call each deed: having words is no use.
_WORDS = {"backend.core.audit_words"}
_ACTION, _PERMISSION = "backend.core.audit.Action", "backend.tenants.permissions.Permission"


def foreign_clocks(source: Source) -> Iterator[str]:
    """Looks at the time past `core.clock`, which tests could not move. Counting seconds (`monotonic`) is free."""
    for module in source.values():
        if module.name not in _CLOCKS:
            yield from (f"{module.name}:{line} {m}" for m, line in mentions(module) if m in _OF_THE_MOMENT)


def other_ways_out(source: Source) -> Iterator[str]:
    """Connections and look-ups past `core.egress`; libraries that connect have a home in pyproject.toml."""
    for module in source.values():
        if module.name not in _EGRESS:
            named = {(found, line) for found, line in mentions(module) if _CONNECTS.search(found)}
            named |= {(one.target, one.line) for one in module.imports if _CLIENTS.match(one.target)}
            yield from (f"{module.name}:{line} {found}" for found, line in named)


def other_terms(texts: Mapping[str, str]) -> Iterator[str]:
    """Terms that people would read otherwise than `core.text.term_words` says them: "học kì 1", or put together apart."""
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if _OTHER_TERM.search(line):
                yield f"{name}:{number}"


def printing(source: Source) -> Iterator[str]:
    """`print` where nobody reads it: a server logs."""
    for module in source.values():
        if module.name.rpartition(".")[2] not in _TERMINALS:
            yield from (f"{module.name}:{call.lineno}" for name, call in calls(module) if name == "print")


def unused_actions(source: Source) -> set[str]:
    """Members of `audit.Action` that nothing records."""
    return _members(source, _ACTION) - _named(source, _ACTION)


def unused_permissions(source: Source) -> set[str]:
    """Members of `Permission` that no guard and no service asks for."""
    return _members(source, _PERMISSION) - _named(source, _PERMISSION)


def _members(source: Source, whole: str) -> set[str]:
    home, _, name = whole.rpartition(".")
    node = next(n for n in source[home].tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    return {
        target.id
        for line in node.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    }


def _named(source: Source, whole: str) -> set[str]:
    idle = {whole.rpartition(".")[0], *_WORDS}
    found = {m for module in source.values() if module.name not in idle for m, _ in mentions(module)}
    return {m.rpartition(".")[2] for m in found if m.rpartition(".")[0] == whole}
