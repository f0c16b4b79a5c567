"""Handlers say who may call them and are routed; templates are used and compile; `.env.example` names every setting."""

import re
import shutil
from pathlib import Path

import pytest

from backend.core import templates
from backend.core.settings import AuditorSettings, Settings
from tests.architecture.site import handlers, named_templates, unguarded, unrouted, unused_templates
from tests.architecture.source import PROJECT, backend, plant

FOLDER = PROJECT / "frontend_templates"
PAGES = "backend/records/roster/pages.py"


def test_every_handler_says_who_may_call_it() -> None:
    assert len(list(handlers(backend()))) > 30
    assert list(unguarded(backend())) == []


@pytest.mark.parametrize(
    ("decorator", "marks"),
    [
        ("@get('/a')", 0),
        ("@get('/a', guards=[])", 0),
        ("@get('/a', guards=[allow])", 0),
        ("@get('/a', guards=[requires(), requires()])", 2),
    ],
)
def test_a_handler_that_does_not_is_named(decorator: str, marks: int) -> None:
    text = f"def allow(*_): ...\n{decorator}\nasync def planted() -> str:\n    return ''"
    found = list(unguarded(plant(backend(), PAGES, text)))
    assert found == [
        f"backend.records.roster.pages.planted carries {marks} of requires(...) and public() in place of one"
    ]


def test_every_handler_is_routed() -> None:
    assert list(unrouted(backend())) == []
    text = "@get('/a', guards=[requires()])\nasync def planted() -> str:\n    return ''"
    assert list(unrouted(plant(backend(), PAGES, text))) == ["backend.records.roster.pages.planted"]


def test_every_named_template_compiles(product: object) -> None:
    assert len(named_templates(backend())) > 15
    for name in named_templates(backend()):
        templates.environment().get_template(name)


def test_every_template_is_used() -> None:
    assert unused_templates(backend(), FOLDER) == set()


def test_a_template_that_nobody_uses_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("static"))
    (folder / "records" / "planted.html").write_text("{% extends 'records/_class_head.html' %}")
    assert unused_templates(backend(), folder) == {"records/planted.html"}


def settings_named(text: str) -> list[str]:
    """Variables of an example file, those that are commented out too."""
    return re.findall(r"^#? ?(HOCBA_[A-Z0-9_]+)=", text, re.MULTILINE)


def test_the_example_names_every_setting_once() -> None:
    named = settings_named((PROJECT / ".env.example").read_text(encoding="utf-8"))
    known = {*Settings.__struct_fields__, *AuditorSettings.__struct_fields__}
    assert sorted(named) == sorted(f"HOCBA_{name.upper()}" for name in known)


def test_variables_are_read_from_an_example() -> None:
    assert settings_named("HOCBA_A=1\n# HOCBA_B=\n#HOCBA_C=x\n# set HOCBA_D=1 for …\n") == [
        "HOCBA_A",
        "HOCBA_B",
        "HOCBA_C",
    ]
