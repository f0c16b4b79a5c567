"""What independent readers see in a PDF: PDFium, poppler and qpdf's object model."""

import subprocess
import unicodedata
from io import BytesIO
from pathlib import Path

import pikepdf
import pypdfium2  # type: ignore[import-untyped]

from backend.records.transcripts.canonical import canonical_json
from backend.records.transcripts.rendering import render_pdf
from backend.records.transcripts.schemas import Snapshot
from backend.records.transcripts.xml_form import build_xml


def rendered(snapshot: Snapshot) -> bytes:
    """The PDF as the product makes it."""
    return render_pdf(canonical_json(snapshot), build_xml(snapshot))


def page_texts(pdf: bytes) -> list[str]:
    """Text of each page in content order, by PDFium."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


def poppler_text(pdf: bytes, folder: Path) -> str:
    """Text of the whole file in content order, by pdftotext."""
    path = folder / "document.pdf"
    path.write_bytes(pdf)
    command = ["pdftotext", "-raw", "-enc", "UTF-8", str(path), "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def inside_the_paper(pdf: bytes) -> None:
    """Every letter lies on the paper, between the side margins (with some mercy for borders)."""
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        text = page.get_textpage()
        for index in range(text.count_chars()):
            left, bottom, right, top = text.get_charbox(index)
            watermark = top - bottom > 30 or right - left > 30
            assert watermark or (left >= 48 and right <= 560 and bottom >= 15 and top <= 830), (
                text.get_text_range(index, 20)
            )
    document.close()


def attachments(pdf: bytes) -> dict[str, bytes]:
    """Embedded files by name."""
    with pikepdf.open(BytesIO(pdf)) as document:
        return {name: spec.get_file().read_bytes() for name, spec in document.attachments.items()}


def squeezed(text: str) -> str:
    """NFC without any white space."""
    return "".join(unicodedata.normalize("NFC", text.replace("\x02", "-").replace("\ufffe", "-")).split())
