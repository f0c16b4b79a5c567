"""Every file has its room, every slice is entered by its doors; planted trespassers are named."""

import pytest

from tests.architecture.house import LISTED, roomless, trespasses, unused_lines
from tests.architecture.source import backend, parse, plant


def test_every_file_has_a_room() -> None:
    assert list(roomless(backend())) == []


def test_nobody_climbs_or_passes_walls() -> None:
    assert list(trespasses(backend())) == []


def test_the_tables_have_no_dead_lines() -> None:
    assert list(unused_lines(backend())) == []
    without = {name: module for name, module in backend().items() if "passwords" not in name}
    assert list(unused_lines(without)) == ["tenants.access.passwords is listed and does not exist"]


def test_every_line_has_its_reason() -> None:
    assert [name for name, (_, reason) in LISTED.items() if not reason] == []


@pytest.mark.parametrize(
    "path",
    [
        "backend/records/roster/helpers.py",
        "backend/core/utils.py",
        "backend/records/common/service.py",
        "backend/records/roster/misc/__init__.py",
        "backend/records/roster/counting.py",
        "backend/integrations/deliveries/soap.py",
    ],
)
def test_a_file_without_a_room_is_named(path: str) -> None:
    found = list(roomless(plant(backend(), path, "")))
    assert len(found) == 1 + ("/roster/" in path and "counting" not in path)
    assert all(
        line.startswith(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        for line in found
    )


@pytest.mark.parametrize(
    ("path", "line", "why"),
    [
        # Inside a slice: pages | api | tasks > service > adapters > queries > models > rules > events > schemas.
        ("records/gradebook/api", "from backend.records.gradebook import queries", "call a service"),
        ("records/gradebook/api", "from backend.records.gradebook.models import Mark", "call a service"),
        ("records/transcripts/tasks", "from backend.records.transcripts import rendering", "call a service"),
        (
            "records/transcripts/pages",
            "from backend.records.transcripts import tasks",
            "do not know each other",
        ),
        (
            "records/gradebook/queries",
            "from backend.records.gradebook import service",
            "QUERIES lies below SERVICE",
        ),
        (
            "records/gradebook/models",
            "from backend.records.gradebook import queries",
            "MODELS lies below QUERIES",
        ),
        (
            "records/gradebook/rules",
            "from backend.records.gradebook.models import Mark",
            "RULES lies below MODELS",
        ),
        (
            "records/gradebook/schemas",
            "from backend.records.gradebook import rules",
            "SCHEMAS lies below RULES",
        ),
        (
            "records/gradebook/events",
            "from backend.records.gradebook import rules",
            "EVENTS lies below RULES",
        ),
        (
            "records/gradebook/service",
            "from backend.records.gradebook import pages",
            "SERVICE lies below EDGE",
        ),
        (
            "records/transcripts/rendering",
            "from backend.records.transcripts import queries",
            "knows no tables",
        ),
        # Between slices: service, schemas, events; joins inside a domain.
        ("records/gradebook/service", "from backend.records.roster import queries", "is entered by"),
        ("records/gradebook/service", "from backend.records.roster.models import Student", "is entered by"),
        ("records/reports/service", "from backend.records.transcripts import rules", "is entered by"),
        ("records/reports/service", "from backend.remote_signing.requests import flow", "is entered by"),
        ("records/reports/service", "from backend.remote_signing.formats import pades", "is entered by"),
        ("records/reports/pages", "from backend.remote_signing.formats import pades", "is entered by"),
        ("records/gradebook/queries", "from backend.tenants.people import models", "is entered by"),
        ("records/gradebook/queries", "from backend.records.roster import queries", "is entered by"),
        ("records/gradebook/rules", "from backend.records.roster import service", "RULES lies below SERVICE"),
        (
            "remote_signing/requests/pages",
            "from backend.remote_signing.providers import csc",
            "is entered by",
        ),
        ("records/gradebook/service", "from backend.tenants import guards", "guards belong to handlers"),
        ("tenants/guards", "from backend.tenants.people import queries", "guards ask services"),
        # Entry files.
        ("workflow", "from backend.records.roster import service", "enters a slice by events or tasks"),
        (
            "app",
            "from backend.records.transcripts import tasks",
            "enters a slice by api or life_pages or link_pages or pages",
        ),
        ("tables", "from backend.records.roster import queries", "enters a slice by models"),
        ("worker", "from backend.records.roster import schemas", "enters a slice by service"),
        ("worker", "from backend.tenants import guards", "only the site"),
        # Wherever the import stands.
        (
            "records/roster/rules",
            "def f():\n    from backend.records.roster import queries",
            "RULES lies below",
        ),
    ],
)
def test_a_trespasser_is_named(path: str, line: str, why: str) -> None:
    found = list(trespasses(plant(backend(), f"backend/{path}.py", line)))
    assert len(found) == 1
    assert found[0].startswith(f"backend.{path.replace('/', '.')}:")
    assert why in found[0]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("records/gradebook/queries", "from backend.records.roster.models import Student"),
        ("records/gradebook/service", "from backend.records.roster import service, schemas"),
        ("records/gradebook/rules", "from backend.records.roster.curriculum import subjects_of"),
        ("records/gradebook/api", "from backend.tenants.people import service"),
        ("remote_signing/credentials/revocation", "from backend.remote_signing.formats import trust"),
    ],
)
def test_what_is_allowed_passes(path: str, line: str) -> None:
    assert list(trespasses(plant(backend(), f"backend/{path}.py", line))) == []


def test_a_relative_import_is_refused() -> None:
    with pytest.raises(ValueError, match="written in full"):
        parse({"backend/a.py": "from . import b", "backend/b.py": ""})
