"""The main menu shows where a person is, also on the pages below a class."""

from litestar import Litestar

from backend.records.gradebook import service as gradebook
from tests.core.site_fixtures import site
from tests.factories.small_school import SmallSchool, enroll
from tests.records.transcripts.conftest import NAMES, Season, season

__all__ = ["season", "site"]


async def lit(school: SmallSchool, site: Litestar, *paths: str) -> list[list[str]]:
    """The addresses of the lit entries of the menu, page by page."""
    browser = await school.browser(site, "homeroom")
    entries = []
    for path in paths:
        assert (await browser.get(path)).status_code == 200
        assert browser.page is not None
        entries.append(
            browser.page.xpath("//nav//a[@aria-current='page'][contains(@class, 'menu-link')]/@href")
        )
    return entries


async def test_a_sheet_belongs_to_the_classes(small_school: SmallSchool, site: Litestar) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", NAMES)
        sheet = (await gradebook.list_sheets(session, class_id))[0]
    assert await lit(small_school, site, "/", f"/lop/{class_id}", f"/so-diem/{sheet.id}") == [
        ["/"],
        ["/lop"],
        ["/lop"],
    ]


async def test_a_transcript_belongs_to_the_classes(season: Season, site: Litestar) -> None:
    [version, *_] = await season.freeze()
    assert await lit(season.school, site, f"/hoc-ba/{version.id}") == [["/lop"]]
