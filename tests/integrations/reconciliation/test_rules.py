"""Two lists compared: each way in which they may differ, and all in which they do not."""

import uuid
from datetime import date

import msgspec
import pytest

from backend.integrations.profiles.schemas import Listed, Window
from backend.integrations.reconciliation.rules import compare, is_season
from backend.integrations.reconciliation.schemas import Kind, Ours

OURS = Ours(
    delivery_id=uuid.UUID(int=1),
    message_id="0100070" + "a" * 32,
    label="4A · Ánh",
    lookup_code="c" * 32,
    version="1",
    sha256="d" * 64,
    state="accepted",
    withdrawn=False,
)
THEIRS = Listed(
    message_id=OURS.message_id, lookup_code="c" * 32, version="1", sha256="d" * 64, state="accepted"
)


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ({}, {}, None),
        ({}, {"state": "locked"}, None),
        ({}, {"message_id": OURS.message_id.upper(), "sha256": "D" * 64}, None),
        ({}, None, Kind.MISSING),
        ({"state": "rejected"}, None, None),
        ({"state": "received"}, None, None),
        ({"state": "unknown"}, None, None),
        ({"withdrawn": True}, None, None),
        ({}, {"sha256": "e" * 64}, Kind.CONTENT),
        ({}, {"lookup_code": "e" * 32}, Kind.CONTENT),
        ({}, {"version": "2"}, Kind.CONTENT),
        ({}, {"state": "rejected"}, Kind.STATE),
        ({}, {"state": "processing"}, Kind.STATE),
        ({}, {"state": "recalled"}, Kind.STATE),
        ({"state": "rejected"}, {}, Kind.STATE),
        ({"state": "rejected"}, {"state": "rejected"}, None),
        ({"withdrawn": True}, {}, Kind.STATE),
        ({"withdrawn": True}, {"state": "recalled"}, None),
        ({"withdrawn": True}, {"state": "replaced"}, None),
        ({"state": "unknown"}, {}, None),
        ({"state": "parked"}, {"state": "rejected"}, None),
    ],
)
def test_one_message_on_both_sides(
    ours: dict[str, object], theirs: dict[str, object] | None, kind: Kind | None
) -> None:
    own = msgspec.structs.replace(OURS, **ours)
    listed = [] if theirs is None else [msgspec.structs.replace(THEIRS, **theirs)]
    found = compare([own], listed)
    assert [one.kind for one in found.findings] == ([kind] if kind else [])
    assert found.matched == int(kind is None and theirs is not None)
    assert found.known_there == ((own.delivery_id,) if own.state == "unknown" and listed else ())


def test_what_we_never_sent_comes_first() -> None:
    stranger = msgspec.structs.replace(THEIRS, message_id="0" * 40)
    found = compare([OURS], [msgspec.structs.replace(THEIRS, sha256="e" * 64), stranger, stranger])
    assert [one.kind for one in found.findings] == [Kind.EXTRA, Kind.CONTENT]
    assert (found.findings[0].delivery_id, found.findings[0].message_id) == (None, "0" * 40)


@pytest.mark.parametrize(
    ("today", "wanted"),
    [
        ("2026-04-29", False),
        ("2026-04-30", True),
        ("2026-06-29", True),
        ("2026-09-28", True),
        ("2026-09-29", False),
    ],
)
def test_the_season_lies_about_the_days_of_the_plan(today: str, wanted: bool) -> None:
    calendar = (Window(title="a", closes="06-29"), Window(title="b", closes="08-14"))
    assert is_season(calendar, date.fromisoformat(today)) is wanted
    assert is_season((), date.fromisoformat(today))


def test_the_turn_of_the_year_is_one_season() -> None:
    calendar = (Window(title="a", closes="01-15"),)
    assert is_season(calendar, date(2026, 12, 20))
    assert not is_season(calendar, date(2026, 10, 20))
