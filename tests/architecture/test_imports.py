"""The directions of pyproject.toml hold, and each contract notices what it forbids.

import-linter runs as `make check` runs it: once on the project, once on a copy with a violation of every contract.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.house import LISTED, OF_DOMAIN, Room
from tests.architecture.source import PROJECT, Source, backend, plant, third_party

CONTRACTS: dict[str, dict[str, Any]] = {
    contract["id"]: contract
    for contract in tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
}
#: Words, not a library: everybody may use them.
EVERYWHERE = {"msgspec"}

#: contract → file, line to plant in it, what the report says about it.
PLANTED = {
    "floors": [
        (
            "core/logs.py",
            "from backend.records.roster import service",
            "core.logs -> backend.records.roster.service",
        ),
        (
            "tenants/people/service.py",
            "import backend.workflow",
            "tenants.people.service -> backend.workflow",
        ),
        ("notes.py", "", "not listed as layers:\n\n- backend.notes"),
    ],
    "slices-of-tenants": [
        (
            "tenants/schools/service.py",
            "from backend.tenants.people import service",
            "-> backend.tenants.people",
        ),
        ("tenants/holidays/__init__.py", "", "- backend.tenants.holidays"),
    ],
    "slices-of-remote-signing": [
        (
            "remote_signing/formats/der.py",
            "from backend.remote_signing.providers import port",
            "formats.der -> ",
        ),
    ],
    "slices-of-records": [
        ("records/roster/service.py", "from backend.records.gradebook import service", "roster.service -> "),
        (
            "records/verification/service.py",
            "from backend.records.reports import service",
            "verification.service -> ",
        ),
    ],
    "slices-of-integrations": [
        (
            "integrations/imports/service.py",
            "import backend.integrations.deliveries.schemas",
            "imports.service -> ",
        ),
    ],
    "no-circles": [("core/cookies.py", "from backend.core import csrf", "cookies")],
    "pure": [
        (
            "records/transcripts/rules.py",
            "from backend.core import clock",
            "transcripts.rules -> backend.core.clock",
        ),
        ("integrations/deliveries/schemas.py", "import time", "deliveries.schemas -> time"),
        ("remote_signing/providers/port.py", "import os", "providers.port -> os"),
        # Through another: permissions → errors → the database.
        ("tenants/permissions.py", "from backend.core import errors", "permissions -> backend.core.errors"),
        ("core/errors.py", "import socket", "core.errors -> socket"),
    ],
    "services-alone": [
        (
            "records/assessment/service.py",
            "from backend.core import web",
            "assessment.service -> backend.core.web",
        ),
        (
            "remote_signing/requests/flow.py",
            "import backend.core.broker",
            "requests.flow -> backend.core.broker",
        ),
    ],
}
STRANGER = "backend/records/reports/service.py"


def run(folder: Path) -> str:
    """What import-linter says of the project in a folder."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"COLUMNS": "300", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_every_direction_holds() -> None:
    report = run(PROJECT)
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in report, report


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name of each broken contract → what the report says, for a copy with all violations."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(PROJECT / "backend", folder / "backend", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    for path, lines in violations().items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text("\n".join([before, *lines, ""]), encoding="utf-8")
    _, _, details = run(folder).partition("Broken contracts\n")
    titles = [*re.finditer(r"^(.+)\n-{3,}$", details, re.MULTILINE)]
    ends = [*(title.start() for title in titles[1:]), len(details)]
    return {title[1]: details[title.end() : end] for title, end in zip(titles, ends, strict=True)}


def violations() -> dict[str, list[str]]:
    """File → lines that break its rules."""
    lines = defaultdict(list)
    for path, line, _ in (case for cases in PLANTED.values() for case in cases):
        lines[f"backend/{path}"].append(line)
    for contract in CONTRACTS.values():
        lines[STRANGER] += [f"import {library}" for library in contract.get("protected_modules", ())]
    return lines


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_notices_what_it_forbids(broken: dict[str, str], name: str) -> None:
    contract = CONTRACTS[name]
    said = broken[contract["name"]]
    libraries = contract.get("protected_modules", ())
    expected = [f"backend.records.reports.service -> {library}" for library in libraries]
    expected += [text for _, _, text in PLANTED.get(name, ())]
    assert expected
    assert [text for text in expected if text not in said] == [], said


def test_every_library_has_a_home() -> None:
    assert homeless(backend()) == set()
    planted = plant(backend(), STRANGER, "import requests")
    assert homeless(planted) == {"requests"}


def homeless(source: Source) -> set[str]:
    """Libraries that no contract gives a home."""
    housed = {library for contract in CONTRACTS.values() for library in contract.get("protected_modules", ())}
    used = {third_party(i.target) for module in source.values() for i in module.imports}
    return {library for library in used if library} - housed - EVERYWHERE


@pytest.mark.parametrize(
    ("contract", "rooms"),
    [("pure", {Room.SCHEMAS, Room.EVENTS, Room.RULES}), ("services-alone", {Room.SERVICE})],
)
def test_files_listed_by_name_keep_the_rules_of_their_room(contract: str, rooms: set[Room]) -> None:
    listed = {f"backend.{name}" for name, (room, _) in (LISTED | OF_DOMAIN).items() if room in rooms}
    held = CONTRACTS[contract]["source_modules"]
    assert {name for name in listed if not any(fnmatchcase(name, pattern) for pattern in held)} == set()


def test_the_page_of_records_names_its_slices_in_their_order() -> None:
    page = (PROJECT / "backend" / "records" / "README.md").read_text(encoding="utf-8")
    said = page.partition("Slices stand on each other in this order")[2].partition("\n\n")[0]
    layers = [set(layer.split(" | ")) for layer in reversed(CONTRACTS["slices-of-records"]["layers"])]
    assert [set(re.findall(r"`(\w+)`", floor)) for floor in said.split(";")] == layers
