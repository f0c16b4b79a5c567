"""Every group runs, at its very smallest, and prints its figures; the yardsticks measure the same thing."""

import io
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest

from infra.bench import book_html, render, samples
from infra.bench.__main__ import GROUPS
from infra.bench.figures import FIGURES
from infra.demo.truth import tell

#: WeasyPrint leaves a file of its own for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)

#: The names of the contract; once used, they stay.
NAMES = {
    "render": {"render.pdf", "render.year_record", "render.memory_growth"},
    "freeze": {"freeze.school"},
    "sign": {
        "sign.pdf_b_b_x3",
        "sign.pdf_limit_share",
        "sign.validate",
        "sign.xml",
        "sign.augment_b_lta",
        "sign.batch_2000",
        "sign.worker_memory",
    },
    "assess": {"assess.secondary"},
    "import": {"import.marks"},
    "web": {
        "web.page",
        "web.page_signed_in",
        "web.sheet_open",
        "web.verify_code",
        "web.verify_code_p95",
        "web.check_file",
        "web.mark_save",
        "web.mark_save_p99",
        "web.ratio_report",
    },
    "deliver": {"deliver.package", "deliver.rest", "deliver.replay"},
    "jobs": {"jobs.quiet_p99"},
    "tenants": {"tenants.scale", "tenants.transcript_open"},
}
ROOT = Path(__file__).resolve().parents[3]
WITH_YARDSTICK = {
    "render.pdf",
    "sign.pdf_b_b_x3",
    "sign.validate",
    "sign.xml",
    "import.marks",
    "web.page",
    "web.page_signed_in",
    "web.sheet_open",
    "tenants.transcript_open",
    "jobs.quiet_p99",
}


@pytest.fixture(autouse=True)
def small_schools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pupils in each of a few classes."""
    monkeypatch.setattr(samples, "truth", cache(lambda: tell(scale=0.1)))


def test_the_groups_and_figures_are_those_of_the_contract() -> None:
    assert set(GROUPS) == set(NAMES)
    assert set(FIGURES) == set().union(*NAMES.values())


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What all groups print, one after the other in one process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.bench.smallest"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.needs("libpango-1.0-0", "libpangoft2-1.0-0", "softhsm2")
@pytest.mark.parametrize("group", GROUPS)
def test_a_group_prints_its_figures(lines: list[dict[str, Any]], group: str) -> None:
    printed = [line for line in lines if line["name"].startswith(f"{group}.")]
    assert {line["name"] for line in printed} == NAMES[group]
    for line in printed:
        assert line["n"] > 0
        assert line["value"] > 0 or line["name"] == "render.memory_growth"
        assert (line["ratio"] is not None) == (line["name"] in WITH_YARDSTICK)


@pytest.mark.needs("libpango-1.0-0", "libpangoft2-1.0-0")
def test_the_yardstick_of_rendering_is_the_same_document() -> None:
    [document] = samples.books(1)
    ours, theirs = render.make(document), book_html.render(document)
    for pdf in (ours, theirs):
        assert len(pypdfium2.PdfDocument(pdf)) == 6
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            assert opened.Root.MarkInfo.Marked
            assert set(opened.attachments) == {"snapshot.json", "hocba.xml"}
            assert opened.attachments["snapshot.json"].get_file().read_bytes() == document.content
    for subject in document.snapshot.year.results.subjects:
        assert words(subject.comment or "") in words(text(ours))
        assert words(subject.comment or "") in words(text(theirs))


def text(pdf: bytes) -> str:
    return "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))


def words(value: str) -> str:
    return "".join(value.split())
