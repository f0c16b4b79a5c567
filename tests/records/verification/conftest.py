"""One issued transcript, one that is still being signed, one only frozen, as strangers find them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from sqlalchemy import text

from backend.core import settings
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Snapshot, VersionSummary
from backend.remote_signing.validation import service as signatures
from tests.core.browser import Browser
from tests.factories.own_keys import issue, sign
from tests.factories.pki import Pki
from tests.factories.small_school import open_small_school
from tests.records.transcripts.conftest import Season, confirmed_class
from tests.remote_signing.formats.world import make_world

NAMES = ["Lường Thị Ngọc Ánh", "Cầm Văn Bình", "Quàng Thị Chi"]


@dataclass
class Public:
    """One issued transcript (its signed file, its content), one that is still being signed, one only frozen."""

    season: Season
    issued: VersionSummary
    signing: VersionSummary
    frozen: VersionSummary
    file: bytes
    unsigned: bytes
    snapshot: Snapshot
    anchor: Path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def public(product: settings.Settings) -> Any:
    world = make_world(Pki())
    anchor = Path(product.trust_dir) / "test-verification.pem"
    anchor.parent.mkdir(parents=True, exist_ok=True)
    anchor.write_bytes(world.pki.root.pem)
    signatures._read.cache_clear()
    school = await open_small_school()
    async with school.session() as session:
        season = await confirmed_class(school, session, names=NAMES)
    issued, signing, frozen = sorted(await season.freeze(), key=lambda one: NAMES.index(one.full_name))
    await season.render(issued)
    unsigned = await season.ask_for_signatures(issued)
    file = sign(world, unsigned)
    await issue(season, issued, file)
    await season.render(signing)
    await season.ask_for_signatures(signing)
    async with school.session() as session:
        snapshot = await transcripts.get_snapshot(session, issued.id)
        versions = {one.id: one for one in await transcripts.list_versions(session, season.class_id)}
    yield Public(
        season=season,
        issued=versions[issued.id],
        signing=versions[signing.id],
        frozen=versions[frozen.id],
        file=file,
        unsigned=unsigned,
        snapshot=snapshot,
        anchor=anchor,
    )
    anchor.unlink()
    signatures._read.cache_clear()


async def send(browser: Browser, content: bytes, name: str = "hoc-ba.pdf", **more: str) -> httpx.Response:
    """Drop a file onto the public page."""
    await browser.get("/tra-cuu")
    return browser._seen(
        await browser.http.post(
            "/tra-cuu",
            data={"csrf_token": browser.csrf_token, "ma": "", **more},
            files={"tep": (name, content, "application/pdf")},
        )
    )


async def recall(public: Public) -> None:
    """The school has asked for it, and the province has done it."""
    statement = text(
        "update transcript_version set state = 'recalled', withdrawn_at = now(), withdrawn_reason = 'Sai điểm' "
        "where id = :id"
    )
    async with public.season.school.session() as session:
        await session.execute(statement, {"id": public.issued.id})


def same_in_every_request(answer: httpx.Response, typed: str) -> str:
    """The page without what is new in each request anyway, and without the words of who asks."""
    page = answer.text.replace(typed, "") if typed else answer.text
    page = re.sub(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"', "", page)
    return page.replace(answer.headers["x-request-id"], "")
