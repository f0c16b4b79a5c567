"""What stands in a PDF for a reader: the text of its pages in content order, and the files that are attached."""

import io

import msgspec
import pikepdf
import pypdfium2  # type: ignore[import-untyped]

from backend.remote_signing.formats.schemas import Unreadable

_MOST_BYTES = 20 * 1024 * 1024
_MOST_PAGES = 200


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """Text by page, bytes by the name of the attachment, and the keywords of the file."""

    pages: tuple[str, ...]
    attachments: dict[str, bytes]
    keywords: str


def read_contents(pdf: bytes) -> Contents:
    """Raises Unreadable when the bytes are no PDF, are encrypted, or have too many pages or bytes."""
    if len(pdf) > _MOST_BYTES:
        raise Unreadable(f"Tệp lớn quá {_MOST_BYTES // 1024 // 1024} MB nên không phải là tệp học bạ.")
    try:
        with pikepdf.open(io.BytesIO(pdf)) as reader:
            attachments = {name: spec.get_file().read_bytes() for name, spec in reader.attachments.items()}
            keywords = str(reader.docinfo.get("/Keywords", ""))
        document = pypdfium2.PdfDocument(pdf)
    except (pikepdf.PdfError, pypdfium2.PdfiumError) as error:
        raise Unreadable("Tệp không đọc được: không phải PDF, đã hỏng hoặc có mật khẩu.") from error
    try:
        if len(document) > _MOST_PAGES:
            raise Unreadable(f"Tệp có {len(document)} trang, quá {_MOST_PAGES} trang của một học bạ.")
        pages = tuple(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()
    return Contents(pages=pages, attachments=attachments, keywords=keywords)
