"""The file itself: same bytes everywhere, data inside, tagged PDF/A-3a, own fonts, a code that leads back."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
import segno

from backend.records.transcripts.canonical import canonical_json
from backend.records.transcripts.rendering import render_pdf
from backend.records.transcripts.schemas import Snapshot
from backend.records.transcripts.xml_form import build_xml
from tests.factories.snapshots import all_snapshots, primary_snapshot, upper_secondary_snapshot
from tests.records.transcripts.pdf_reading import attachments, rendered

SNAPSHOTS = all_snapshots()


def test_threads_of_one_process_wait_for_each_other() -> None:
    wanted = [rendered(snapshot) for snapshot in SNAPSHOTS.values()] * 3
    with ThreadPoolExecutor(max_workers=6) as pool:
        assert list(pool.map(rendered, list(SNAPSHOTS.values()) * 3)) == wanted


def test_the_code_on_each_page_leads_to_the_lookup_page() -> None:
    snapshot = primary_snapshot()
    codes = [segno.make(snapshot.verify_url, error="m", mask=mask).matrix for mask in range(8)]
    readable = [[[bool(module) for module in row] for row in code] for code in codes]
    document = pypdfium2.PdfDocument(rendered(snapshot))
    for page in document:
        assert printed_modules(page, len(readable[0])) in readable
    document.close()


def printed_modules(page: Any, count: int) -> list[list[bool]]:
    """Dark or light at the middle of each module of the 17 mm square that ends the page's left column."""
    dots = 12
    bitmap = page.render(scale=dots * 25.4 / 72, grayscale=True)
    left, width = 22 * dots, 17 * dots
    pixels = bytes(bitmap.buffer)

    def dark(x: int, y: int) -> bool:
        return bool(pixels[y * bitmap.stride + x] < 128)

    middle = left + width // 2
    bottom = max(y for y in range(bitmap.height) if any(dark(x, y) for x in range(left, middle)))
    top = bottom + 1 - width
    step = width / count
    return [
        [dark(left + int((column + 0.5) * step), top + int((row + 0.5) * step)) for column in range(count)]
        for row in range(count)
    ]


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_another_process_makes_the_same_bytes(snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_bytes(canonical_json(snapshot))
    (tmp_path / "hocba.xml").write_bytes(build_xml(snapshot))
    program = (
        "import sys, pathlib; from backend.records.transcripts.rendering import render_pdf;"
        " here = pathlib.Path(sys.argv[1]);"
        " out = render_pdf((here / 'snapshot.json').read_bytes(), (here / 'hocba.xml').read_bytes());"
        " (here / 'out.pdf').write_bytes(out)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
    render_pdf(canonical_json(primary_snapshot(version=2)), b"<other/>")
    assert rendered(snapshot) == (tmp_path / "out.pdf").read_bytes()


def test_the_data_travel_inside() -> None:
    snapshot = upper_secondary_snapshot()
    pdf = rendered(snapshot)
    assert attachments(pdf) == {"snapshot.json": canonical_json(snapshot), "hocba.xml": build_xml(snapshot)}
    with pikepdf.open(BytesIO(pdf)) as document:
        related = {str(spec.UF): str(spec.AFRelationship) for spec in document.Root.AF}
        types = {str(spec.UF): str(spec.EF.F.Subtype) for spec in document.Root.AF}
    assert related == {"snapshot.json": "/Source", "hocba.xml": "/Alternative"}
    assert types == {"snapshot.json": "/application/json", "hocba.xml": "/application/xml"}


def fonts_of(document: pikepdf.Pdf) -> list[Any]:
    return [
        item
        for item in document.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font"
    ]


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_the_file_declares_pdf_a_3a_and_keeps_what_can_be_checked(snapshot: Snapshot) -> None:
    with pikepdf.open(BytesIO(rendered(snapshot))) as document:
        with document.open_metadata() as xmp:
            assert (xmp["pdfaid:part"], xmp["pdfaid:conformance"]) == ("3", "A")
            assert snapshot.student.full_name in xmp["dc:title"]
        root = document.Root
        assert root.MarkInfo.Marked
        assert "/StructTreeRoot" in root
        assert str(root.Lang).startswith("vi")
        assert "/OutputIntents" in root
        assert "/AcroForm" not in root
        assert "/JavaScript" not in root.get("/Names", pikepdf.Dictionary())
        assert not document.is_encrypted
        assert all(
            tuple(map(float, page.MediaBox))[2:] == pytest.approx((595.28, 841.89), abs=0.1)
            for page in document.pages
        )
        fonts = fonts_of(document)
        descriptors = [font.FontDescriptor for font in fonts if "/FontDescriptor" in font]
        assert descriptors
        assert all("/FontFile2" in d or "/FontFile3" in d for d in descriptors)
        assert all("Tinos" in str(d.FontName) for d in descriptors)
        assert all("/ToUnicode" in font for font in fonts if font.Subtype == "/Type0")


@pytest.mark.needs("qpdf")
def test_the_file_is_sound_for_qpdf(tmp_path: Path) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(rendered(primary_snapshot()))
    subprocess.run(["qpdf", "--check", str(path)], check=True, capture_output=True)
