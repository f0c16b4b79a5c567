"""Does the page say what the data say? Every printed string of a snapshot, looked for in the text of its PDF."""

import unicodedata
from collections.abc import Iterator, Sequence

from backend.records.transcripts.canonical import Json, text_leaves
from backend.records.transcripts.printed import View, printed
from backend.records.transcripts.schemas import Snapshot

#: The tables of the forms and the order of their cells.
_TABLES = {
    "history": ("academic_year", "class_name", "school_name", "registry_no", "joined_on"),
    "results.subjects": (
        *("name", "term1", "term2", "year", "reassessed"),
        *("level", "test_mark", "comment", "teacher_name"),
    ),
    "results.traits.quality": ("name", "level", "comment"),
    "results.traits.general_competence": ("name", "level", "comment"),
    "results.traits.specific_competence": ("name", "level", "comment"),
}
TEACHER_LABEL = "GV:"


def printed_texts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Each printed string that is not blank, after its place in the view; then each table row as one."""
    view = printed(snapshot)
    yield from ((path, text) for path, text in text_leaves(view) if text)
    for path, columns in _TABLES.items():
        for index, row in enumerate(_rows(view, path)):
            yield f"{path}[{index}]", "".join(_cell(row, column) for column in columns)


def missing_texts(snapshot: Snapshot, pages: Sequence[str]) -> list[str]:
    """Printed strings that the pages' text (in content order, one string per page) does not show, by place.

    Spaces, line ends and invisible characters do not count; a passage may run on over following pages.
    """
    squeezed = [_squeezed(page) for page in pages]
    return [
        f"{path}: {text}" for path, text in printed_texts(snapshot) if not _shows(squeezed, _squeezed(text))
    ]


def _rows(view: View, path: str) -> list[View]:
    found: Json = view
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _cell(row: View, column: str) -> str:
    text = str(row.get(column, ""))
    return TEACHER_LABEL + text if column == "teacher_name" and text else text


def _squeezed(text: str) -> str:
    """Letters only: a reader's line-end hyphen (U+0002, U+FFFE) is a hyphen again."""
    plain = unicodedata.normalize("NFC", text.replace("\x02", "-").replace("\ufffe", "-"))
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))


def _shows(pages: Sequence[str], text: str) -> bool:
    return any(_begins(pages[first:], text) for first in range(len(pages)))


def _begins(pages: Sequence[str], text: str) -> bool:
    """Whether the text stands on the first page, or begins there and goes on over the next ones."""
    if text in pages[0]:
        return True
    head = _longest_head(pages[0], text)
    return head > 0 and len(pages) > 1 and _begins(pages[1:], text[head:])


def _longest_head(page: str, text: str) -> int:
    """Length of the longest beginning of `text` that the page holds."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text[:middle] in page else (low, middle - 1)
    return low
