"""What is looked for is found, without accents and before it is typed to its end; an address finds its page."""

import pytest
from lxml import html

from backend.core.templates import ROOT
from backend.integrations.handbook import rules, service
from backend.integrations.handbook.schemas import HANDBOOK, Article, Section
from backend.records.assessment.rules import circular_22_2021, marks
from backend.records.assessment.schemas import LEVEL_NAMES

LEVELS = {name: level for level, name in LEVEL_NAMES.items()}


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
        ("ky", "ky"),
        ("chuyển lớp", "hoc-sinh"),
        ("thi lai", "sau-nam-hoc"),
        ("so bi tu choi", "gui-so"),
        ("hoc sinh gioi", "ket-qua-trung-hoc"),
        ("cach tinh diem trung binh", "ket-qua-trung-hoc"),
        ("nghi viec", "nhan-su"),
    ],
)
def test_a_question_finds_its_page_first(question: str, slug: str) -> None:
    assert service.search(question)[0].article.slug == slug


def test_what_answers_far_worse_is_left_out() -> None:
    assert [one.article.slug for one in service.search("mo lai so")] == ["mo-lai-so", "khoa-so"]


def test_only_the_last_word_may_be_unfinished() -> None:
    assert service.search("mo lai s")[0].article.slug == "mo-lai-so"
    assert service.search("m lai so") == []


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


def test_the_figures_for_families_are_those_of_the_rules() -> None:
    """What parents read is what the product computes (TT22 Đ.9.1)."""
    _, sections = service.get("ket-qua-trung-hoc")
    example = next(one.text for one in sections if one.anchor == "trung-binh")
    term = marks.term_average((80, 70, 90, 80), 75, 80)
    assert "8, 7, 9, 8; giữa kì 7,5; cuối kì 8" in example
    assert f"làm tròn {marks.show_mark(term)}" in example
    assert f"làm tròn {marks.show_mark(marks.year_average(term, 83))}" in example


def test_the_table_of_conduct_is_that_of_the_rules() -> None:
    """TT22 Đ.8.2: the year's conduct by the two terms'."""
    page = html.document_fromstring(
        (ROOT / "help" / "articles" / "ket-qua-trung-hoc.html").read_text("utf-8")
    )
    [table] = page.xpath("//h2[@id='ren-luyen']/following::table[1]")
    second = [LEVELS[one] for one in table.xpath(".//thead//th[position()>1]/text()")]
    for row in table.xpath(".//tbody/tr"):
        first = LEVELS[row.xpath("string(th)")]
        said = [LEVELS[one] for one in row.xpath("td/text()")]
        assert said == [circular_22_2021.year_conduct(first, other) for other in second]
