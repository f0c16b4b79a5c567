"""What is wrong with a profile before anybody uses it: every reason with its line.

First what can be told from its words (names, paths, predicates, circles, files), then what shows when it is tried
(`trying.py`).
"""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from backend.integrations.profiles import answers, expressions, mapping, package_checks, trying
from backend.integrations.profiles.expressions import BadExpression
from backend.integrations.profiles.format_steps import Place
from backend.integrations.profiles.reading import Problem, Text
from backend.integrations.profiles.schemas import (
    Answer,
    NoAuth,
    Node,
    Operation,
    Profile,
)

#: What an operation can be told.
_MEANINGS = {
    "send": frozenset({"received", "rejected", "wait", "refused", "renew"}),
    "query": frozenset({"accepted", "locked", "rejected", "processing", "not_found", "refused", "renew"}),
}
#: Told of a message of somebody else, these would do harm.
_OURS_ONLY = frozenset({"received", "accepted", "locked", "processing"})
_SOURCES = ("path", "value", "parameter", "fields", "each", "use")
_IN_BRACES = re.compile(r"\{([^{}]*)\}")
#: Seconds for one predicate on answers that are large.
_LONGEST = 0.01
_LARGE_TEXT, _LARGE_LIST = "x" * 2000, [{"code": "0" * 40}] * 200


def check(profile: Profile, text: Text, folder: Path) -> list[Problem]:
    """All that is wrong; nothing wrong means that it can be used."""
    found = [text.problem(place, reason) for place, reason in _Check(profile).all()]
    if found:
        return found
    files: dict[str, bytes] = {}
    for place, name in named_files(profile):
        try:
            files[name] = (folder / name).read_bytes()
        except OSError:
            found.append(text.problem(place, f"không có tệp «{name}» cạnh hồ sơ"))
    if not found:
        tried = trying.tried(profile, operations_of(profile), files)
        both = (*package_checks.of_files(profile, files), *tried)
        found = [text.problem(place, reason) for place, reason in both]
    return found


def files_of(profile: Profile) -> set[str]:
    """The files beside a profile that it names."""
    return {name for _, name in named_files(profile)}


def named_files(profile: Profile) -> Iterator[tuple[Place, str]]:
    """Each file beside the profile that it names, with the place of the name."""
    if profile.transport.authorities is not None:
        yield ("transport", "authorities"), profile.transport.authorities
    for name, operation in operations_of(profile):
        body, place = operation.body, ("operations", name, "body")
        if operation.answer is not None and operation.answer.signed is not None:
            yield ("operations", name, "answer", "signed", "certificate"), operation.answer.signed.certificate
        if body is None:
            continue
        for number, schema in enumerate(body.schemas):
            yield (*place, "schemas", number, "file"), schema.file
        if body.encrypt is not None:
            yield (*place, "encrypt", "certificate"), body.encrypt.certificate
        if body.sheet is not None:
            yield (*place, "sheet", "template"), body.sheet.template
        for number, layout in enumerate(body.layouts):
            yield (*place, "layouts", number, "sheet", "template"), layout.sheet.template


def operations_of(profile: Profile) -> list[tuple[str, Operation]]:
    """The calls by name."""
    return [("send", profile.operations.send), ("query", profile.operations.query)]


def _leaves(node: Node) -> Iterator[Node]:
    if node.path is not None:
        yield node
    for child in (node.fields or {}).values():
        yield from _leaves(child)


_Found = Iterator[tuple[Place, str]]


class _Check:
    """The words of a profile against each other."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._parameters: set[str] = set()
        self._secrets: set[str] = set()

    def all(self) -> _Found:
        for name, part in self._profile.parts.items():
            yield from self._node(part, ("parts", name))
        yield from self._circles()
        for name, operation in operations_of(self._profile):
            yield from self._operation(name, operation, ("operations", name))
        yield from self._access()
        yield from self._days()
        yield from self._listing()
        yield from self._findings()

    def _listing(self) -> _Found:
        listing = self._profile.reconcile
        if listing is None:
            return
        kind, soap = self._profile.transport.kind, self._profile.transport.kind == "soap"
        if kind == "manual_portal":
            yield ("reconcile",), "không dùng với transport manual_portal"
        if soap != (listing.format == "soap") or soap != (listing.body is not None):
            yield ("reconcile",), "format soap và «body» đi với transport soap, và chỉ với nó"
        if not soap and (listing.namespaces or listing.soap_action is not None):
            yield ("reconcile",), "namespaces và soap_action chỉ dùng với transport soap"
        named = set(_IN_BRACES.findall(listing.path))
        if unknown := named - {"sender_code", "page", *self._profile.parameters}:
            yield ("reconcile", "path"), f"«{{{min(unknown)}}}» không phải tham số của hồ sơ"
        said = {node.path for node in _leaves(listing.body)} if listing.body else named
        if missing := {"sender_code", "page"} - said:
            yield ("reconcile", "body" if listing.body else "path"), f"thiếu «{min(missing)}»"
        if listing.body is not None:
            yield from self._node(listing.body, ("reconcile", "body"))
        self._parameters |= named & set(self._profile.parameters)
        for key in ("total", "each", "message_id", "lookup_code", "version", "sha256", "state"):
            yield from self._path(getattr(listing, key), ("reconcile", key))
        if missing := {"accepted", "rejected"} - set(listing.states.values()):
            yield ("reconcile", "states"), f"không có từ nào nghĩa là «{min(missing)}»"
        yield from self._node(listing.example, ("reconcile", "example"))

    def _operation(self, name: str, operation: Operation, place: Place) -> _Found:
        soap = self._profile.transport.kind == "soap"
        for inside in _IN_BRACES.findall(operation.path):
            if inside in self._profile.parameters:
                self._parameters.add(inside)
            elif inside not in ("message_id", "sender_code"):
                yield (*place, "path"), f"«{{{inside}}}» không phải tham số của hồ sơ"
        if operation.soap_action is not None and not soap:
            yield (*place, "soap_action"), "chỉ dùng với transport soap"
        if (name == "send" or soap) and operation.body is None:
            yield place, "thiếu khóa «body»"
        if operation.body is not None:
            yield from self._node(operation.body.tree, (*place, "body", "tree"))
            for number, layout in enumerate(operation.body.layouts):
                yield from self._node(layout.tree, (*place, "body", "layouts", number, "tree"))
            for inside, reason in package_checks.of_body(self._profile, operation.body):
                yield (*place, "body", *inside), reason
            if (key := getattr(operation.body.sign, "key", None)) is not None:
                yield from self._asked(key, "secrets", (*place, "body", "sign", "key"))
        by_file = self._profile.transport.kind in ("sftp", "manual_portal") and name == "send"
        if by_file == (operation.answer is not None):
            yield place, "tệp nộp đi không có «answer»" if by_file else "thiếu khóa «answer»"
        if operation.answer is not None:
            yield from self._answer(name, operation.answer, (*place, "answer"))

    def _answer(self, name: str, answer: Answer, place: Place) -> _Found:
        if name == "query":
            for inside, reason in package_checks.of_receipt(self._profile, answer):
                yield (*place, *inside), reason
        for fact_name, fact in answer.facts.items():
            yield from self._path(fact.path, (*place, "facts", fact_name, "path"))
            if fact_name == "status":
                yield (*place, "facts", fact_name), "«status» là mã HTTP, không đặt lại được"
        if (
            answer.facts.get(answer.message_id, None) is None
            or answer.facts[answer.message_id].kind != "text"
        ):
            yield (*place, "message_id"), f"«{answer.message_id}» không có trong facts dưới dạng chữ"
        if answer.errors:
            for key in ("each", "code", "field", "message"):
                if path := getattr(answer.errors, key):
                    yield from self._path(path, (*place, "errors", key))
        for number, rule in enumerate(answer.rules):
            here = (*place, "rules", number)
            yield from self._predicate(rule.when, answers.variables_of(answer), (*here, "when"))
            yield from self._node(rule.example.body, (*here, "example", "body"))
            if rule.meaning not in _MEANINGS[name]:
                yield (*here, "is"), f"«{rule.meaning}» không phải trả lời của {name}"
            if rule.meaning in answers.NUMBERED and rule.reference is None:
                yield here, f"«{rule.meaning}» phải có số của cơ quan tiếp nhận: thiếu khóa «reference»"
            if rule.reference is not None and rule.reference not in answer.facts:
                yield (*here, "reference"), f"«{rule.reference}» không có trong facts"
            if rule.meaning == "rejected" and answer.errors is None:
                yield here, "«rejected» phải kèm lỗi: thiếu khóa «errors» của answer"
            if rule.uncorrelated and rule.meaning in _OURS_ONLY:
                yield (
                    (*here, "uncorrelated"),
                    f"«{rule.meaning}» chỉ tin được khi trả lời nhắc đúng mã thông điệp",
                )

    def _node(self, node: Node, place: Place) -> _Found:
        sources = [name for name in _SOURCES if getattr(node, name) is not None]
        if len(sources) != 1:
            yield place, f"cần đúng một trong: {', '.join(_SOURCES)}"
        if (node.each is None) != (node.do is None):
            yield place, "«each» và «do» đi cùng nhau"
        for name, expression in (("path", node.path), ("each", node.each)):
            if expression is not None:
                yield from self._path(expression, (*place, name))
        if node.when is not None:
            yield from self._predicate(node.when, mapping.ITEM, (*place, "when"))
        if node.use is not None and node.use not in self._profile.parts:
            yield (*place, "use"), f"không có phần «{node.use}» trong parts"
        if node.codelist is not None and node.codelist not in self._profile.codelists:
            yield (*place, "codelist"), f"không có danh mục «{node.codelist}» trong codelists"
        if node.parameter is not None:
            yield from self._asked(node.parameter, "parameters", (*place, "parameter"))
        for name, child in (node.fields or {}).items():
            yield from self._node(child, (*place, "fields", name))
        if node.do is not None:
            yield from self._node(node.do, (*place, "do"))

    def _circles(self) -> _Found:
        uses = {name: set(_used(part)) for name, part in self._profile.parts.items()}
        for name in uses:
            seen, ahead = set[str](), set(uses[name])
            while ahead:
                step = ahead.pop()
                if step not in seen:
                    seen.add(step)
                    ahead |= uses.get(step, set())
            if name in seen:
                yield ("parts", name), f"phần «{name}» dùng chính nó (vòng lặp)"

    def _access(self) -> _Found:
        profile = self._profile
        auth, transport = profile.auth, profile.transport
        if (reason := package_checks.of_access(auth, transport)) is not None:
            yield ("auth", "kind"), reason
        if transport.address is not None and transport.address.startswith("sftp:") != (
            transport.kind == "sftp"
        ):
            yield ("transport", "address"), "địa chỉ không phải của loại transport này"
        yield from package_checks.of_plain_http(profile)
        if not isinstance(auth, NoAuth):
            yield from self._asked(auth.secret, "secrets", ("auth", "secret"))
        for key in ("user", "client"):
            if (name := getattr(auth, key, None)) is not None:
                yield from self._asked(name, "parameters", ("auth", key))
        if token := getattr(auth, "token", None):
            yield from self._path(token, ("auth", "token"))
        if profile.environment == "prod" and transport.address is None:
            yield ("transport",), "hồ sơ prod phải có «address» https"
        if profile.environment == "sandbox" and transport.address is not None:
            yield ("transport", "address"), "địa chỉ của hồ sơ sandbox do nền tảng đặt"
        if "submit" not in profile.actions:
            yield ("actions",), "thiếu «submit»"
        for kind, asked, used in (
            ("parameters", profile.parameters, self._parameters),
            ("secrets", profile.secrets, self._secrets),
        ):
            for name in asked.keys() - used:
                yield (kind, name), f"«{name}» không được dùng ở đâu"
            for name, one in asked.items():
                if one.pattern is not None and not _is_pattern(one.pattern):
                    yield (kind, name, "pattern"), "sai biểu thức chính quy"

    def _days(self) -> _Found:
        for number, window in enumerate(self._profile.calendar):
            for key in ("opens", "closes"):
                day = getattr(window, key)
                if day is not None and not _is_day(day):
                    yield ("calendar", number, key), f"«{day}» không phải ngày trong năm (tháng-ngày)"
        authority = self._profile.authority
        if authority.effective_until is not None and authority.effective_until < authority.effective_from:
            yield ("authority", "effective_until"), "trước ngày bắt đầu hiệu lực"

    def _findings(self) -> _Found:
        known: dict[str, str] = {}
        for code, entry in self._profile.errors.items():
            for finding in entry.means:
                if finding in known:
                    yield ("errors", code, "means"), f"«{finding}» đã là nghĩa của lỗi {known[finding]}"
                known[finding] = code

    def _asked(self, name: str, kind: str, place: Place) -> _Found:
        asked: Mapping[str, Any] = getattr(self._profile, kind)
        if name not in asked:
            yield place, f"«{name}» không có trong {kind}"
        (self._parameters if kind == "parameters" else self._secrets).add(name)

    def _path(self, path: str, place: Place) -> _Found:
        try:
            expressions.compile_path(path)
        except BadExpression as error:
            yield place, str(error)

    def _predicate(self, text: str, variables: expressions.Variables, place: Place) -> _Found:
        try:
            expressions.compile_predicate(text, variables)
        except BadExpression as error:
            yield place, str(error)
            return
        values = {name: _large(kind) for name, kind in variables}
        taken = []
        for _ in range(3):
            started = time.thread_time()
            try:
                expressions.holds(text, variables, values)
            except BadExpression as error:
                if variables != mapping.ITEM:
                    yield place, str(error)
                return
            taken.append(time.thread_time() - started)
        if min(taken) > _LONGEST:
            yield place, f"điều kiện chạy lâu hơn {_LONGEST * 1000:.0f} ms"


def _used(node: Node) -> Iterator[str]:
    if node.use is not None:
        yield node.use
    for child in (node.fields or {}).values():
        yield from _used(child)
    if node.do is not None:
        yield from _used(node.do)


def _large(kind: str) -> Any:
    return {"int": 200, "text": _LARGE_TEXT, "list": _LARGE_LIST, "any": {}}[kind]


def _is_pattern(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(f"2024-{text}")
    except ValueError:
        return False
    return True
