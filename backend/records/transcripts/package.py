"""The data package of a version: its published schemas, and whether PDF, XML and JSON of one file say the same."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from backend.core.errors import Invalid
from backend.records.transcripts import canonical, page_check, rendering, xml_form
from backend.records.transcripts.schemas import Snapshot
from backend.remote_signing.requests import service as signing
from backend.remote_signing.validation import service as validation

#: Published under these names: address and command line use them alike.
JSON_SCHEMA, XML_SCHEMA = "hocba.snapshot.1.json", "hocba.snapshot.1.xsd"
_SNAPSHOT, _XML = "snapshot.json", "hocba.xml"
#: What a book of several years has beside its pages, one of each year (documents/book.typ).
_OF_A_BOOK = re.compile(r"snapshot-[0-9]{4}-[0-9]{4}\.json")
_BOOK = (
    "Tệp là bản in, bản sao hoặc trích lục của học bạ, không phải học bạ đã ký của một năm học, nên không có bản nào để "
    "đối chiếu; hãy kiểm tra bản gốc bằng mã tra cứu in ở chân trang."
)
_REWRITTEN = (
    "Trang PDF không phải là bản kết xuất từ dữ liệu đã chốt: tệp đã được ghi lại bằng phần mềm khác "
    "hoặc hình trang đã bị sửa."
)
_OLD_FORM = (
    "Trang PDF lập theo mẫu kết xuất khác mẫu của phần mềm này nên không dựng lại được để đối chiếu; {texts}; "
    "hãy kiểm tra chữ ký số của tệp bằng lệnh hocba verify."
)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The frozen content of a year record, where its three forms differ, and what could not be compared: a sentence each.

    `snapshot` is None where there is no content that could be compared.
    """

    snapshot: Snapshot | None
    differences: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def schema(name: str) -> bytes | None:
    """A published schema, or None."""
    if name == JSON_SCHEMA:
        return canonical.schema_json()
    return xml_form.XSD.read_bytes() if name == XML_SCHEMA else None


def check(pdf: bytes) -> Compared:
    """Compare the three forms in one file: made again from the attached data, the pages are the same bytes.

    Raises Unreadable (formats.schemas) for what is no PDF, Unavailable before the fonts are built.
    """
    contents = validation.contents_of(pdf)
    data, xml = contents.attachments.get(_SNAPSHOT), contents.attachments.get(_XML)
    if data is None and any(_OF_A_BOOK.fullmatch(name) for name in contents.attachments):
        return Compared(snapshot=None, differences=(), unknown=(_BOOK,))
    if data is None:
        lacking = f"Tệp PDF không kèm dữ liệu học bạ ({_SNAPSHOT}) nên không có gì để đối chiếu."
        return Compared(snapshot=None, differences=(lacking,))
    try:
        snapshot = canonical.read_snapshot(data)
    except Invalid as error:
        return Compared(snapshot=None, differences=(error.message,))
    found = [
        f"Tệp PDF kèm thêm tệp “{name}” không thuộc về học bạ."
        for name in sorted(set(contents.attachments) - {_SNAPSHOT, _XML})
    ]
    try:
        if xml is None:
            raise Invalid(f"Tệp PDF không kèm học bạ ở dạng XML ({_XML}).")
        found += xml_form.differences(xml, snapshot)
        made = rendering.render_pdf(data, xml, rendering.edition_in(contents.keywords))
    except Invalid as error:
        pages = page_check.page_differences(snapshot, contents.pages)
        return Compared(snapshot=snapshot, differences=(*found, *pages, error.message))
    if any(validation.shows_only(pdf, one) for one in _unsigned(made, snapshot)):
        return Compared(snapshot=snapshot, differences=tuple(found))
    texts = page_check.page_differences(snapshot, contents.pages) or page_check.other_pages(
        contents.pages, validation.contents_of(made).pages
    )
    if rendering.edition_in(contents.keywords) == rendering.form_edition():
        return Compared(snapshot=snapshot, differences=(*found, *(texts or [_REWRITTEN])))
    return Compared(snapshot=snapshot, differences=tuple(found), unknown=tuple(_of_another_form(texts)))


def _unsigned(made: bytes, snapshot: Snapshot) -> Iterator[bytes]:
    """A year record before anybody signs: as it is rendered, and with its places for signatures."""
    yield made
    if snapshot.signers:
        yield signing.with_fields(made, [signer.role for signer in snapshot.signers])


def _of_another_form(texts: Sequence[str]) -> Iterator[str]:
    said = "chữ trên các trang khác bản dựng lại" if texts else "chữ trên từng trang đúng như bản dựng lại"
    yield _OLD_FORM.format(texts=said)
    yield from texts
