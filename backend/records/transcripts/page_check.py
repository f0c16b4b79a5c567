"""Does the page say what the data say? Each printed string, looked for in the text of the PDF."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from backend.records.transcripts.canonical import FIELD_NAMES, Json, text_leaves
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
_TABLE_NAMES = {
    "history": "bảng quá trình học tập",
    "results.subjects": "bảng các môn học",
    "results.traits.quality": "bảng phẩm chất",
    "results.traits.general_competence": "bảng năng lực chung",
    "results.traits.specific_competence": "bảng năng lực đặc thù",
}
TEACHER_LABEL = "GV:"
_DOUBLED = re.compile("((?:.[\u0300-\u036f]+)+)\\1")


def printed_texts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Each printed string that is not blank, after its place in the view; then each table row as one."""
    view = printed(snapshot)
    yield from ((path, text) for path, text in text_leaves(view) if text)
    for path, columns in _TABLES.items():
        for index, row in enumerate(_rows(view, path)):
            yield f"{path}[{index}]", "".join(_cell(row, column) for column in columns)


def missing_texts(snapshot: Snapshot, pages: Sequence[str]) -> list[str]:
    """Printed strings that the pages' text (in content order, one string per page) does not show, by place.

    Spaces, line ends and invisible characters do not count. A passage may run on: its beginning ends one
    page, just above the foot, and the rest stands on the next.
    """
    foot = _squeezed(f"Mã số tra cứu học bạ: {snapshot.lookup_code} Kiểm tra tại:")
    squeezed = [_squeezed(page) for page in pages]
    bodies = [page[: page.rindex(foot)] if foot in page else page for page in squeezed]
    return [
        f"{path}: {text}"
        for path, text in printed_texts(snapshot)
        if not any(_stands(squeezed[first:], bodies[first:], _squeezed(text)) for first in range(len(pages)))
    ]


def page_differences(snapshot: Snapshot, pages: Sequence[str]) -> list[str]:
    """What the pages do not say, or say otherwise: a sentence each, and one for a row of which several cells differ."""
    missing = [line.partition(": ") for line in missing_texts(snapshot, pages)]
    places = [place for place, _, _ in missing]
    return [
        f"Trang PDF, {_place_name(place)}: không có “{text}” như dữ liệu đã chốt."
        for place, _, text in missing
        if not any(other.startswith(f"{place}.") for other in places)
    ]


def other_pages(pages: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Where the text of the pages is not that of the wanted ones, page by page: a sentence each."""
    found = []
    if len(pages) != len(wanted):
        found.append(f"Tệp PDF có {len(pages)} trang, kết xuất từ dữ liệu đã chốt có {len(wanted)} trang.")
    for number, (page, other) in enumerate(zip(pages, wanted, strict=False), start=1):
        if _squeezed(page) != _squeezed(other):
            rest = _squeezed(other)
            strange = [line.strip() for line in page.splitlines() if _squeezed(line) not in rest]
            shown = f": có “{strange[0][:60]}”" if strange else " về thứ tự hoặc số lần lặp lại"
            found.append(f"Trang PDF số {number} có chữ khác bản kết xuất từ dữ liệu đã chốt{shown}.")
    return found


def _place_name(place: str) -> str:
    table, bracket, rest = place.partition("[")
    number, _, field = rest.partition("]")
    if table in _TABLE_NAMES and bracket:
        cell = f", mục “{FIELD_NAMES[field[1:]]}”" if field[1:] in FIELD_NAMES else ""
        return f"{_TABLE_NAMES[table]}, dòng {int(number) + 1}{cell}"
    leaf = place.partition("[")[0].rpartition(".")[2]
    return f"mục “{FIELD_NAMES.get(leaf, place)}”"


def _rows(view: View, path: str) -> list[View]:
    found: Json = view
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _cell(row: View, column: str) -> str:
    text = str(row.get(column, ""))
    return TEACHER_LABEL + text if column == "teacher_name" and text else text


def _squeezed(text: str) -> str:
    """The letters alone. A reader's line-end hyphen (U+0002, U+FFFE) is a hyphen again; letters with marks of
    their own (ơ̆), one or several in a row, which typst names for either glyph, count once.
    """
    plain = unicodedata.normalize("NFC", text.replace("\x02", "-").replace("\ufffe", "-"))
    letters = "".join(c for c in plain if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))
    return _DOUBLED.sub(r"\1", letters)


def _stands(pages: Sequence[str], bodies: Sequence[str], text: str) -> bool:
    """Whether the text stands on the first page, or begins at its end and goes on over the next ones."""
    if text in pages[0]:
        return True
    if len(pages) == 1:
        return False
    heads = (length for length in range(len(text) - 1, 0, -1) if bodies[0].endswith(text[:length]))
    return any(_stands(pages[1:], bodies[1:], text[length:]) for length in heads)
