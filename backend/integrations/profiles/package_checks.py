"""What of a package, a transport and a way to be known goes together, and whether files beside a profile are usable."""

import re
from collections.abc import Iterator, Mapping

from backend.integrations.profiles.format_steps import Place
from backend.integrations.profiles.schemas import (
    Answer,
    Auth,
    Body,
    Mtls,
    NoAuth,
    Node,
    Profile,
    SftpKey,
    Transport,
    WsSecurity,
    Xades,
)
from backend.remote_signing.formats import service as formats

_Found = Iterator[tuple[Place, str]]
_SCHEMAS = {
    "json": frozenset({"json_schema"}),
    "xml": frozenset({"xsd", "schematron"}),
    "soap": frozenset({"xsd", "schematron"}),
}
_COLUMN = re.compile(r"[A-Z]{1,2}")
_IN_BRACES = re.compile(r"\{([^{}]*)\}")


def of_body(profile: Profile, body: Body) -> _Found:
    """What of a body does not go together."""
    by_portal, soap = profile.transport.kind == "manual_portal", profile.transport.kind == "soap"
    if body.namespaces and body.format not in ("xml", "soap"):
        yield (), "namespaces chỉ dùng với XML"
    if soap != (body.format == "soap"):
        yield ("format",), "soap đi với transport soap, và chỉ với nó"
    if by_portal != (body.format == "xlsx") or by_portal != (body.sheet is not None):
        yield ("format",), "xlsx có «sheet» đi với transport manual_portal, và chỉ với nó"
    for number, schema in enumerate(body.schemas):
        if schema.kind not in _SCHEMAS.get(body.format, frozenset()):
            yield ("schemas", number, "kind"), f"lược đồ {schema.kind} không kiểm được {body.format}"
    if isinstance(body.sign, Xades) and (body.format != "xml" or body.namespaces):
        yield ("sign",), "xades ký tệp xml không có namespaces"
    for name in ("sign", "zip", "encrypt"):
        if getattr(body, name) is not None and (soap or by_portal):
            yield (name,), f"«{name}» không đi với transport {profile.transport.kind}"
    if body.zip is not None and any(one != "message_id" for one in _IN_BRACES.findall(body.zip)):
        yield ("zip",), "tên tệp trong ZIP chỉ nhắc được {message_id}"
    if body.sheet is not None:
        for place, tree in _trees(body):
            for name in tree.fields or {"": tree}:
                if not _COLUMN.fullmatch(name):
                    yield place, f"«{name}» không phải tên cột của bảng tính (A, B, …, AI)"
    if body.layouts and not by_portal:
        yield ("layouts",), "chỉ dùng với transport manual_portal"
    named = [grade for layout in body.layouts for grade in layout.grades]
    if named and (len(named) > len(set(named)) or not set(named) < set(profile.grades)):
        yield ("layouts",), "mỗi khối chỉ ở một layout và phải nằm trong grades; khối còn lại theo tree"


def _trees(body: Body) -> Iterator[tuple[Place, Node]]:
    yield ("tree",), body.tree
    for number, layout in enumerate(body.layouts):
        yield ("layouts", number, "tree"), layout.tree


def of_receipt(profile: Profile, answer: Answer) -> _Found:
    """The receipt of a portal names a line by a cell that was written into it."""
    sent = profile.operations.send.body
    trees = [tree.fields or {} for _, tree in _trees(sent)] if sent is not None else [{}]
    fact = answer.facts.get(answer.message_id)
    if profile.transport.kind != "manual_portal":
        if answer.format == "xlsx":
            yield ("format",), "biên nhận xlsx đi với transport manual_portal, và chỉ với nó"
    elif answer.format != "xlsx":
        yield ("format",), "biên nhận của cổng nộp tay là xlsx"
    elif fact is not None and any(fact.path not in one or one[fact.path].empty for one in trees):
        yield ("facts", answer.message_id, "path"), f"«{fact.path}» không phải cột luôn có chữ trong tệp nộp"


def of_access(auth: Auth, transport: Transport) -> str | None:
    """Why a way to be known does not go with a transport."""
    if isinstance(auth, WsSecurity) and transport.kind != "soap":
        return "WS-Security chỉ đi với transport soap"
    if isinstance(auth, SftpKey) != (transport.kind == "sftp"):
        return "sftp_key đi với transport sftp, và chỉ với nó"
    if isinstance(auth, Mtls) and transport.kind not in ("rest", "soap"):
        return "mtls chỉ đi với transport rest hoặc soap"
    if bool(transport.steps) != (transport.kind == "manual_portal"):
        return "«steps» (việc người nộp làm ở cổng) đi với transport manual_portal, và chỉ với nó"
    if transport.kind == "manual_portal" and not isinstance(auth, NoAuth):
        return "ở cổng nộp tay, người nộp tự đăng nhập: auth phải là none"
    return None


def of_plain_http(profile: Profile) -> _Found:
    """What an address without TLS takes: consent, and that nobody on the way can read, change or make up anything."""
    transport = profile.transport
    plain = transport.address is not None and transport.address.startswith("http://")
    if transport.waiver is not None and not plain:
        yield ("transport", "waiver"), "chỉ dùng với địa chỉ http không có TLS"
    if not plain:
        return
    if transport.waiver is None:
        yield ("transport", "address"), "địa chỉ http không có TLS cần «waiver» bằng văn bản của nền tảng"
    if not isinstance(profile.auth, NoAuth):
        yield (
            ("auth", "kind"),
            "không có TLS thì khóa nào gửi kèm cũng lộ: auth phải là none, thông điệp tự ký",
        )
    if profile.reconcile is not None:
        yield ("reconcile",), "không dùng được khi không có TLS: danh sách không có chữ ký"
    for name in ("send", "query"):
        operation = getattr(profile.operations, name)
        body, answer = operation.body, operation.answer
        if body is not None and (body.sign is None or body.encrypt is None):
            yield (
                ("operations", name, "body"),
                "không có TLS thì thông điệp phải vừa ký («sign») vừa mã hóa («encrypt»)",
            )
        if answer is None or answer.signed is None:
            yield (
                ("operations", name, "answer"),
                "không có TLS thì trả lời phải có chữ ký của cơ quan («signed»)",
            )


def of_files(profile: Profile, files: Mapping[str, bytes]) -> _Found:
    """Certificates that cannot be used."""
    if (name := profile.transport.authorities) is not None and not formats.are_certificates(files[name]):
        yield ("transport", "authorities"), f"«{name}» không có chứng thư dạng PEM"
    for call in ("send", "query"):
        body = getattr(profile.operations, call).body
        if body is not None and body.encrypt is not None:
            try:
                formats.encrypt_for(files[body.encrypt.certificate], b"")
            except formats.BadKey as error:
                yield ("operations", call, "body", "encrypt", "certificate"), str(error)
        answer = getattr(profile.operations, call).answer
        if answer is None or answer.signed is None:
            continue
        if not formats.are_certificates(files[(name := answer.signed.certificate)]):
            yield ("operations", call, "answer", "signed"), f"«{name}» không có chứng thư dạng PEM"
