"""How dates, numbers and unknown names come out of templates."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from jinja2 import UndefinedError

from backend.core import settings, templates


def test_dates_are_vietnamese() -> None:
    late = datetime(2026, 5, 30, 18, 5, tzinfo=UTC)
    assert templates.vn_date(late) == "31/05/2026"
    assert templates.vn_datetime(late) == "31/05/2026 01:05"
    assert templates.vn_date(date(2026, 1, 2)) == "02/01/2026"
    assert (templates.vn_date(None), templates.vn_datetime(None)) == ("", "")


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0, None, "0"),
        (1234567, None, "1.234.567"),
        (Decimal("8.0"), None, "8,0"),
        (Decimal("1234.5"), None, "1.234,5"),
        (7.25, 1, "7,2"),
        (Decimal("7.25"), 1, "7,2"),
        (1000, 2, "1.000,00"),
        (-1234.5, None, "-1.234,5"),
        (None, None, ""),
    ],
)
def test_numbers_have_a_comma_and_dots(value: Decimal | None, places: int | None, text: str) -> None:
    assert templates.vn_number(value, places) == text


def test_everything_is_escaped_and_unknown_names_fail(product: settings.Settings) -> None:
    env = templates.environment()
    assert env.from_string("{{ x }}").render(x="<script>") == "&lt;script&gt;"
    assert env.from_string('{{ _("Năm %(y)s", y=x) }}').render(x="<b>") == "Năm &lt;b&gt;"
    with pytest.raises(UndefinedError):
        env.from_string("{{ khong_co }}").render()


def test_production_needs_built_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_MANIFEST", templates.DIST / "khong-co.json")
    with pytest.raises(settings.SettingsError, match=r"khong-co\.json"):
        templates.require_built()
    assert templates.asset("app.js") == "/static/app.js"


_PANEL = '{% from "components/panel.html" import panel %}'
_FORM = (
    '{% from "components/form.html" import form %}'
    '{% call panel("A") %}{% call form("/", csrf_token) %}{{ x }}{% endcall %}{% endcall %}'
)
_ICON = '{% from "components/icon.html" import icon as draw %}'


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(_ICON + '{{ draw("home", 18) }}', id="known"),
        pytest.param(_ICON + "{{ draw(x, 18) }}", id="not known"),
        pytest.param(_ICON + '{% set draw = x %}{{ draw("home") }}', id="another by that name"),
        pytest.param(
            _PANEL + '{% call panel("A") %}{{ x }}{% endcall %}',
            id="body",
        ),
        pytest.param(
            '{% from "components/button.html" import button %}{{ button(_("Ký <1>"), attrs={"a": 1}) }}',
            id="nested",
        ),
        pytest.param(_PANEL + "{% call panel(x) %}{{ x }}{% endcall %}", id="title not known"),
        pytest.param(
            _PANEL + '{% call panel("A") %}{% set x = "mới" %}{{ x }}{% endcall %}{{ x }}', id="own names"
        ),
        pytest.param(_PANEL + _FORM, id="token"),
        pytest.param(
            '{% from "components/page_header.html" import page_header %}{{ page_header("A") }}'
            '{% call page_header("B") %}{{ x }}{% endcall %}',
            id="with and without a body",
        ),
        pytest.param('{% include "layouts/_head.html" %}{{ x }}', id="included"),
    ],
)
def test_a_component_drawn_at_compile_time_is_the_one_drawn_on_the_page(
    product: settings.Settings, source: str
) -> None:
    drawn, on_the_page = (
        templates.environment().overlay(auto_reload=may_change) for may_change in (False, True)
    )
    values = {"x": str.upper if "set draw" in source else "<b>", "csrf_token": '"<thẻ>'}
    assert drawn.from_string(source).render(values) == on_the_page.from_string(source).render(values)


def test_what_is_known_is_drawn_once(product: settings.Settings) -> None:
    drawn = templates.environment().overlay(auto_reload=False)
    code = drawn.compile(_ICON + '{{ draw("home", 18) }}', raw=True)
    assert "#home" in code
    assert "get_template" not in code
    assert "get_template" not in drawn.compile(
        _PANEL + _FORM + '{% include "layouts/_head.html" %}', raw=True
    )


def test_every_template_can_be_drawn_so(product: settings.Settings) -> None:
    drawn = templates.environment().overlay(auto_reload=False)
    for name in drawn.list_templates(extensions=["html"]):
        drawn.get_template(name)
