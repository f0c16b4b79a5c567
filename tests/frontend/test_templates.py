"""Every template compiles, keeps the rules of the content security policy, and speaks through gettext."""

from pathlib import Path

import pytest

from infra.assets.icons import icon_names
from tests.frontend.rules import icons_named, untranslated, violations
from tests.frontend.small_site import PLACE, environment, render

TEMPLATES = sorted(PLACE.templates.rglob("*.html"))
#: What programmers of other systems read, in English.
ENGLISH = {"integrations/partner_api/guide.html"}
#: Pages of the handbook are texts: in another language there is another text, not other words of the same.
TEXTS = "help/articles/"
NAMES = [str(path.relative_to(PLACE.templates)) for path in TEMPLATES]


@pytest.mark.parametrize("name", NAMES)
def test_compiles(name: str) -> None:
    environment().get_template(name)


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_keeps_the_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert violations(text) == []
    name = str(path.relative_to(PLACE.templates))
    if name in ENGLISH:
        assert 'lang="en"' in text
    elif not name.startswith(TEXTS):
        assert untranslated(text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_its_icons_are_in_the_sprite(path: Path) -> None:
    known = set(icon_names((PLACE.source / "icons.txt").read_text(encoding="utf-8")))
    assert set(icons_named(path.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("<script>alert(1)</script>", "inline script"),
        ("<script defer>x</script>", "inline script"),
        ("<style>a{}</style>", "inline style"),
        ('<p class="a" style="color: red">', "style attribute"),
        ('<a href="/" onclick="x()">', "event attribute"),
        ('<a hx-on:click="x()">', "hx-on"),
        ("<a hx-vals='js:{a: 1}'>", "evaluated value"),
        ('<p hx-get="/a" hx-trigger="click[ctrlKey]">', "trigger filter"),
        ("<p class={{ tone }}>", "unquoted attribute"),
        ("<p{% if a %} class=b{% endif %}>", "unquoted attribute"),
        ('<img src="https://example.vn/a.png">', "foreign address"),
        ("{{ text|safe }}", "safe filter"),
        ("{{ text | upper | safe }}", "safe filter"),
        ("{% autoescape false %}{% endautoescape %}", "autoescape off"),
    ],
)
def test_a_planted_violation_is_seen(planted: str, rule: str) -> None:
    assert rule in violations(planted)


def test_planted_words_outside_gettext_are_seen() -> None:
    assert untranslated("<p>Xin chào</p><b>{{ _('Lớp') }}</b>") == ["Xin chào"]


def test_the_style_guide_shows_every_component() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for path in TEMPLATES if path.parent.name != "components"
    )
    shown = render("styleguide/page.html")
    missing = [
        p.name
        for p in (PLACE.templates / "components").glob("*.html")
        if f"components/{p.name}" not in sources
    ]
    assert missing == []
    assert shown.count("<h1") == 1


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500, 503])
def test_an_error_says_what_happened_what_to_do_and_its_id(status: int) -> None:
    html = render("errors/page.html", status=status, message="Lớp 4C đã chốt số liệu <hôm qua>.")
    assert html.count("<h1") == 1
    assert "Lớp 4C đã chốt số liệu &lt;hôm qua&gt;." in html
    assert html.count("01977a3c-90aa-7e51") == 2
    assert "Xin " in html or "xin " in html


def test_what_people_type_is_escaped_everywhere() -> None:
    evil = "<script>alert('x')</script>\"'"
    html = render(
        "styleguide/page.html", school_name=evil, user_name=evil, messages=[("ok", evil)], csrf_token=evil
    )
    assert "<script>alert" not in html
    assert evil not in html
