"""The forms look as they did when somebody looked at them, page by page."""

import pytest
from PIL import Image, ImageChops

from tests.records.transcripts.pictures import DOCUMENTS, kept, taken

#: Of all points of a page, how many may be of clearly another grey: edges of letters move a little between versions of
#: PDFium.
_TOLERATED = 0.002
_OTHER_GREY = 100


def differing(one: Image.Image, other: Image.Image) -> float:
    """The share of points that differ clearly."""
    histogram = ImageChops.difference(one, other).histogram()
    return sum(histogram[_OTHER_GREY:]) / (one.width * one.height)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_page_looks_as_it_did(name: str) -> None:
    now, before = taken(name), kept(name)
    assert [page.size for page in now] == [page.size for page in before]
    others = [
        number
        for number, pages in enumerate(zip(now, before, strict=True), start=1)
        if differing(*pages) > _TOLERATED
    ]
    assert others == [], "look at the form, then: python -m tests.records.transcripts.pictures"


def test_a_line_that_moved_is_seen() -> None:
    picture = kept("primary-year")[2]
    moved = picture.copy()
    moved.paste(picture.crop((60, 80, 440, 300)), (60, 84))
    assert differing(picture, moved) > _TOLERATED


def test_a_mark_of_one_cell_that_is_gone_is_seen() -> None:
    picture = kept("lower_secondary-year")[2]
    blank = picture.copy()
    blank.paste(255, (50, 120, 440, 150))
    assert differing(picture, blank) > _TOLERATED
