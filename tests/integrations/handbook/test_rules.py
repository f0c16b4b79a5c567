"""What is looked for is found, without accents and before it is typed to its end; an address finds its page."""

import pytest

from backend.core.templates import ROOT
from backend.integrations.handbook import rules, service
from backend.integrations.handbook.schemas import HANDBOOK, Article, Section


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("mo lai so", "mo-lai-so"),
        ("Mở lại sổ đã khóa", "mo-lai-so"),
        ("quen mat khau", "tai-khoan"),
        ("QUÊN MẬT KHẨU", "tai-khoan"),
        ("dan excel", "nhap-diem"),
        ("nop so", "khoa-so"),
        ("tra lai so", "khoa-so"),
        ("429", "khi-gap-loi"),
    ],
)
def test_a_question_finds_its_page_first(question: str, slug: str) -> None:
    assert service.search(question)[0].article.slug == slug


def test_every_word_has_to_be_there() -> None:
    assert service.search("khoa so zzzz") == []
    assert service.search("   ") == []
    assert service.search("!!! ???") == []


def test_a_hit_leads_to_the_section_and_shows_its_words() -> None:
    hit = next(one for one in service.search("rút sổ về") if one.article.slug == "khoa-so")
    assert hit.address == f"{HANDBOOK}/khoa-so#nop"
    assert "Rút sổ về" in hit.excerpt


def test_an_excerpt_begins_and_ends_with_whole_words() -> None:
    text = "Một hai ba bốn năm sáu bảy tám chín mười " * 20 + "cuối cùng tìm thấy đây"
    article = Article(template="help/articles/x.html", title="X", summary="Y")
    section = Section(anchor="a", title="A", text=text)
    [hit] = rules.search("cuoi cung", [article], {"x": [section]})
    said = hit.excerpt.strip("… ").split()
    assert "cuối" in said
    assert set(said) <= set(text.split())


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/", "bat-dau"),
        ("/so-diem/0198/mo-lai", "mo-lai-so"),
        ("/so-diem/0198", "nhap-diem"),
        ("/lop/0198/so-diem", "khoa-so"),
        ("/tai-khoan/khoa", "tai-khoan"),
    ],
)
def test_an_address_has_the_page_that_names_the_most_of_it(path: str, slug: str) -> None:
    assert service.address_for(path) == f"{HANDBOOK}/{slug}"


def test_an_address_that_nothing_is_about_has_the_contents() -> None:
    assert service.address_for("/khong-co-trang-nay") == HANDBOOK


def test_every_error_page_leads_to_a_section() -> None:
    _, sections = service.get("khi-gap-loi")
    anchors = {one.anchor for one in sections}
    page = (ROOT / "errors" / "page.html").read_text(encoding="utf-8")
    for status in (403, 404, 409, 422, 429, 500, 503):
        assert f"{status}: (" in page
        assert f"loi-{status}" in anchors
