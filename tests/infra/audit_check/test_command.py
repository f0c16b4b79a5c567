"""`hocba audit check` as a person calls it: what it prints and how it ends."""

import ast
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from backend import cli
from backend.core import settings
from backend.core.database import TenantId
from infra import audit_check
from infra.audit_check.command import RUNBOOK
from infra.embedded.stack import EmbeddedStack
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import SigningService

FOLDER = Path(audit_check.__file__).parent


@pytest.fixture
def trusting(product: settings.Settings, authority: SigningService) -> Iterator[None]:
    """The product trusts the authority that stamped."""
    with changed_settings(HOCBA_TRUST_DIR=str(authority.trust_root.parent)):
        yield


async def check(*words: str) -> int:
    """Exit status of `hocba audit check …`; the command has an event loop of its own."""
    return await asyncio.to_thread(cli.main, ["audit", "check", *words])


async def test_intact_altered_and_out_of_reach(
    trusting: None,
    sealed: tuple[TenantId, TenantId],
    embedded_stack: EmbeddedStack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    school = str(sealed[0])
    status, said = await check("--school", school), capsys.readouterr().out
    assert status == 0, said
    assert "Đã kiểm 1 trường, 11 sự kiện, 2 điểm niêm phong." in said
    assert "Nhật ký còn nguyên vẹn." in said

    owner = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    change = "update audit_event set outcome = $1 where tenant_id = $2 and n = 3"
    await owner.execute("alter table audit_event no force row level security")
    await owner.execute(change, "refused", sealed[0])
    status, said = await check("--school", school), capsys.readouterr().out
    await owner.execute(change, "done", sealed[0])
    await owner.execute("alter table audit_event force row level security")
    await owner.close()
    assert status == 1, said
    assert f"SAI: trường {school}, sự kiện số 3: nội dung đã bị sửa sau khi ghi" in said
    assert "the-audit-check-fails.md" in said

    with changed_settings(HOCBA_DATABASE_AUDITOR_URL="postgresql://hocba_auditor:x@127.0.0.1:1/hocba"):
        assert await check() == 2
    assert "Không kiểm được: cơ sở dữ liệu không trả lời" in capsys.readouterr().out


async def test_it_needs_its_own_settings_alone(
    trusting: None,
    sealed: tuple[TenantId, TenantId],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The auditor's machine has none of the product's secrets."""
    own = {f"HOCBA_{field.upper()}" for field in settings.AuditorSettings.__struct_fields__}
    for name in {name for name in os.environ if name.startswith("HOCBA_")} - own:
        monkeypatch.delenv(name)
    status, said = await check("--school", str(sealed[0])), capsys.readouterr().out
    assert status == 0, said
    monkeypatch.setenv("HOCBA_TRUST_DIR", "/nowhere")
    assert await check() == 2
    assert "không đọc được thư mục chứng thư gốc tin cậy “/nowhere”" in capsys.readouterr().out
    monkeypatch.delenv("HOCBA_DATABASE_AUDITOR_URL")
    assert await check() == 2
    assert "HOCBA_DATABASE_AUDITOR_URL is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("role", "plays"),
    [("postgres", ""), ("hocba_migrator", ""), ("hocba_app", ""), ("postgres", "?role=hocba_auditor")],
)
async def test_a_role_that_could_alter_what_is_checked_is_refused(
    trusting: None, embedded_stack: EmbeddedStack, capsys: pytest.CaptureFixture[str], role: str, plays: str
) -> None:
    """Also one that plays another: it can be itself again at any time."""
    with changed_settings(HOCBA_DATABASE_AUDITOR_URL=embedded_stack.postgres.url(role) + plays):
        assert await check() == 2
    [said] = capsys.readouterr().out.splitlines()
    assert said.startswith("Không kiểm được: HOCBA_DATABASE_AUDITOR_URL có vai trò quá mạnh")
    assert role in said


def test_the_checker_shares_nothing_with_what_it_checks() -> None:
    imported = {
        name.partition(".")[0]
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "asyncpg" in imported
    assert "backend" not in imported


def test_its_runbook_exists() -> None:
    assert (FOLDER.parents[1] / RUNBOOK).is_file()
