"""The data package: published schemas, and a checker that finds each difference between PDF, XML and JSON."""

import io
import json
import re
from collections.abc import Callable
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
from backend.records.transcripts import canonical, forms, package, rendering
from backend.records.transcripts.printed import View, printed
from backend.records.transcripts.schemas import Snapshot, VersionId
from backend.records.transcripts.xml_form import XSD, build_xml
from backend.remote_signing.formats.pdf_update import PdfUpdate
from tests.core.browser import Browser
from tests.factories.books import primary_book
from tests.factories.pki import Pki
from tests.factories.snapshots import all_snapshots, lower_secondary_snapshot, primary_snapshot, with_changes
from tests.records.transcripts.pdf_reading import rendered
from tests.records.transcripts.test_rendering import long_snapshot
from tests.remote_signing.formats.world import make_world

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
    return list(package.check(pdf).differences)


def rendered_with(snapshot: Snapshot, xml: bytes) -> bytes:
    """The page of a snapshot with that XML beside it."""
    return rendering.render_pdf(canonical.canonical_json(snapshot), xml)


def rendered_as(snapshot: Snapshot, change: Callable[[View], None], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Pages that say what `change` makes of the view, with the data of the snapshot attached."""

    def told(content: Snapshot) -> View:
        view = printed(content)
        change(view)
        return view

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "printed", told)
        return rendered(snapshot)


def changed(pdf: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        change(document)
        document.save(out)
    return out.getvalue()


def updated(pdf: bytes, change: Callable[[PdfUpdate], None]) -> bytes:
    """The same bytes with a change written after them, as an incremental update."""
    update = PdfUpdate(pdf)
    change(update)
    return update.finish()


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
    assert package.check(made.pdf) == package.Compared(snapshot=snapshot, differences=())


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
        (
            "<BANG_DIEM>",
            "<BANG_DIEM><!-- 10 -->",
            "có thêm mục THONG_TIN_HOC_BA/BANG_DIEM/chú thích không có",
        ),
        (CONTEST, CONTEST * 2, "có thêm mục THONG_TIN_HOC_BA/TONG_KET_CA_NAM/CUOC_THI[2]"),
    ],
)
def test_an_xml_of_another_content_is_found_out(old: str, new: str, said: str) -> None:
    snapshot = lower_secondary_snapshot()
    xml = build_xml(snapshot).decode()
    assert old in xml
    [found] = differences(rendered_with(snapshot, xml.replace(old, new, 1).encode()))
    assert found.startswith("Tệp XML")
    assert said in found


def test_signatures_in_the_xml_are_no_difference() -> None:
    snapshot = primary_snapshot()
    document = etree.fromstring(build_xml(snapshot))
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'
    [place] = document.findall("DANH_SACH_THONG_TIN_KY/GVCN")
    place.append(etree.fromstring(signature))
    assert differences(rendered_with(snapshot, etree.tostring(document))) == []


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


def test_a_copy_of_a_book_has_nothing_to_be_compared_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ban-sao.pdf"
    path.write_bytes(rendering.render_book(primary_book()))
    assert cli.main(["check-package", str(path)]) == 2
    assert "KHÔNG ĐỐI CHIẾU ĐƯỢC: Tệp là bản in, bản sao hoặc trích lục" in capsys.readouterr().out


def _levels(view: Any) -> None:
    view["results"]["learning"] |= {"year": "Tốt", "term1": "Tốt"}
    view["results"]["conduct"] = dict.fromkeys(view["results"]["conduct"], "Tốt")


def _another_subject(view: Any) -> None:
    subjects = view["results"]["subjects"]
    subjects.append(subjects[0] | {"name": "Tiếng Trung", "year": "10"})


SAID_OTHERWISE: dict[str, Callable[[Any], None]] = {
    "levels": _levels,
    "absences": lambda view: view["year"].update(absences="0"),
    "award": lambda view: view["results"].update(award="Học sinh Xuất sắc toàn quốc"),
    "certificate": lambda view: view["results"]["certificates"].append("Chứng chỉ IELTS 9.0"),
    "corrections": lambda view: view["corrections"].update(count="10"),
    "subject": _another_subject,
    "promotion": lambda view: view["results"].update(promotion="Không được lên lớp"),
}


@pytest.mark.parametrize("change", SAID_OTHERWISE.values(), ids=SAID_OTHERWISE)
def test_pages_that_say_otherwise_are_found_out_though_every_text_stands_somewhere(
    change: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = differences(rendered_as(lower_secondary_snapshot(), change, monkeypatch))
    assert found
    assert all(line.startswith("Trang PDF") for line in found)


def _appended(document: pikepdf.Pdf) -> None:
    other = pikepdf.open(io.BytesIO(rendered(primary_snapshot())))
    document.pages.append(other.pages[3])


def _painted(document: pikepdf.Pdf) -> None:
    document.pages[2].contents_add(b"q 1 1 1 rg 60 60 500 700 re f Q")


def _attached_too(document: pikepdf.Pdf) -> None:
    document.attachments["snapshot2.json"] = _attached(document, "snapshot2.json", b"{}")


def _nothing(document: pikepdf.Pdf) -> None:
    assert document.pages


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_appended, "Tệp PDF có 5 trang, kết xuất từ dữ liệu đã chốt có 4 trang."),
        (_painted, "hình trang đã bị sửa"),
        (_attached_too, "Tệp PDF kèm thêm tệp “snapshot2.json” không thuộc về học bạ."),
        (_nothing, "tệp đã được ghi lại bằng phần mềm khác"),
    ],
)
def test_a_file_that_is_not_the_rendering_itself_is_told(
    change: Callable[[pikepdf.Pdf], None], said: str
) -> None:
    found = differences(changed(rendered(lower_secondary_snapshot()), change))
    assert [line for line in found if said in line], found


def _hidden_by_an_update(update: PdfUpdate) -> None:
    page: Any = update.reader.pages[2].obj
    white = update.add_stream(b"q 1 1 1 rg 60 60 500 700 re f Q")
    written = b"/Contents[%d %d R %d 0 R]" % (*page.Contents.objgen, white)
    del page["/Contents"]
    update.replace(page, written)


def _drawn_over(update: PdfUpdate) -> None:
    page: Any = update.reader.pages[2].obj
    note = update.add(b"<</Type/Annot/Subtype/FreeText/Rect[60 60 560 760]/Contents(10)/C[1 1 1]/F 4>>")
    update.replace(page, b"/Annots[%d 0 R]" % note)


def _another_catalog(update: PdfUpdate) -> None:
    update.replace(update.root, b"/Lang(en)")


def _a_field_with_a_picture(update: PdfUpdate) -> None:
    field: Any = update.root.AcroForm.Fields[0]
    update.replace(field, b"/AP<</N 1 0 R>>")


@pytest.mark.parametrize(
    "change", [_hidden_by_an_update, _drawn_over, _another_catalog, _a_field_with_a_picture]
)
async def test_what_is_written_after_the_rendering_may_sign_it_and_no_more(
    change: Callable[[PdfUpdate], None],
) -> None:
    snapshot = lower_secondary_snapshot()
    made = await forms.both(VersionId(new_id()), canonical.canonical_json(snapshot))
    assert differences(updated(made.pdf, change)) != []


async def test_a_signature_and_what_proves_it_are_no_difference() -> None:
    snapshot = lower_secondary_snapshot()
    made = await forms.both(VersionId(new_id()), canonical.canonical_json(snapshot))
    world = make_world(Pki())
    signed = world.add_material(world.sign_all(rendered(snapshot)))
    assert signed.startswith(made.pdf)
    assert package.check(signed) == package.Compared(snapshot=snapshot, differences=())
    assert differences(updated(signed, _drawn_over)) != []


@pytest.mark.parametrize("change", [*SAID_OTHERWISE.values(), lambda view: None])
def test_pages_of_another_form_are_never_said_to_be_the_same(
    change: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who forges pages may claim that an older form made them."""
    monkeypatch.setattr(rendering, "form_edition", lambda: "0" * 16)
    pdf = changed(rendered_as(lower_secondary_snapshot(), change, monkeypatch), _nothing)
    monkeypatch.undo()
    path = tmp_path / "hoc-ba.pdf"
    path.write_bytes(pdf)
    assert cli.main(["check-package", str(path)]) == 2
    said = capsys.readouterr().out
    assert said.startswith("KHÔNG ĐỐI CHIẾU ĐƯỢC: Trang PDF lập theo mẫu kết xuất khác mẫu của phần mềm này")
    assert "KHỚP" not in said


def test_an_older_form_that_looks_the_same_is_compared_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = lower_secondary_snapshot()
    monkeypatch.setattr(rendering, "form_edition", lambda: "0" * 16)
    pdf = rendered(snapshot)
    monkeypatch.undo()
    assert package.check(pdf) == package.Compared(snapshot=snapshot, differences=())


def test_verify_asks_whether_page_xml_and_json_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever signed a page that says otherwise has signed it; that the data say otherwise is told, though every text of
    them stands somewhere on the page."""
    snapshot, world, document = lower_secondary_snapshot(), make_world(Pki()), tmp_path / "hoc-ba.pdf"
    (tmp_path / "trust").mkdir()
    command = ["verify", str(document), "--trust", str(world.trust_folder(tmp_path / "trust")), "--json"]
    for made, same in (
        (rendered(snapshot), True),
        (rendered_as(snapshot, _another_subject, monkeypatch), False),
    ):
        document.write_bytes(world.add_material(world.sign_all(made)))
        assert cli.main(command) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["verdict"], answer["embedded_data_matches_page"]) == ("valid", same)
        assert bool(answer["problems"]) is not same
