"""The texts of the handbook, read from their templates: what a search looks through."""

import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

from backend.integrations.handbook.schemas import Article, Section

_FOLDER = Path(__file__).resolve().parents[3] / "frontend_templates"
_HEADINGS = {"h2", "h3"}
#: What ends a sentence for whoever reads the text alone.
_BLOCKS = {"p", "li", "dt", "dd", "td", "th", "tr", "h2", "h3"}
#: A macro of `help/_words.html` says its one text; a picture says nothing here, and neither does a statement.
_WORDS = re.compile(r"\{\{ (?:ui|law)\(\"([^\"]*)\"\) \}\}")
_OTHER = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)


@lru_cache(maxsize=128)
def sections(article: Article) -> tuple[Section, ...]:
    """The sections of a page in their order, read once. Raises OSError for a page that has no file."""
    text = (_FOLDER / article.template).read_text(encoding="utf-8")
    reader = _Reader()
    reader.feed(_OTHER.sub("", _WORDS.sub(r"\1", text)))
    return reader.sections()


class _Reader(HTMLParser):
    """Cuts a text at its headings."""

    def __init__(self) -> None:
        super().__init__()
        self._anchors, self._titles, self._texts = [""], [""], [""]
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A heading with an id begins a section."""
        anchor = dict(attrs).get("id")
        if tag in _HEADINGS and anchor:
            self._anchors.append(anchor)
            self._titles.append("")
            self._texts.append("")
            self._in_heading = True

    def handle_endtag(self, tag: str) -> None:
        """After a block comes another word."""
        if tag in _HEADINGS:
            self._in_heading = False
        if tag in _BLOCKS:
            self._texts[-1] += " "

    def handle_data(self, data: str) -> None:
        """Words of the heading or of the text."""
        if self._in_heading:
            self._titles[-1] += data
        else:
            self._texts[-1] += data

    def sections(self) -> tuple[Section, ...]:
        """What was read, without parts that say nothing."""
        read = [
            Section(anchor=anchor, title=_plain(title), text=_plain(text))
            for anchor, title, text in zip(self._anchors, self._titles, self._texts, strict=True)
        ]
        return tuple(one for one in read if one.title or one.text)


def _plain(words: str) -> str:
    return " ".join(words.split())
