"""`hocba restore-forward` from the command line: it says what it would do, and writes nothing by itself."""

import asyncio
import uuid

import pytest

from backend import cli
from backend.core.settings import Settings
from backend.integrations.restoring import command
from tests.core.site_fixtures import let_go
from tests.factories.signing_school import changed_settings


async def test_without_write_it_says_that_nothing_was_written(
    product: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await let_go()
    tenant_id = uuid.uuid4()
    arguments = ["restore-forward", "--operator", "Người trực", "--school", str(tenant_id)]
    assert await asyncio.to_thread(cli.main, arguments) == command.DONE
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tenant_id}: 0 học bạ đã có; sẽ đưa 0 học bạ")
    assert last == "Chưa ghi gì; chạy lại với --write để ghi."


async def test_a_store_that_is_away_is_said(product: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await let_go()
    with changed_settings(HOCBA_S3_ENDPOINT="http://127.0.0.1:1"):
        status = await asyncio.to_thread(cli.main, ["restore-forward", "--operator", "Người trực"])
        await let_go()
    assert (status, capsys.readouterr().out) == (
        command.UNCERTAIN,
        "Không làm tiếp được: Kho lưu trữ tệp đang không trả lời; xin thử lại sau ít phút.\n",
    )
