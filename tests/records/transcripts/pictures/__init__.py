"""What the forms look like: small grey pictures of three fixed books, kept beside this file and compared with today's.

A form that was changed on purpose is looked at, and its pictures are taken anew:
`.venv/bin/python -m tests.records.transcripts.pictures`.
"""

from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from backend.records.transcripts import rendering
from tests.factories.books import all_books

FOLDER = Path(__file__).parent
#: Pages of each book that are kept: every kind of page once, and those of one year.
PAGES = {
    "primary": (1, 2, 3, 4, 5, 6, 13),
    "lower_secondary": (3, 4, 5, 6, 9),
    "upper_secondary": (1, 3, 8, 9),
}
_DPI, _GREYS = 45, 8


def taken(level: str) -> Image.Image:
    """The kept pages of a form as they are rendered today, side by side, in few greys."""
    document = pypdfium2.PdfDocument(rendering.render_book(all_books()[level]))
    pages = [document[number - 1].render(scale=_DPI / 72, grayscale=True).to_pil() for number in PAGES[level]]
    document.close()
    width, height = pages[0].size
    sheet = Image.new("L", (width * len(pages), height))
    for place, page in enumerate(pages):
        sheet.paste(page.convert("L"), (place * width, 0))
    return sheet.point([round(grey / 255 * (_GREYS - 1)) * 255 // (_GREYS - 1) for grey in range(256)])


def kept(level: str) -> Image.Image:
    """What the form looked like when somebody looked at it last."""
    with Image.open(FOLDER / f"{level}.png") as picture:
        return picture.convert("L")
