"""The forms look as they did when somebody looked at them."""

import pytest
from PIL import Image, ImageChops

from tests.records.transcripts.pictures import PAGES, kept, taken

#: Of all points, how many may be of clearly another grey: edges of letters move a little between versions of PDFium.
_TOLERATED = 0.002
_OTHER_GREY = 100


def differing(one: Image.Image, other: Image.Image) -> float:
    """The share of points that differ clearly."""
    histogram = ImageChops.difference(one, other).histogram()
    return sum(histogram[_OTHER_GREY:]) / (one.width * one.height)


@pytest.mark.parametrize("level", PAGES)
def test_the_form_looks_as_it_did(level: str) -> None:
    now, before = taken(level), kept(level)
    assert now.size == before.size
    assert differing(now, before) <= _TOLERATED, (
        "look at the form, then: python -m tests.records.transcripts.pictures"
    )


def test_a_line_that_moved_is_seen() -> None:
    picture = kept("primary")
    moved = picture.copy()
    moved.paste(picture.crop((400, 60, 800, 500)), (400, 64))
    assert differing(picture, moved) > _TOLERATED
