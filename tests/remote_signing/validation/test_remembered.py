"""A report is given again for the same bytes under the same anchors, for some minutes; for nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core import clock
from backend.remote_signing.formats import validation
from backend.remote_signing.formats.schemas import Report, Unreadable
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.validation import service
from tests.factories.pki import Pki

FIELDS = ("homeroom_teacher", "principal")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Watched:
    """Stands for the validation, the anchors and the clock, and counts what is validated."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[bytes] = []
        self.trust = TrustStore(())
        self.now = NOON
        patch.setattr(validation, "validate_pdf", self._validate)
        patch.setattr(service, "_trust", lambda: self.trust)
        patch.setattr(clock, "now", lambda: self.now)

    def _validate(self, pdf: bytes, *_: Any) -> Report:
        self.seen.append(pdf)
        if pdf == b"%PDF-broken":
            raise Unreadable("Tệp hỏng.")
        return Report(verdict="valid", format="pdf", signatures=(), modified_after_signing=False)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    service._reports.clear()
    yield Watched(monkeypatch)
    service._reports.clear()


async def test_the_same_bytes_are_validated_once(watched: Watched) -> None:
    first = await service.check_own(b"%PDF-one", FIELDS)
    assert await service.check_own(b"".join([b"%PDF-on", b"e"]), list(FIELDS)) is first
    assert watched.seen == [b"%PDF-one"]


async def test_other_bytes_other_fields_and_other_anchors_are_validated(watched: Watched) -> None:
    await service.check_own(b"%PDF-one", FIELDS)
    await service.check_own(b"%PDF-two", FIELDS)
    await service.check_own(b"%PDF-one", FIELDS[:1])
    watched.trust = TrustStore([Pki().root.certificate])
    await service.check_own(b"%PDF-one", FIELDS)
    assert watched.seen == [b"%PDF-one", b"%PDF-two", b"%PDF-one", b"%PDF-one"]


@pytest.mark.parametrize(
    ("later", "times"),
    [
        (service.REMEMBERED - timedelta(seconds=1), 1),
        (service.REMEMBERED, 2),
        (timedelta(seconds=-1), 2),
    ],
    ids=["still fresh", "old", "the clock was set back"],
)
async def test_a_report_grows_old(watched: Watched, later: timedelta, times: int) -> None:
    await service.check_own(b"%PDF-one", FIELDS)
    watched.now = NOON + later
    await service.check_own(b"%PDF-one", FIELDS)
    assert len(watched.seen) == times


async def test_a_refusal_is_not_remembered(watched: Watched) -> None:
    for _ in range(2):
        with pytest.raises(Unreadable):
            await service.check_own(b"%PDF-broken", FIELDS)
    assert len(watched.seen) == 2


async def test_only_so_many_are_kept(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_REMEMBERED", 2)
    for document in (b"%PDF-one", b"%PDF-two", b"%PDF-three", b"%PDF-three", b"%PDF-two", b"%PDF-one"):
        await service.check_own(document, FIELDS)
    assert len(service._reports) == 2
    assert watched.seen == [b"%PDF-one", b"%PDF-two", b"%PDF-three", b"%PDF-one"]
