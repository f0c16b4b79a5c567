"""The handbook: a page, a search, and which page helps with an address."""

from backend.core.errors import NotFound
from backend.integrations.handbook import reading, rules
from backend.integrations.handbook.contents import ARTICLES, GROUPS
from backend.integrations.handbook.schemas import HANDBOOK, Article, Group, Hit, Section

_BY_SLUG = {article.slug: article for article in ARTICLES}


def groups() -> tuple[Group, ...]:
    """The table of contents."""
    return GROUPS


def get(slug: str) -> tuple[Article, tuple[Section, ...]]:
    """A page and its sections. Raises NotFound."""
    article = _BY_SLUG.get(slug)
    if article is None:
        raise NotFound("Không có trang hướng dẫn này; hãy tìm trong mục lục của Hướng dẫn.")
    return article, reading.sections(article)


def search(question: str) -> list[Hit]:
    """Places that answer, best first; accents are not needed."""
    return rules.search(question, ARTICLES, {one.slug: reading.sections(one) for one in ARTICLES})


def address_for(path: str) -> str:
    """Where to read about a page of the site; the table of contents where nothing is about it."""
    article = rules.article_for(path, ARTICLES)
    return article.address if article else HANDBOOK
