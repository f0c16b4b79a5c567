"""What the handbook says is so: its words stand in the product, its links lead somewhere, its pictures are taken."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.integrations.handbook import reading
from backend.integrations.handbook.contents import ARTICLES
from backend.integrations.handbook.schemas import HANDBOOK, Article
from backend.menu import MENU
from tests.tenancy.addresses import addresses

PROJECT = Path(__file__).parents[3]
TEMPLATES = PROJECT / "frontend_templates"
every_article = pytest.mark.parametrize("article", ARTICLES, ids=lambda one: one.slug)
_QUOTED = re.compile(r"\{\{ ui\(\"([^\"]+)\"\) \}\}")
_PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
_CONSTANT = re.compile(r"\"([^\"\n]+)\"")
_SAID = re.compile(r"_\(\s*\"([^\"]+)\"")


def source(article: Article) -> str:
    return (TEMPLATES / article.template).read_text(encoding="utf-8")


def shortened(words: str) -> str:
    """Words of the product with "…" for what changes in them."""
    return re.sub(r"…+", "…", _PLACEHOLDER.sub("…", words)).strip()


@pytest.fixture(scope="module")
def words() -> set[str]:
    """All that the product's pages say: texts of the templates, and constants of the code, such as labels of the menu."""
    found: set[str] = set()
    for path in TEMPLATES.rglob("*.html"):
        if path.is_relative_to(TEMPLATES / "help"):
            continue
        found |= set(_SAID.findall(path.read_text(encoding="utf-8")))
    for path in (PROJECT / "backend").rglob("*.py"):
        if path.parent.name != "handbook":
            found |= set(_CONSTANT.findall(path.read_text(encoding="utf-8")))
    return {shortened(one) for one in found}


@every_article
def test_each_quoted_word_stands_in_the_product(article: Article, words: set[str]) -> None:
    quoted = _QUOTED.findall(source(article))
    assert source(article).count("{{ ui(") == len(quoted), "ui() takes one text in double quotes"
    assert [one for one in quoted if shortened(one) not in words] == []


def test_a_word_that_no_page_says_is_seen(words: set[str]) -> None:
    assert "Nộp sổ" in words
    assert shortened("Nộp %(count)s sổ của tôi") == "Nộp … sổ của tôi"
    assert "Nút chưa từng có" not in words


def test_each_file_is_in_the_contents_once() -> None:
    files = {str(path.relative_to(TEMPLATES)) for path in (TEMPLATES / "help" / "articles").glob("*.html")}
    assert sorted(files) == sorted(one.template for one in ARTICLES)


_LINK = re.compile(r"<a href=\"([^\"]*)\"")
_ROUTES = {
    re.compile("^" + re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(one.path)) + "$")
    for one in addresses()
    if one.method == "GET"
}


@every_article
def test_each_link_leads_somewhere(article: Article) -> None:
    anchors = {one.address: {section.anchor for section in reading.sections(one)} for one in ARTICLES}
    for link in _LINK.findall(source(article)):
        path, _, anchor = link.partition("#")
        path = path.partition("?")[0] or article.address
        if path.startswith(f"{HANDBOOK}/"):
            assert path in anchors, link
            assert not anchor or anchor in anchors[path], link
        else:
            assert any(route.match(path) for route in _ROUTES), link


@every_article
def test_each_address_that_it_helps_with_is_there(article: Article) -> None:
    known = [re.sub(r"\{.*?\}", "*", one.path) for one in addresses()]
    for page in article.pages:
        assert any(one == page or one.startswith(f"{page.rstrip('/')}/") for one in known), page


def pictures_taken() -> Iterator[re.Pattern[str]]:
    """Names under which the browser tests look at pages."""
    for path in (PROJECT / "tests" / "journeys").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.compile(re.escape(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".+"
                    for one in node.values
                ]
                yield re.compile("".join(parts))


@pytest.fixture(scope="module")
def taken() -> list[re.Pattern[str]]:
    return [one for one in pictures_taken() if len(one.pattern) > 4]


@every_article
def test_each_picture_is_taken_by_a_journey(article: Article, taken: list[re.Pattern[str]]) -> None:
    for name in re.findall(r"\{\{ picture\(\"([^\"]+)\"", source(article)):
        assert re.match(r"\d\d-", name)
        assert any(one.fullmatch(name) for one in taken), name


@every_article
def test_it_can_be_read_at_a_glance(article: Article) -> None:
    """Short pages with headings that can be linked to; a law with its article."""
    sections = reading.sections(article)
    text = " ".join(one.text for one in sections)
    assert 60 <= len(text.split()) <= 1300
    assert all(one.anchor and one.title for one in sections[1:])
    assert len({one.anchor for one in sections}) == len(sections)
    for said in re.findall(r"\{\{ law\(\"([^\"]+)\"\) \}\}", source(article)):
        assert re.search(r"Đ\.\d|Điều \d|mục \d|khoản \d", said), said


def test_each_entry_of_the_menu_has_its_page() -> None:
    explained = {page for article in ARTICLES for page in article.pages}
    entries = [item.url for group in MENU for item in group.items if item.url != HANDBOOK]
    assert [url for url in entries if url not in explained] == []
