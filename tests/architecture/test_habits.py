"""One clock, no printing, no audit action or permission that nobody uses; planted exceptions are named."""

import pytest

from backend.tenants.permissions import ROLE_PERMISSIONS, Permission, Role
from tests.architecture.habits import foreign_clocks, printing, unused_actions, unused_permissions
from tests.architecture.source import backend, plant

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
