"""What is wrong with a profile is said with file, line and reason, before anybody uses it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.integrations.profiles import catalog, format_steps, signature
from backend.integrations.profiles.reading import BadProfile

SANDBOX = catalog.path_of("vn.sandbox.hocba/2")
KEYS = ((signature.SANDBOX, signature.public_of(signature.sandbox_key())),)
Change = Callable[[str], str]


def told(folder: Path, change: Change, source: Path = SANDBOX) -> list[tuple[int, str]]:
    """Line and reason of everything that is wrong with the changed profile."""
    text = source.read_text("utf-8")
    changed = change(text)
    assert changed != text
    for beside in catalog.FOLDER.glob("*.*"):
        if beside.suffix not in (".yaml", ".sig", ".md"):
            (folder / beside.name).write_bytes(beside.read_bytes())
    path = folder / source.name
    path.write_text(changed, "utf-8")
    with pytest.raises(BadProfile) as caught:
        catalog.load(path, {})
    assert all(problem.file == source.name for problem in caught.value.problems)
    return [(problem.line, problem.reason) for problem in caught.value.problems]


def line_of(words: str, source: Path = SANDBOX) -> int:
    """The line of a profile in which these words stand first."""
    lines = source.read_text("utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if words in line)


def swap(old: str, new: str) -> Change:
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize("path", sorted(catalog.FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_that_ships_can_be_used_and_is_published(path: Path) -> None:
    edition = catalog.load(path, dict(KEYS))
    assert edition.published
    assert edition.profile.environment == "sandbox"
    assert not edition.profile.confirmed
    assert "mẫu, chờ cơ quan xác nhận" in edition.profile.title
    assert ") (" not in edition.profile.title


@pytest.mark.parametrize(
    ("change", "words", "reason"),
    [
        (swap("confirmed: false", "confirmd: false"), "confirmed:", "khóa «confirmd» không có trong định dạng"),
        (swap("{path: sender_code}", "{pth: sender_code}"), "senderCode:", "khóa «pth» không có trong định dạng"),
        (swap("moTa: {path: message}", "moTa: {pth: message}"), "do: {fields", "khóa «pth» không có trong định dạng"),
        (swap("  name: Cơ sở dữ liệu học bạ số của tỉnh (mô phỏng)\n", ""), "authority:", "thiếu khóa «name»"),
        (swap("format: 1\n", "format: 9\n"), "format: 1", "format: Invalid enum value 9"),
        (swap("path: action}", "path: 'a[' }"), "action: {path", "sai cú pháp JMESPath"),
        (swap("path: action}", "path: nothing}"), "action: {path", "/action: không có giá trị"),
        (swap("path: refers_to", "path: refers_too"), "reference: {path", "không dẫn đến đâu trong các mẫu"),
        (swap("code == '00'", "cod == '00'"), "code == '00'", "undeclared reference to 'cod'"),
        (swap("status == 200 && code", "status == '200' && code"), "code == '00'", "no matching overload"),
        (swap("code == '00'", "int(code) == 0"), "code == '00'", "không tính được"),
        (swap("status == 429", "status == 401"), "status: 429", "ví dụ không được quy tắc nào nhận"),
        (swap("state == 'DANG_XU_LY'", "state != ''"), "{value: DA_TIEP_NHAN}", "thứ 3 nhận trước"),
        (swap("reference: authority_id", "reference: authority"), "reference: authority_id", "không có trong facts"),
        (swap("message_id: message_id", "message_id: our_id"), "message_id: message_id", "không có trong facts"),
        (swap("is: received", "is: accepted"), "is: received", "«accepted» không phải trả lời của send"),
        (swap("is: processing", "is: processing\n          uncorrelated: true"), "is: processing", "nhắc đúng mã"),
        (swap("secret: api_key}", "secret: key}"), "auth:", "«key» không có trong secrets"),
        (swap("closes: \"06-29\"", "closes: \"06-31\""), "06-29", "không phải ngày trong năm"),
        (swap("means: [reason]", "means: [version]"), "LY_DO", "«version» đã là nghĩa của lỗi PHIEN_BAN"),
        (swap("{message_id}", "{message}"), "{message_id}", "«{message}» không phải tham số"),
        (swap("use: problems", "use: problem"), "use: problems", "không có phần «problem» trong parts"),
        (swap("moTa: {path: message}", "moTa: {use: problems}"), "problems:", "dùng chính nó (vòng lặp)"),
        (swap("        code: {path: code}\n", "        code: {path: code}\n" * 2), "messageId}", "viết hai lần"),
        (swap("path: action}", "path: action, codelist: deeds}"), "action: {path", "không có danh mục «deeds»"),
        (swap("kind: rest", "kind: rest\n  address: https://csdl.example.gov.vn"), "timeouts:", "do nền tảng đặt"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, change: Change, words: str, reason: str
) -> None:
    found = told(tmp_path, change)
    assert any(reason in said for _, said in found), found
    line = next(line for line, said in found if reason in said)
    assert abs(line - line_of(words)) <= 1, (line, line_of(words))


FILES = catalog.path_of("vn.sftp.hocba/2")
MUTUAL = catalog.path_of("vn.hai-chieu.hocba/1")
SOAP = catalog.path_of("vn.ninh-binh.hocba/1")


@pytest.mark.parametrize(
    ("source", "change", "words", "reason"),
    [
        (FILES, swap("hocba.2.xsd", "hocba.3.xsd"), "hocba.2.xsd", "không có tệp «vn.sftp.hocba.3.xsd» cạnh hồ sơ"),
        (FILES, swap("hocba.2.sch", "hocba.2.xsd"), "hocba.2.sch", "không đọc được lược đồ «vn.sftp.hocba.2.xsd»"),
        (FILES, swap("kind: schematron", "kind: json_schema"), "hocba.2.sch", "json_schema không kiểm được xml"),
        (FILES, swap("Lop: {path", "Lopp: {path"), "tree:", "không đúng vn.sftp.hocba.2.xsd"),
        (FILES, swap("optional: true}\n                  LyDo", "value: x}\n                  LyDo"),
         "ThamChieu: {", "cần đúng một trong"),
        (FILES, swap("place: ChuKy", "place: NoiDung/ChuKy"), "sign:", "không có chỗ để ký"),
        (FILES, swap("id: noi-dung, path", "id: noi, path"), "sign:", "không có chỗ để ký"),
        (FILES, swap("path: NoiDung, place", "path: KhongCo, place"), "sign:", "không có chỗ để ký"),
        (FILES, swap('zip: "{message_id}', 'zip: "{school}'), "zip:", "chỉ nhắc được {message_id}"),
        (FILES, swap("      format: xml\n      schemas", "      format: xlsx\n      schemas"),
         "format: xml", "xlsx có «sheet»"),
        (MUTUAL, swap("key: signing", "key: other"), "sign:", "«other» không có trong secrets"),
        (MUTUAL, swap("sign: {kind: jws, key: signing}", "sign: {kind: xades, id: a, path: b, place: c, key: signing}"),
         "sign:", "xades ký tệp xml"),
        (MUTUAL, swap("certificate: sandbox.recipient.pem", "certificate: sandbox.ca.pem.x"),
         "encrypt:", "không có tệp"),
        (MUTUAL, swap("certificate: sandbox.recipient.pem", "certificate: vn.hai-chieu.hocba.1.json"),
         "encrypt:", "chứng thư RSA"),
        (MUTUAL, swap("authorities: sandbox.ca.pem", "authorities: vn.hai-chieu.hocba.1.json"),
         "transport:", "không có chứng thư dạng PEM"),
        (MUTUAL, swap("hocba.1.json", "../x.json"), "schemas:", "matching regex"),
        (MUTUAL, swap("kind: rest", "kind: sftp"), "auth:", "sftp_key đi với transport sftp"),
        (MUTUAL, swap("kind: rest", "kind: manual_portal"), "auth:", "mtls chỉ đi với transport rest"),
        (MUTUAL, swap("viec: {path: action, codelist: deeds}", "viec: {path: action}"), "tree:", "/viec"),
        (SOAP, swap("hocba.1.xsd", "hocba.2.xsd"), "hocba.1.xsd", "không có tệp «vn.ninh-binh.hocba.2.xsd» cạnh hồ sơ"),
        (SOAP, swap("      xsd: vn", "      schemas: []\n      xsdd: vn"),
         "xsd: vn", "khóa «xsdd» không có trong định dạng"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_package_is_named_with_its_line(
    tmp_path: Path, source: Path, change: Change, words: str, reason: str
) -> None:
    found = told(tmp_path, change, source)
    assert any(reason in said for _, said in found), found
    line = next(line for line, said in found if reason in said)
    assert abs(line - line_of(words, source)) <= 1, (line, line_of(words, source))


def test_a_profile_of_an_earlier_format_is_read_through_the_steps_that_lead_to_todays() -> None:
    edition = catalog.load(SOAP, dict(KEYS))
    assert b"format: 1\n" in SOAP.read_bytes()
    assert edition.published, "its bytes and its signature are as they were"
    body = edition.profile.operations.send.body
    assert body is not None
    assert [(one.kind, one.file) for one in body.schemas] == [("xsd", "vn.ninh-binh.hocba.1.xsd")]


@pytest.mark.parametrize("document", [None, [], "x", {}, {"format": True}, {"format": 1, "operations": [1]}])
def test_what_is_no_profile_is_brought_to_no_format(document: object) -> None:
    format_steps.brought_up(document, {})


def test_a_predicate_that_runs_long_is_refused(tmp_path: Path) -> None:
    many = "[" + ",".join("1" * 60) + "]"
    long = f"{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))"
    [(line, reason)] = told(tmp_path, swap("status == 429", long[:500]))
    assert line == line_of("status == 429")
    assert re.search("chạy lâu|không tính được|sai", reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: &x 1\nb: *x\n", "neo và bí danh"),
        (b"a: !!python/object:os.system x\n", "nhãn"),
        (b"a: [1, 2\n", "sai cú pháp YAML"),
        (b"a: \xff\n", "không phải UTF-8"),
        (b"x" * 600_000, "lớn hơn"),
        (b"a: " + b"[" * 100 + b"]" * 100, "lồng nhau"),
    ],
)
def test_yaml_that_is_more_than_words_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "vn.x.1.yaml"
    path.write_bytes(content)
    with pytest.raises(BadProfile, match=reason):
        catalog.load(path, {})


def test_a_published_profile_that_was_changed_is_published_no_more(tmp_path: Path) -> None:
    for source in (SANDBOX, catalog.signature_path(SANDBOX)):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    path = tmp_path / SANDBOX.name
    assert catalog.load(path, dict(KEYS)).published
    assert not catalog.load(path, {"platform": KEYS[0][1]}).published
    path.write_text(path.read_text("utf-8") + "\n# one more line\n", "utf-8")
    assert not catalog.load(path, dict(KEYS)).published


def test_only_a_published_profile_is_given_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    (tmp_path / SANDBOX.name).write_bytes(SANDBOX.read_bytes())
    catalog.published.cache_clear()
    with pytest.raises(BadProfile, match="chưa công bố"):
        catalog.published("vn.sandbox.hocba/2", KEYS)
    with pytest.raises(BadProfile, match="không có hồ sơ kết nối"):
        catalog.published("vn.sandbox.hocba/9", KEYS)
    catalog.published.cache_clear()
