"""What an answer means: only what the profile says, of our message, with its number; anything else is unknown."""

from typing import Any

import msgspec
import pytest

from backend.integrations.profiles import answers, catalog
from tests.factories.editions import profile_of

PROFILE = profile_of(catalog.path_of("vn.sandbox.hocba/2"))
OURS = "01000701" + "a" * 32
TAKEN = {"messageId": OURS, "maGiaoDich": "GD1", "code": "00"}
DECIDED = {"messageId": OURS, "trangThai": "DA_TIEP_NHAN", "soBienNhan": "BN1"}
REFUSED = {"messageId": OURS, "trangThai": "LOI_DU_LIEU", "dsLoi": [{"ma": "X", "moTa": "Sai"}]}


def read(name: str, status: int, body: Any) -> answers.Reading | None:
    answer = getattr(PROFILE.operations, name).answer
    return answers.read(answer, status, msgspec.json.encode(body), OURS)


def sent(status: int, body: Any) -> answers.Reading | None:
    return read("send", status, body)


def told(status: int, body: Any) -> answers.Reading | None:
    return read("query", status, body)


def test_a_clear_answer_is_read_with_its_number_and_its_errors() -> None:
    taken, decided, refused = sent(200, TAKEN), told(200, DECIDED), told(200, REFUSED)
    assert taken and decided and refused  # noqa: PT018
    assert (taken.meaning, taken.reference) == ("received", "GD1")
    assert (decided.meaning, decided.reference) == ("accepted", "BN1")
    assert refused.faults == (answers.Fault("X", "", "Sai"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"messageId": "01000701" + "b" * 32},
        {"messageId": None},
        {"messageId": [OURS]},
        {"maGiaoDich": ""},
        {"maGiaoDich": None},
        {"maGiaoDich": {"a": 1}},
        {"maGiaoDich": True},
        {"maGiaoDich": "9" * 3000},
        {"code": "77"},
        {"code": None},
    ],
)
def test_a_receipt_that_is_not_clearly_ours_is_none(changes: dict[str, Any]) -> None:
    assert sent(200, {**TAKEN, **changes}) is None


@pytest.mark.parametrize("status", [201, 202, 204, 302, 404, 500, 502, 503])
def test_a_status_that_the_profile_does_not_name_is_unknown(status: int) -> None:
    assert sent(status, TAKEN) is None
    assert told(status, DECIDED) is None


@pytest.mark.parametrize("errors", [[], None, "", "x", [1], [{"ma": ["X"]}]])
def test_a_refusal_without_readable_errors_is_unknown(errors: Any) -> None:
    assert told(200, {**REFUSED, "dsLoi": errors}) is None


def test_errors_of_which_xml_shows_one_are_a_list_too() -> None:
    refused = told(200, {**REFUSED, "dsLoi": {"ma": "X"}})
    assert refused
    assert [fault.code for fault in refused.faults] == ["X"]
