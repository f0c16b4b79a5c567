"""Where messages may go, and when they are tried again."""

from datetime import timedelta

import pytest

from backend.core import clock
from backend.core.errors import Invalid
from backend.integrations.webhooks import rules
from backend.integrations.webhooks.schemas import SCHEDULE, TOLD, EventKind, NewEndpoint, Outcome, Problem


def wanted(url: str, *events: EventKind) -> NewEndpoint:
    return NewEndpoint(url=url, events=frozenset(events or TOLD))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tin",
        "http://doi-tac.example/tin",
        "ftp://doi-tac.example/tin",
        "https://doi-tac.example:8443/tin",
        "https://ten:mat-khau@doi-tac.example/tin",
        "https://doi-tac.example/tin#a",
        "https://localhost/tin",
        "https://127.0.0.1/tin",
        "https://2130706433/tin",
        "https://0x7f.1/tin",
        "https://[::1]/tin",
        "https://169.254.169.254/latest",
        "https://đối-tác.example/tin",
        "https://doi-tac.example/t in",
        "https://doi-tac.example/tin\nHost: x",
        "https://doi-tac.example:x/tin",
        "https://doi-tac.example/" + "a" * 500,
        "http://127.0.0.1:8000/tin",
    ],
)
def test_an_address_that_is_none_is_refused_in_words(url: str) -> None:
    with pytest.raises(Invalid, match="https://"):
        rules.checked(wanted(url), ())


def test_a_good_address_is_kept_in_one_spelling() -> None:
    kept = rules.checked(wanted(" https://Doi-Tac.example?a=1 ", EventKind.RESULTS_CONFIRMED), ())
    assert (kept.url, kept.events) == (
        "https://doi-tac.example/?a=1",
        frozenset({EventKind.RESULTS_CONFIRMED}),
    )
    assert rules.checked(wanted("http://127.0.0.1:9/tin"), {"127.0.0.1"}).url == "http://127.0.0.1:9/tin"
    assert rules.checked(wanted("https://doi-tac.example:443/tin"), ()).url.endswith(":443/tin")


@pytest.mark.parametrize("events", [frozenset(), frozenset({EventKind.PING})])
def test_something_is_to_be_told(events: frozenset[EventKind]) -> None:
    with pytest.raises(Invalid, match="loại tin"):
        rules.checked(NewEndpoint(url="https://doi-tac.example/", events=events), ())


def test_tries_spread_over_more_than_three_days() -> None:
    waits = [rules.delay(attempts, 0.5, 0) for attempts in range(1, len(SCHEDULE) + 1)]
    assert None not in waits
    assert timedelta(days=3) < timedelta(seconds=sum(filter(None, waits))) < timedelta(days=4)
    assert rules.delay(len(SCHEDULE) + 1, 0.5, 0) is None
    assert rules.delay(1, 0, 0) != rules.delay(1, 1, 0), (
        "those of one moment are not tried again at one moment"
    )
    assert rules.delay(1, 0.5, 600) == 600, "whoever asks for time has it"
    assert rules.delay(1, 0.5, 10**7) == 86400, "within reason"


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome"),
    [
        (200, "", Outcome(status=200)),
        (204, "9", Outcome(status=204)),
        (301, "", Outcome(status=301, problem=Problem.REFUSED)),
        (429, "60", Outcome(status=429, problem=Problem.REFUSED, wait=60)),
        (503, "Mon, 1 Jan", Outcome(status=503, problem=Problem.REFUSED)),
        (410, "", Outcome(status=410, problem=Problem.GONE)),
    ],
)
def test_only_2xx_is_taken(status: int, retry_after: str, outcome: Outcome) -> None:
    assert rules.outcome_of(status, retry_after) == outcome


def test_an_endpoint_stops_when_it_says_so_or_after_days() -> None:
    now = clock.now()
    failed = Outcome(problem=Problem.NO_ANSWER)
    assert not rules.stops(failed, now - timedelta(days=4), now)
    assert rules.stops(failed, now - timedelta(days=6), now)
    assert rules.stops(Outcome(status=410, problem=Problem.GONE), now, now)
