"""A version as lists show it, without a database."""

from datetime import UTC, date, datetime

import msgspec

from backend.core.ids import new_id
from backend.records.transcripts.schemas import VersionState, VersionSummary

_FROZEN_AT = datetime(2026, 5, 28, 8, tzinfo=UTC)


def summary_in(state: VersionState, *, effective_on: date | None = None) -> VersionSummary:
    """The first version of Lò Thị An's year in 1A, in some state."""
    ids = {name: new_id() for name in ("id", "transcript_id", "student_id", "class_id")}
    facts = {
        "full_name": "Lò Thị An",
        "student_code": "9900000001",
        "class_name": "1A",
        "academic_year": "2025-2026",
        "number": 1,
        "state": state,
        "lookup_code": "0" * 32,
        "content_sha256": "0" * 64,
        "signed_sha256": None,
        "signed_xml_sha256": None,
        "frozen_at": _FROZEN_AT,
        "issued_at": None,
        "withdrawn_at": None,
        "withdrawn_reason": None,
        "effective_on": effective_on,
    }
    return msgspec.convert(ids | facts, VersionSummary)
