"""The data package inside a transcript PDF, compared with what its pages say.

The attachment `snapshot.json` ("hocba.snapshot/1", canonical JSON) is read as plain JSON: this domain knows
nothing of transcripts but which keys the forms print, and how (decimal comma, Vietnamese dates). Text comes
from pdfium.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

import msgspec
import pikepdf
import pypdfium2  # type: ignore[import-untyped]

ATTACHMENT = "snapshot.json"
SCHEMA = "hocba.snapshot/1"
_MAX_BYTES = 2 * 1024 * 1024
_MAX_PAGES = 60

#: Keys whose text stands on the page as it is.
_VERBATIM = frozenset(
    {
        "lookup_code",
        "verify_url",
        "full_name",
        "student_code",
        "personal_id",
        "ethnicity",
        "nationality",
        "birth_place",
        "hometown",
        "current_address",
        "policy_group",
        "father_name",
        "father_job",
        "mother_name",
        "mother_job",
        "guardian_name",
        "guardian_job",
        "academic_year",
        "class_name",
        "school_name",
        "registry_no",
        "name",
        "comment",
        "teacher_name",
        "health",
        "homeroom_comment",
        "principal_comment",
        "completion",
        "award",
        "certificates",
        "competitions",
        "corrected_subjects",
        "issue_place",
    }
)
#: Keys of marks and measures, printed with a decimal comma.
_DECIMAL = frozenset({"height_cm", "weight_kg", "test_mark", "term1", "term2", "year", "reassessed"})
_DATES = frozenset({"date_of_birth", "issue_date", "joined_on", "effective_date"})
#: TT22/2021 Điều 8, 9: the words of the level codes in the results of learning and conduct.
_LEVELS = {"T": "Tốt", "K": "Khá", "Đ": "Đạt", "CĐ": "Chưa đạt"}
#: The cells of one row, in the order in which the forms print them.
_ROWS = {
    "subjects": ("name", "level", "test_mark", "term1", "term2", "year", "reassessed", "comment"),
    "traits": ("name", "level", "comment"),
    "study_history": ("academic_year", "class_name", "school_name", "registry_no"),
}
_PART = re.compile(r"(.+) \(([^()]+)\)")
#: Pdfium marks a hyphen at the end of a line by one of the last two; all of them are left out on both sides.
_IGNORED = dict.fromkeys(map(ord, "-\u00ad\u200b\ufeff\u0002\ufffe"))

#: Either all strings of one alternative are on the page, or the data does not match.
Alternatives = tuple[tuple[str, ...], ...]


class AttachedData(msgspec.Struct, frozen=True, kw_only=True):
    """What the attachment says about itself. `matches_page` is None without a readable attachment."""

    lookup_code: str | None = None
    version: int | None = None
    content_sha256: str | None = None
    matches_page: bool | None = None
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def read_attached(pdf: bytes, reader: pikepdf.Pdf) -> AttachedData:
    """Read the attachment and compare it with the pages. Problems are sentences, never raised."""
    raw = _attachment(reader)
    if raw is None:
        return AttachedData(problems=("Tệp không kèm dữ liệu học bạ (snapshot.json).",))
    digest = hashlib.sha256(raw).hexdigest()
    try:
        content = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        content = None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        sentence = "Dữ liệu kèm theo tệp không đọc được hoặc không phải là dữ liệu học bạ."
        return AttachedData(content_sha256=digest, matches_page=False, problems=(sentence,))
    pages = page_texts(pdf)
    strange = [name for name, wanted in printed_values(content) if not _found(wanted, pages)]
    code, version = content.get("lookup_code"), content.get("version")
    return AttachedData(
        lookup_code=code if isinstance(code, str) else None,
        version=version if isinstance(version, int) else None,
        content_sha256=digest,
        matches_page=not strange,
        problems=(_mismatch(strange),) if strange else (),
        notices=tuple(_signed_elsewhere(content)),
    )


def _signed_elsewhere(content: Any) -> Iterator[str]:
    """Subject teachers sign their rows of the XML, and nothing of a PDF: who looks for them here is told so."""
    try:
        rows = content["year"]["results"]["subjects"]
        names = [row["name"][:60] for row in rows if row.get("teacher_signs") is True]
    except (KeyError, TypeError, AttributeError):
        return
    if names:
        yield (
            f"Giáo viên bộ môn ({', '.join(names)}) ký phần môn học của mình trong tệp XML của học bạ, không ký trên"
            " tệp PDF này; kiểm tra tệp XML hoặc tra cứu bằng mã để xem các chữ ký đó."
        )


def _mismatch(strange: list[str]) -> str:
    shown = ", ".join(f"“{text[:40]}”" for text in strange[:3])
    return f"Dữ liệu kèm theo không khớp với nội dung in trên trang ({len(strange)} chỗ, ví dụ {shown})."


def _attachment(reader: pikepdf.Pdf) -> bytes | None:
    names = [name for name in reader.attachments if name == ATTACHMENT]
    if len(names) != 1:
        return None
    raw: bytes = reader.attachments[ATTACHMENT].get_file().read_bytes()
    return raw if len(raw) <= _MAX_BYTES else None


def page_texts(pdf: bytes) -> list[str]:
    """The text of each page, without spaces and hyphens, in NFC."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [
            _squeezed(document[index].get_textpage().get_text_range()) for index in _page_numbers(document)
        ]
    finally:
        document.close()


def _page_numbers(document: pypdfium2.PdfDocument) -> range:
    return range(min(len(document), _MAX_PAGES))


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).translate(_IGNORED).split())


def printed_values(content: Any) -> Iterator[tuple[str, Alternatives]]:
    """What the page must show: each text that the form prints, and each row with its cells side by side."""
    yield from _leaves(content, "", "")
    yield from _rows(content, "")


def _leaves(value: Any, key: str, parent: str) -> Iterator[tuple[str, Alternatives]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, name, key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, key, parent)
    elif isinstance(value, str) and value.strip() and (wanted := _alternatives(value, key, parent)):
        yield value, wanted


def _alternatives(value: str, key: str, parent: str) -> Alternatives:
    if parent in ("conduct", "learning"):
        return ((_LEVELS.get(value, value),),)
    if key in _DECIMAL:
        return ((value.replace(".", ","),),)
    if key in _DATES:
        return _date_forms(value)
    if key not in _VERBATIM:
        return ()
    parts = _PART.fullmatch(value) if key == "name" else None
    return ((value,), parts.groups()) if parts else ((value,),)


def _date_forms(value: str) -> Alternatives:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return ((value,),)
    months = {str(day.month), f"{day.month:02}"}
    spelled = tuple((f"{day.day:02} tháng {month} năm {day.year}",) for month in sorted(months))
    return ((f"{day:%d/%m/%Y}",), *spelled)


def _rows(value: Any, key: str) -> Iterator[tuple[str, Alternatives]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _rows(item, name)
    elif isinstance(value, list) and key in _ROWS:
        for item in value:
            if isinstance(item, dict) and isinstance(item.get("name", ""), str):
                yield str(item.get("name") or item.get("academic_year")), _row(item, _ROWS[key])


def _row(item: dict[str, Any], columns: tuple[str, ...]) -> Alternatives:
    cells = [str(item[column]) for column in columns if item.get(column) and column != "name"]
    printed = [_cell(item, column) for column in columns if item.get(column) and column != "name"]
    name = item.get("name") or ""
    parts = _PART.fullmatch(name)
    heads = (name, parts.group(2)) if parts else (name,)
    return tuple(("".join((head, *printed)),) for head in heads) if cells else ()


def _cell(item: dict[str, Any], column: str) -> str:
    value = str(item[column])
    return value.replace(".", ",") if column in _DECIMAL else value


def _found(wanted: Alternatives, pages: list[str]) -> bool:
    return not wanted or any(all(_on_pages(_squeezed(text), pages) for text in texts) for texts in wanted)


def _on_pages(text: str, pages: list[str]) -> bool:
    """On one page, or broken between two pages that follow each other."""
    if any(text in page for page in pages):
        return True
    pairs = list(pairwise(pages))
    return len(text) > 12 and any(
        text[:cut] in before and text[cut:] in after
        for cut in range(4, len(text) - 3)
        for before, after in pairs
    )
