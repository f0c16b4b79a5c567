"""Every deed has its words."""

from backend.core.audit import Action, Outcome
from backend.core.audit_words import ACTION_NAMES, AREAS, OUTCOME_NAMES, area_of, name_of


def test_every_action_has_a_name_of_its_own() -> None:
    assert ACTION_NAMES.keys() == set(Action)
    assert len(set(ACTION_NAMES.values())) == len(Action)
    assert OUTCOME_NAMES.keys() == set(Outcome)


def test_every_action_has_an_area_and_every_area_an_action() -> None:
    assert {area_of(action) for action in Action} == set(AREAS.values())


def test_an_action_of_another_release_is_called_by_its_name() -> None:
    assert name_of(Action.TRANSCRIPT_READ) == "Xem học bạ"
    assert name_of("no.such.deed") == "no.such.deed"
