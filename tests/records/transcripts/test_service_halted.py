"""While the audit cannot be sealed nothing is issued; everything before that goes on."""

from datetime import datetime, timedelta

import pytest

from backend.core import audit_chain, clock
from backend.core.errors import Unavailable
from backend.records.reports import service as reports
from backend.records.transcripts import flow, service
from backend.records.transcripts.schemas import VersionState
from tests.records.transcripts.conftest import Season


async def test_without_a_checkpoint_for_long_nothing_is_issued(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with season.school.session(read_only=True) as session:
        sealed = await audit_chain.newest(session)
        assert (await reports.board(session, season.principal)).halted == ""
    move_clock(monkeypatch, sealed.made_at + audit_chain.LONGEST_WITHOUT + timedelta(minutes=1))

    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
    with pytest.raises(Unavailable, match="Nhật ký chưa được niêm phong từ"):
        async with season.school.session() as session:
            await flow.issue(session, [version.id])
    async with season.school.session(read_only=True) as session:
        assert (await service.get_version(session, version.id)).state == VersionState.SIGNING
        assert "tạm chưa được phát hành" in (await reports.board(session, season.principal)).halted


def move_clock(monkeypatch: pytest.MonkeyPatch, to: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: to)
