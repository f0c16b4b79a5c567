"""What the forms look like: small grey pictures of every page of three year records and three books, kept beside this
file and compared with today's.

A form that was changed on purpose is looked at, and its pictures are taken anew:
`.venv/bin/python -m tests.records.transcripts.pictures`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from backend.records.transcripts import rendering
from tests.factories.books import all_books
from tests.factories.snapshots import all_snapshots
from tests.records.transcripts.pdf_reading import rendered

FOLDER = Path(__file__).parent
#: Name of a picture → who makes the document of which it shows every page.
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    **{f"{level}-book": partial(rendering.render_book, book) for level, book in all_books().items()},
    **{f"{level}-year": partial(rendered, snapshot) for level, snapshot in all_snapshots().items()},
}
_DPI, _GREYS = 60, 8
_WIDTH = round(210 / 25.4 * _DPI)


def taken(name: str) -> list[Image.Image]:
    """The pages of a document as they are rendered today, in few greys."""
    document = pypdfium2.PdfDocument(DOCUMENTS[name]())
    pages = [page.render(scale=_DPI / 72, grayscale=True).to_pil().convert("L") for page in document]
    document.close()
    steps = [round(grey / 255 * (_GREYS - 1)) * 255 // (_GREYS - 1) for grey in range(256)]
    return [page.crop((0, 0, _WIDTH, page.height)).point(steps) for page in pages]


def kept(name: str) -> list[Image.Image]:
    """What they looked like when somebody looked at them last."""
    with Image.open(FOLDER / f"{name}.png") as picture:
        sheet = picture.convert("L")
    return [sheet.crop((left, 0, left + _WIDTH, sheet.height)) for left in range(0, sheet.width, _WIDTH)]


def keep(name: str) -> None:
    """Keep the pages as they are today, side by side in one file."""
    pages = taken(name)
    sheet = Image.new("L", (_WIDTH * len(pages), pages[0].height))
    for place, page in enumerate(pages):
        sheet.paste(page, (place * _WIDTH, 0))
    sheet.quantize(_GREYS).save(FOLDER / f"{name}.png", optimize=True)
