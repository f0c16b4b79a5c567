"""A line of the log: fields from a closed list, and of a failure the place, not its words."""

import json
import logging

from backend.core.logs import JsonFormatter


def line(**extra: object) -> dict[str, object]:
    """What is written of a record with these fields, raised from a failure that quotes somebody."""
    try:
        raise ValueError("Nguyễn Thị Ví Dụ 9,5")
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    record = logging.getLogger("backend").makeRecord(
        "backend", logging.ERROR, __file__, 1, "job failed", (), failure, extra=extra
    )
    found: dict[str, object] = json.loads(JsonFormatter().format(record))
    return found


def test_fields_that_nobody_listed_are_left_out() -> None:
    said = line(job_id="7", full_name="Nguyễn Thị Ví Dụ", mark="9,5")
    assert said["job_id"] == "7"
    assert {"full_name", "mark"}.isdisjoint(said)


def test_the_words_of_a_failure_are_left_out() -> None:
    said = line()
    assert said["error"] == "ValueError"
    assert "Ví Dụ" not in json.dumps(said, ensure_ascii=False)
