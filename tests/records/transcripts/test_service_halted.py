"""While the audit cannot be sealed, or the store breaks its promise, nothing is issued; all before that goes on."""

from datetime import datetime, timedelta

import asyncpg
import pytest

from backend.core import audit_chain, bucket, clock, store_promise
from backend.core.errors import Unavailable
from backend.records.reports import service as reports
from backend.records.transcripts import flow, service
from backend.records.transcripts.schemas import VersionState
from infra.embedded.stack import EmbeddedStack
from tests.factories.signing_school import changed_settings
from tests.records.transcripts.conftest import Season

_PROBED = "insert into directory.store_probe (at, tried, broken) values ($1, 18, $2)"


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
    async with season.school.session() as session:
        await flow.note_signed(session, [version.id])
    with pytest.raises(Unavailable, match="Nhật ký chưa được niêm phong từ"):
        async with season.school.session() as session:
            await flow.issue(session, [version.id])
    async with season.school.session(read_only=True) as session:
        assert (await service.get_version(session, version.id)).state == VersionState.SIGNED
        assert "tạm chưa được phát hành" in (await reports.board(session, season.principal)).halted


@pytest.mark.parametrize(
    ("ago", "broken", "said"),
    [
        (timedelta(hours=27), [], "Kho lưu trữ chưa được thử lại từ"),
        (timedelta(minutes=1), ["delete_version"], "cho thấy kho lưu trữ không giữ được tệp đã khóa"),
    ],
)
async def test_while_the_store_does_not_keep_what_is_locked_nothing_is_issued(
    season: Season, embedded_stack: EmbeddedStack, ago: timedelta, broken: list[str], said: str
) -> None:
    owner = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    await owner.execute("delete from directory.store_probe")
    await owner.execute(_PROBED, clock.now() - ago, broken)
    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
    async with season.school.session() as session:
        await flow.note_signed(session, [version.id])
    with changed_settings(HOCBA_S3_OBJECT_LOCK="required"):
        with pytest.raises(Unavailable, match=said):
            async with season.school.session() as session:
                await flow.issue(session, [version.id])
        async with season.school.session(read_only=True) as session:
            assert (await service.get_version(session, version.id)).state == VersionState.SIGNED
            assert said in (await reports.board(session, season.principal)).halted
            assert said in await store_promise.told(session)
        await owner.execute(_PROBED, clock.now(), [])
        async with season.school.session() as session:
            await flow.issue(session, [version.id])
    async with season.school.session(read_only=True) as session:
        assert (await service.get_version(session, version.id)).state == VersionState.ISSUED
    await owner.close()


async def test_without_a_manifest_in_the_store_nothing_is_issued(season: Season) -> None:
    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
    async with season.school.session() as session:
        await flow.note_signed(session, [version.id])
    bucket.close()
    with changed_settings(HOCBA_S3_ENDPOINT="http://127.0.0.1:1"):
        with pytest.raises(Unavailable):
            async with season.school.session() as session:
                await flow.issue(session, [version.id])
        bucket.close()
    async with season.school.session(read_only=True) as session:
        assert (await service.get_version(session, version.id)).state == VersionState.SIGNED


def move_clock(monkeypatch: pytest.MonkeyPatch, to: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: to)
