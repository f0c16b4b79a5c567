"""A profile in words: what the operator reads of its trees, calls and limits. No I/O."""

from collections.abc import Iterator, Mapping
from typing import Final

from backend.integrations.operations.schemas import Call, Leaf, RuleLine
from backend.integrations.profiles.schemas import (
    Answer,
    Auth,
    Body,
    Cms,
    ErrorClass,
    Jws,
    Meaning,
    Node,
    Operation,
    Profile,
    Transport,
)

TRANSPORTS: Final[Mapping[str, str]] = {
    "rest": "REST (HTTP)",
    "soap": "SOAP 1.1",
    "sftp": "SFTP",
    "manual_portal": "Cổng do người nộp",
}
_AUTHS: Final[Mapping[str, str]] = {
    "NoAuth": "không gửi kèm gì",
    "ApiKey": "khóa API trong tiêu đề",
    "Basic": "tên và mật khẩu (HTTP Basic)",
    "OAuthClient": "OAuth 2, client credentials",
    "SessionLogin": "đăng nhập lấy phiên",
    "WsSecurity": "WS-Security UsernameToken",
    "SftpKey": "khóa SSH",
    "Mtls": "chứng thư hai chiều (mTLS)",
}
ACTIONS: Final[Mapping[str, str]] = {"submit": "nộp", "replace": "nộp thay", "recall": "thu hồi"}
#: Who can do something about an error.
CLASSES: Final[Mapping[ErrorClass, str]] = {
    "fix_data": "trường sửa dữ liệu",
    "fix_config": "sửa thông tin kết nối",
    "resend_same": "gửi lại đúng thông điệp",
    "wait": "chờ cơ quan",
    "ask_human": "hỏi cơ quan",
}
_MEANINGS: Final[Mapping[Meaning, str]] = {
    "received": "đã nhận, chờ kết quả",
    "accepted": "chấp nhận",
    "locked": "chấp nhận và đã chốt",
    "rejected": "từ chối",
    "processing": "đang xử lý",
    "not_found": "chưa có thông điệp này",
    "wait": "hãy gửi lại sau",
    "refused": "từ chối khóa kết nối",
    "renew": "mã phiên hết hạn",
}
_KINDS: Final[Mapping[str, str]] = {
    "text": "chữ",
    "integer": "số nguyên",
    "decimal": "số thập phân",
    "date": "ngày",
    "flag": "1 hoặc 0",
    "upper": "chữ hoa",
    "base64": "base64",
}
_CALLS: Final[Mapping[str, str]] = {"send": "Gửi thông điệp", "query": "Hỏi kết quả"}


def auth_of(auth: Auth) -> str:
    """How the Authority knows a school."""
    return _AUTHS[type(auth).__name__]


def facts_of(profile: Profile) -> Iterator[tuple[str, str]]:
    """What holds for the whole profile, term by term."""
    transport, retry, limits = profile.transport, profile.retry, profile.limits
    yield "Cách truyền", TRANSPORTS[transport.kind]
    yield "Địa chỉ", transport.address or "do nền tảng đặt (bản thử nghiệm)"
    yield (
        "Thời hạn một lần gọi",
        f"{transport.timeouts.connect:g} giây để kết nối, {transport.timeouts.total:g} giây cho cả lần gọi",
    )
    yield "Trả lời dài nhất", f"{transport.max_answer:,} byte".replace(",", ".")
    yield from _trust(transport)
    yield "Cách nhận biết trường", auth_of(profile.auth)
    yield "Việc nhận", ", ".join(ACTIONS[one] for one in profile.actions)
    yield "Khối nhận", ", ".join(map(str, profile.grades)) or "mọi khối"
    yield (
        "Giới hạn",
        f"{limits.concurrency} lần gọi cùng lúc"
        + (f", {limits.per_minute} thông điệp một phút" if limits.per_minute else ""),
    )
    yield "Giờ nghỉ", ", ".join(f"{one.begins} đến {one.ends}" for one in limits.quiet) or "không"
    yield (
        "Ngắt khi im lặng",
        f"sau {limits.breaker.failures} thông điệp liền không có trả lời, nghỉ {limits.breaker.pause:g} giây",
    )
    yield (
        "Gửi lại, hỏi lại",
        f"hỏi sau {retry.ask:g} giây; đang xử lý: {retry.processing:g}; chưa rõ: {retry.unknown:g}; "
        f"chưa gửi được: {retry.unsent:g}; lâu nhất {retry.longest:g} giây",
    )
    yield "Đối soát", "không có danh sách" if profile.reconcile is None else profile.reconcile.path


def _trust(transport: Transport) -> Iterator[tuple[str, str]]:
    if transport.authorities is not None:
        yield "Chỉ tin chứng thư của", transport.authorities
    if transport.waiver is not None:
        waiver = transport.waiver
        yield (
            "Cho phép không TLS",
            f"{waiver.document}, người ký {waiver.signed_by}, đến {waiver.until:%d/%m/%Y}",
        )


def calls_of(profile: Profile) -> Iterator[Call]:
    """The two calls of a profile."""
    for name, operation in (("send", profile.operations.send), ("query", profile.operations.query)):
        body, answer = operation.body, operation.answer
        yield Call(
            name=_CALLS[name],
            address=_address(profile, operation),
            package=tuple(_package(body)) if body else (),
            leaves=tuple(_leaves(profile, body)) if body else (),
            facts=tuple((key, fact.path) for key, fact in answer.facts.items()) if answer else (),
            rules=tuple(_rules(answer)) if answer else (),
        )


def _address(profile: Profile, operation: Operation) -> str:
    by_http = profile.transport.kind in ("rest", "soap")
    return f"{operation.method} {operation.path}" if by_http else operation.path


def _package(body: Body) -> Iterator[str]:
    """What is written, and what is done with it then, in order."""
    yield f"viết {body.format.upper()}"
    for schema in body.schemas:
        yield f"đối chiếu {schema.file} ({schema.kind})"
    if body.sign is not None:
        by = f"khóa «{body.sign.key}» của trường" if body.sign.key else "khóa của nền tảng"
        yield f"ký {'JWS' if isinstance(body.sign, Jws) else 'XAdES'} bằng {by}"
    if body.zip is not None:
        yield f"nén ZIP, tên tệp bên trong {body.zip}"
    if isinstance(body.encrypt, Cms):
        yield f"mã hóa CMS cho {body.encrypt.certificate}"
    if body.sheet is not None:
        yield f"điền vào {body.sheet.template} từ dòng {body.sheet.first_row}"
    for layout in body.layouts:
        grades = ", ".join(map(str, layout.grades))
        yield f"khối {grades}: điền vào {layout.sheet.template} từ dòng {layout.sheet.first_row}"


def _rules(answer: Answer) -> Iterator[RuleLine]:
    for rule in answer.rules:
        yield RuleLine(
            when=rule.when,
            meaning=_MEANINGS[rule.meaning],
            number=rule.reference or "",
            uncorrelated=rule.uncorrelated,
        )


def _leaves(profile: Profile, body: Body) -> Iterator[Leaf]:
    yield from leaves(profile, body.tree)
    for layout in body.layouts:
        yield from leaves(profile, layout.tree, f"khối {', '.join(map(str, layout.grades))}: ")


def leaves(profile: Profile, tree: Node, place: str = "") -> Iterator[Leaf]:
    """The places of a tree that get a value, in the order in which they are written; parts stand where they are used."""
    if tree.use is not None:
        yield from leaves(profile, profile.parts[tree.use], place)
    elif tree.fields is not None:
        if not tree.fields:
            yield Leaf(place=place, source="để trống (chỗ của chữ ký)", made="", terms=_terms(tree))
        for name, child in tree.fields.items():
            yield from leaves(profile, child, place + name if place[-2:] in ("", ": ") else f"{place}/{name}")
    elif tree.do is not None:
        yield from leaves(profile, tree.do, f"{place}[{tree.each}]")
    else:
        yield Leaf(place=place, source=_source(tree), made=_made(tree), terms=_terms(tree))


def _source(node: Node) -> str:
    if node.parameter is not None:
        return f"trường điền «{node.parameter}»"
    return node.path if node.path is not None else f"luôn là «{node.value}»"


def _made(node: Node) -> str:
    said = _KINDS[node.kind]
    if node.kind == "decimal":
        said += f", {node.places} chữ số lẻ"
    if node.kind == "date":
        said += f" {node.form}"
    return said + (f", theo danh mục {node.codelist}" if node.codelist else "")


def _terms(node: Node) -> str:
    said = [f"khi {node.when}"] if node.when else []
    if node.max is not None:
        said.append(f"dài nhất {node.max} ký tự")
    if node.optional:
        said.append("bỏ nếu không có")
    if node.empty:
        said.append("để trống nếu không có")
    return "; ".join(said) or ("" if node.fields is not None else "bắt buộc")
