"""One clock, no printing, no audit action or permission that nobody uses; planted exceptions are named."""

import pytest

from backend.tenants.permissions import ROLE_PERMISSIONS, Permission, Role
from tests.architecture.habits import (
    foreign_clocks,
    other_terms,
    other_ways_out,
    printing,
    unused_actions,
    unused_permissions,
)
from tests.architecture.source import PROJECT, backend, plant

SERVICE = "backend/records/roster/service.py"


def test_the_time_comes_from_the_clock() -> None:
    assert list(foreign_clocks(backend())) == []


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\nA = datetime.now()",
        "import datetime\nA = datetime.datetime.utcnow()",
        "import datetime as d\ndef f(when=d.date.today): ...",
        "from datetime import date\nA = date.today()",
        "import time\nA = time.time()",
        "from time import time as seconds\nA = seconds()",
    ],
)
def test_another_clock_is_named(text: str) -> None:
    found = set(foreign_clocks(plant(backend(), SERVICE, text)))
    assert len(found) == 1
    assert found.pop().startswith("backend.records.roster.service:")


def test_counting_seconds_is_free() -> None:
    text = "import time\nfrom backend.core import clock\nA = time.monotonic(), clock.now()"
    assert list(foreign_clocks(plant(backend(), SERVICE, text))) == []


def test_nobody_else_opens_a_connection() -> None:
    assert list(other_ways_out(backend())) == []


@pytest.mark.parametrize(
    "text",
    [
        "import socket\nA = socket.create_connection(('a', 1))",
        "import asyncio\nasync def f(): await asyncio.open_connection('a', 1)",
        "from urllib.request import urlopen\ndef f(): ...",
        "import http.client",
        "from socket import getaddrinfo as look\nA = look('a', 1)",
        "async def f(loop): await loop.create_connection(None, 'a', 1)",
        "import smtplib",
    ],
)
def test_another_way_out_is_named(text: str) -> None:
    found = list(other_ways_out(plant(backend(), SERVICE, text)))
    assert found
    assert all(one.startswith("backend.records.roster.service:") for one in found)


#: `term_words` itself; and what files of others say, which is read and never shown.
OF_TERMS = ("backend.core.text", "backend.integrations.imports.readers")


def test_a_term_is_called_the_same_everywhere() -> None:
    said = {name: one.text for name, one in backend().items() if not name.startswith(OF_TERMS)}
    said |= {
        str(path.relative_to(PROJECT)): path.read_text()
        for kind in ("html", "js")
        for path in (PROJECT / "frontend_templates").rglob(f"*.{kind}")
        if "dist" not in path.parts
    }
    assert len([name for name in said if name.endswith(".html")]) > 50
    assert list(other_terms(said)) == []


@pytest.mark.parametrize(
    "text", ['"Học kì 1"', 'f"học kì {term}"', '_("học kì %(term)s")', "học kỳ {{ term }}", "điểm HK2"]
)
def test_another_name_of_a_term_is_found(text: str) -> None:
    assert list(other_terms({"page": f"x\n{text}"})) == ["page:2"]


@pytest.mark.parametrize("text", ["Học kì I", "học kì II", "HKII", "hai học kì", "TBMHK1"])
def test_the_name_of_a_term_is_left_alone(text: str) -> None:
    assert list(other_terms({"page": text})) == []


def test_servers_do_not_print() -> None:
    assert list(printing(backend())) == []
    assert len(list(printing(plant(backend(), SERVICE, "def f():\n    print('x')")))) == 1
    assert list(printing(plant(backend(), "backend/records/roster/command.py", "print('x')"))) == []


def test_every_audit_action_is_recorded() -> None:
    assert unused_actions(backend()) == set()
    text = backend()["backend.core.audit"].text.replace(
        '    SIGN_OUT = "', '    PLANTED = "roster.pupil.lose"\n    SIGN_OUT = "'
    )
    assert unused_actions(backend() | plant({}, "backend/core/audit.py", text)) == {"PLANTED"}


def test_every_permission_is_asked_for() -> None:
    assert unused_permissions(backend()) == set()
    text = backend()["backend.tenants.permissions"].text.replace(
        '    SIGN = "', '    PLANTED = "roster:pupil:lose"\n    SIGN = "'
    )
    planted = backend() | plant({}, "backend/tenants/permissions.py", text)
    assert unused_permissions(planted) == {"PLANTED"}


def test_every_permission_is_given_to_a_role_and_every_role_has_some() -> None:
    given = frozenset[Permission]().union(*ROLE_PERMISSIONS.values())
    assert set(Permission) - given == set()
    assert [role for role in Role if not ROLE_PERMISSIONS.get(role)] == []
