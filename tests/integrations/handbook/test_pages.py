"""The handbook on the site: every page is served to anybody, is found, and is where errors and pages lead to."""

from pathlib import Path

import pytest
from litestar import Litestar

from backend.core import templates
from backend.integrations.handbook.contents import ARTICLES
from backend.integrations.handbook.schemas import HANDBOOK
from backend.menu import MENU
from tests.core.browser import Browser
from tests.core.site_fixtures import principal, school, site, stranger

__all__ = ["principal", "school", "site", "stranger"]


async def test_anybody_reads_every_page(stranger: Browser) -> None:
    contents = (await stranger.get(HANDBOOK)).text
    for article in ARTICLES:
        assert f'href="{article.address}"' in contents
        answer = await stranger.get(article.address)
        assert answer.status_code == 200
        assert article.title in answer.text
        assert "{{" not in answer.text
    missing = await stranger.get(f"{HANDBOOK}/khong-co")
    assert missing.status_code == 404
    assert f"{HANDBOOK}/khi-gap-loi#loi-404" in missing.text


async def test_a_question_is_answered_and_shown_as_it_was_typed(stranger: Browser) -> None:
    found = (await stranger.get(f"{HANDBOOK}?hoi=mo+lai+so")).text
    assert f'href="{HANDBOOK}/mo-lai-so#mo-lai"' in found
    nothing = await stranger.get(f"{HANDBOOK}?hoi=%3Cscript%3Ezzz&x=1")
    assert nothing.status_code == 200
    assert "<script>zzz" not in nothing.text
    assert "Chưa có trang nào nói về việc này" in nothing.text


async def test_errors_lead_to_their_section(stranger: Browser, principal: Browser) -> None:
    assert f"{HANDBOOK}/khi-gap-loi#loi-404" in (await stranger.get("/khong-co-trang-nay")).text
    refused = await principal.get("/nhap")
    assert refused.status_code == 403
    assert f"{HANDBOOK}/khi-gap-loi#loi-403" in refused.text


async def test_each_entry_of_the_menu_leads_to_its_own_page(principal: Browser) -> None:
    entries = [item for group in MENU for item in group.items if item.url != HANDBOOK]
    opened = 0
    for item in entries:
        answer = await principal.get(item.url)
        assert principal.page is not None
        if answer.status_code != 200:
            continue
        [address] = principal.page.xpath("//a[contains(@class, 'bell-help')]/@href")
        assert address.startswith(f"{HANDBOOK}/"), item.url
        opened += 1
    assert opened >= 15


async def test_a_picture_is_shown_where_it_is_there(
    stranger: Browser, site: Litestar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "PICTURES", tmp_path)
    assert "<figure" not in (await stranger.get(f"{HANDBOOK}/nhap-diem")).text
    (tmp_path / "09-sheet-saved.png").write_bytes(b"\x89PNG")
    assert 'src="/static/09-sheet-saved.png"' in (await stranger.get(f"{HANDBOOK}/nhap-diem")).text
