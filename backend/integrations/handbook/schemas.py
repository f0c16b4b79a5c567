"""The words of the handbook: its pages, their sections, and what a search finds."""

from pathlib import PurePosixPath

import msgspec

from backend.tenants.permissions import Role

#: Where the handbook begins; each of its pages lies below.
HANDBOOK = "/huong-dan"


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """One page. `roles` do what it tells; none are everybody. `pages` are the addresses that it helps with, "*" for an
    id: what is not listed there has the help of the address above it. `words` are others by which people look for it.
    """

    template: str
    title: str
    summary: str
    roles: tuple[Role, ...] = ()
    pages: tuple[str, ...] = ()
    words: str = ""
    lang: str = "vi"

    @property
    def slug(self) -> str:
        """Its name in addresses: that of its file."""
        return PurePosixPath(self.template).stem

    @property
    def address(self) -> str:
        """Where it is read."""
        return f"{HANDBOOK}/{self.slug}"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Pages that stand together in the table of contents."""

    title: str
    articles: tuple[Article, ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a page under its own heading; the part before the first heading has neither anchor nor title."""

    anchor: str
    title: str
    text: str


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A place that was looked for: the page, the section that answers best, and some words of it."""

    article: Article
    section: Section
    excerpt: str

    @property
    def address(self) -> str:
        """Where the section begins."""
        return (
            f"{self.article.address}#{self.section.anchor}" if self.section.anchor else self.article.address
        )
