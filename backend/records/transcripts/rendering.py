"""The page form of a snapshot, and the book of several: typst adapter, tagged PDF/A-3a with the data attached.

Rendering is a pure function of the two byte strings, the templates and the fonts: the same bytes come out in
every process. About 40 ms for the four pages of a year on a quiet core.
"""

import hashlib
import io
import json
import re
import threading
from datetime import date, datetime, time
from functools import cache
from importlib.metadata import version
from pathlib import Path

import segno
import typst

from backend.core.clock import VIETNAM
from backend.core.errors import Invalid, Unavailable
from backend.records.transcripts.book import Book, printed_book
from backend.records.transcripts.canonical import read_snapshot
from backend.records.transcripts.printed import printed
from backend.records.transcripts.schemas import SchoolLevel

FRONTEND = Path(__file__).resolve().parents[3] / "frontend_templates"
DOCUMENTS = FRONTEND / "documents"
#: Put there by the asset build from the npm package of the Tinos fonts (OFL).
FONTS = FRONTEND / "static" / "dist" / "fonts" / "tinos"

_YEAR, _BOOK = "year.typ", "book.typ"
#: What the look of a year record follows from, beside its content: templates, and the code that prepares their words.
_SHAPING = (
    *(DOCUMENTS / name for name in (_YEAR, "form.typ", "primary.typ", "secondary.typ")),
    *(Path(__file__).with_name(name) for name in ("rendering.py", "printed.py")),
)
#: The keyword by which a year record names the edition of its form.
_EDITION = re.compile(r"\bmau-([0-9a-f]{16})\b")
#: Which file has the pages of a level.
_FORMS = {
    SchoolLevel.PRIMARY: "primary",
    SchoolLevel.LOWER_SECONDARY: "secondary",
    SchoolLevel.UPPER_SECONDARY: "secondary",
}
#: Any mask can be read. Trying all eight costs more than the rest of the code together, and of the fixed ones this
#: stays nearest to the best (ISO/IEC 18004, 7.8.3): over addresses like ours its penalty is 1.5 % higher on average.
_QR_MASK = 2
#: A compiler refuses to be entered twice; renderers scale by processes, not by threads.
_ONE_AT_A_TIME = threading.Lock()


def render_pdf(snapshot_json: bytes, xml: bytes, edition: str | None = None) -> bytes:
    """The PDF of canonical snapshot bytes; `xml` is attached beside them.

    It names the edition of the form: today's, or that of a file which is to be compared.

    Raises Invalid when the bytes are no canonical snapshot or hold a character that has no glyph, and
    Unavailable when the fonts have not been built.
    """
    snapshot = read_snapshot(snapshot_json)
    inputs = {
        "form": _FORMS[snapshot.level],
        "view": json.dumps(printed(snapshot), ensure_ascii=False),
        "snapshot": snapshot_json.decode(),
        "xml": xml.decode(),
        "qr": _qr_svg(snapshot.verify_url),
        "edition": f"mau-{edition or form_edition()}",
    }
    return _compile(_YEAR, inputs, snapshot.issue_date, snapshot.student.full_name)


def edition_in(keywords: str) -> str | None:
    """The edition that the keywords of a year record name, or None."""
    named = _EDITION.search(keywords)
    return named[1] if named else None


@cache
def form_edition() -> str:
    """The edition of the forms, 16 hexadecimal letters: another one when templates, fonts or typst are others."""
    digest = hashlib.sha256(version("typst").encode())
    for path in (*_SHAPING, *sorted(FONTS.glob("*.ttf"))):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def render_book(book: Book) -> bytes:
    """The PDF of a learner's book, with the frozen data of each of its years attached.

    Raises Invalid when a text has a character without a glyph, and Unavailable when the fonts have not been built.
    """
    newest = book.newest
    inputs = {
        "form": _FORMS[book.level],
        "view": json.dumps(printed_book(book), ensure_ascii=False),
        "snapshots": json.dumps({one.academic_year: one.content for one in book.records}, ensure_ascii=False),
        "qr": _qr_svg(newest.verify_url),
    }
    return _compile(_BOOK, inputs, book.mark.on, newest.student.full_name)


def _compile(template: str, inputs: dict[str, str], day: date, person: str) -> bytes:
    try:
        with _ONE_AT_A_TIME:
            pdf = _compiler(template).compile(
                format="pdf",
                sys_inputs=inputs,
                pdf_standards="a-3a",
                timestamp=int(datetime.combine(day, time(), VIETNAM).timestamp()),
            )
    except typst.TypstError as error:
        raise Invalid(
            f"Không kết xuất được học bạ của {person}: nội dung có ký tự không in được"
            " hoặc không đúng mẫu; hãy kiểm tra lại dữ liệu của học sinh."
        ) from error
    if not isinstance(pdf, bytes):
        raise TypeError("typst returned no single PDF")
    return pdf


@cache
def _compiler(template: str) -> typst.Compiler:
    if not list(FONTS.glob("*.ttf")):
        raise Unavailable("Chưa có phông chữ để kết xuất học bạ; hãy chạy bước dựng giao diện (make assets).")
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    return typst.Compiler(DOCUMENTS / template, root=DOCUMENTS, font_paths=fonts)


def _qr_svg(url: str) -> str:
    out = io.BytesIO()
    code = segno.make(url, error="m", micro=False, mask=_QR_MASK)
    code.save(out, kind="svg", border=0, xmldecl=False, omitsize=True)
    return out.getvalue().decode()
