"""The data package: published schemas, and a checker that finds each difference between PDF, XML and JSON."""

import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pikepdf
import pytest
from litestar import Litestar
from lxml import etree

from backend import cli
from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.records.transcripts import canonical, forms, package
from backend.records.transcripts.schemas import Snapshot, VersionId
from backend.records.transcripts.xml_form import XSD, build_xml
from tests.core.browser import Browser
from tests.factories.snapshots import all_snapshots, lower_secondary_snapshot, primary_snapshot, with_changes
from tests.records.transcripts.pdf_reading import rendered
from tests.records.transcripts.test_rendering import long_snapshot

SNAPSHOTS = all_snapshots()
CONTEST = "<CUOC_THI>Giải Khuyến khích Hội khỏe Phù Đổng cấp tỉnh, môn Cầu lông</CUOC_THI>"


def with_attachments(pdf: bytes, changes: dict[str, bytes | None]) -> bytes:
    """The same pages with other files attached."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for name, data in changes.items():
            del document.attachments[name]
            if data is not None:
                document.attachments[name] = _attached(document, name, data)
        document.save(out)
    return out.getvalue()


def _attached(document: pikepdf.Pdf, name: str, data: bytes) -> pikepdf.AttachedFileSpec:
    return pikepdf.AttachedFileSpec(
        document, data, filename=name, description="", mime_type="", creation_date="", mod_date=""
    )


def differences(pdf: bytes) -> list[str]:
    return package.check(pdf)[1]


def schema() -> Any:
    return json.loads(canonical.schema_json())


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_every_snapshot_follows_the_published_json_schema(snapshot: Snapshot) -> None:
    validator = jsonschema_rs.validator_for(schema(), validate_formats=True)
    content = json.loads(canonical.canonical_json(snapshot))
    assert list(map(str, validator.iter_errors(content))) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "hocba.snapshot/2"),
        ("lookup_code", "7F3C0A52D1E84B6F9A20C4D85BE6713E"),
        ("student", {}),
        ("issue_date", "30/05/2026"),
        ("unknown", 1),
        ("version", 0),
    ],
)
def test_what_is_no_snapshot_does_not_follow_it(path: str, value: object) -> None:
    content = json.loads(canonical.canonical_json(primary_snapshot())) | {path: value}
    assert not jsonschema_rs.validator_for(schema(), validate_formats=True).is_valid(content)


async def test_both_schemas_are_served_and_printed(
    site: Litestar, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser(site)
    for name, data, media_type in (
        ("hocba.snapshot.1.json", canonical.schema_json(), "application/schema+json"),
        ("hocba.snapshot.1.xsd", XSD.read_bytes(), "application/xml"),
    ):
        answer = await browser.get(f"/luoc-do/{name}")
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"].startswith(media_type)
        assert cli.main(["package-schema", name]) == 0
        assert capsys.readouterr().out.encode() == data
    assert (await browser.get("/luoc-do/hocba.snapshot.2.json")).status_code == 404


@pytest.mark.parametrize("snapshot", [*SNAPSHOTS.values(), long_snapshot()], ids=[*SNAPSHOTS, "long"])
def test_the_three_forms_of_what_we_make_say_the_same(
    snapshot: Snapshot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hoc-ba.pdf"
    path.write_bytes(rendered(snapshot))
    assert cli.main(["check-package", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("KHỚP: trang PDF, XML và JSON nói cùng một nội dung: ")
    assert f"năm học 2025-2026, phiên bản {snapshot.version}" in said


async def test_a_file_with_its_places_for_signatures_is_still_the_same() -> None:
    snapshot = primary_snapshot()
    made = await forms.both(VersionId(new_id()), canonical.canonical_json(snapshot))
    assert b"/AcroForm" in made.pdf
    assert package.check(made.pdf) == (snapshot, [])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("student.full_name", "Nguyễn Phúc Hoàng Lân", "mục “Họ và tên”: không có “Nguyễn Phúc Hoàng Lân”"),
        ("year.results.subjects.1.term2", "4.3", "bảng các môn học, dòng 2"),
        (
            "year.results.subjects.2.comment",
            "Kĩ năng khác.",
            "bảng các môn học, dòng 3, mục “Nhận xét”: không có “Kĩ năng khác.”",
        ),
        ("study_history.0.registry_no", "9999/999", "bảng quá trình học tập, dòng 1, mục “Số đăng bộ”"),
        ("year.homeroom_comment", "Ngoan.", "mục “Nhận xét của giáo viên chủ nhiệm”: không có “Ngoan.”"),
    ],
)
def test_pages_of_another_content_are_found_out_in_one_sentence(path: str, value: str, said: str) -> None:
    snapshot = lower_secondary_snapshot()
    other = with_changes(snapshot, {path: value})
    attached = {"snapshot.json": canonical.canonical_json(other), "hocba.xml": build_xml(other)}
    found = differences(with_attachments(rendered(snapshot), dict(attached)))
    assert len([line for line in found if said in line]) == 1, found
    assert all(line.startswith("Trang PDF, ") and line.endswith(" như dữ liệu đã chốt.") for line in found)


def test_a_changed_cell_of_the_page_is_one_difference() -> None:
    snapshot = lower_secondary_snapshot()
    other = with_changes(snapshot, {"year.results.subjects.2.comment": "Kĩ năng khác."})
    attached = {"snapshot.json": canonical.canonical_json(other), "hocba.xml": build_xml(other)}
    assert len(differences(with_attachments(rendered(snapshot), dict(attached)))) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "<HO_VA_TEN>Nguyễn Phúc Hoàng Long",
            "<HO_VA_TEN>Lân",
            "/THONG_TIN/HO_VA_TEN: ghi “Lân”, dữ liệu đã chốt ghi “Nguyễn",
        ),
        (
            "<HOC_KY_2>4.2",
            "<HOC_KY_2>5.2",
            "/BANG_DIEM/DIEM_TONG_KET[2]/HOC_KY_2: ghi “5.2”, dữ liệu đã chốt ghi “4.2”.",
        ),
        (CONTEST, "", "thiếu mục THONG_TIN_HOC_BA/TONG_KET_CA_NAM/CUOC_THI: dữ liệu đã chốt ghi “Giải"),
        (CONTEST, CONTEST * 2, "có thêm mục THONG_TIN_HOC_BA/TONG_KET_CA_NAM/CUOC_THI[2]"),
    ],
)
def test_an_xml_of_another_content_is_found_out(old: str, new: str, said: str) -> None:
    snapshot = lower_secondary_snapshot()
    xml = build_xml(snapshot).decode()
    assert old in xml
    [found] = differences(
        with_attachments(rendered(snapshot), {"hocba.xml": xml.replace(old, new, 1).encode()})
    )
    assert found.startswith("Tệp XML")
    assert said in found


def test_signatures_in_the_xml_are_no_difference() -> None:
    snapshot = primary_snapshot()
    document = etree.fromstring(build_xml(snapshot))
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'
    [place] = document.findall("DANH_SACH_THONG_TIN_KY/GVCN")
    place.append(etree.fromstring(signature))
    assert differences(with_attachments(rendered(snapshot), {"hocba.xml": etree.tostring(document)})) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"snapshot.json": None}, "không kèm dữ liệu học bạ (snapshot.json)"),
        ({"hocba.xml": None}, "không kèm học bạ ở dạng XML (hocba.xml)"),
        ({"hocba.xml": b"<HOC_BA/>"}, "sai cấu trúc"),
        ({"hocba.xml": b"<!DOCTYPE x []><HOC_BA/>"}, "DOCTYPE"),
        ({"snapshot.json": b"[]"}, "không đúng định dạng hocba.snapshot/1"),
        ({"snapshot.json": b"{}"}, "không đúng định dạng"),
    ],
)
def test_a_package_that_lacks_a_part_is_told(changes: dict[str, bytes | None], said: str) -> None:
    [found] = differences(with_attachments(rendered(primary_snapshot()), changes))
    assert said in found


def test_data_of_a_newer_schema_is_refused_in_words() -> None:
    data = canonical.canonical_json(primary_snapshot()).replace(b"hocba.snapshot/1", b"hocba.snapshot/7")
    with pytest.raises(
        Invalid,
        match=re.escape("theo lược đồ “hocba.snapshot/7”, phần mềm này chỉ đọc được hocba.snapshot/1"),
    ):
        canonical.read_snapshot(data)
    [found] = differences(with_attachments(rendered(primary_snapshot()), {"snapshot.json": data}))
    assert "hocba.snapshot/7" in found


def test_what_is_no_pdf_is_said_on_the_error_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"no PDF")
    assert cli.main(["check-package", str(path)]) == 2
    assert "không phải PDF" in capsys.readouterr().err
    assert cli.main(["check-package", str(tmp_path / "none.pdf")]) == 2
    assert "không mở được tệp" in capsys.readouterr().err


def test_differences_are_told_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(with_attachments(rendered(primary_snapshot()), {"hocba.xml": None}))
    assert cli.main(["check-package", str(path)]) == 1
    assert capsys.readouterr().out.count("\n") == 1
