import re

import msgspec
import pytest
from lxml import etree

from backend.core.errors import Invalid
from backend.records.transcripts.canonical import Json, text_leaves
from backend.records.transcripts.schemas import PrimaryResults, SecondaryResults, Snapshot
from backend.records.transcripts.xml_form import build_xml, differences, subject_id, validate_xml
from tests.factories.snapshots import all_snapshots, primary_snapshot, upper_secondary_snapshot, with_changes

SNAPSHOTS = all_snapshots()
#: Said in the XML by an element's name or by another code, not by the snapshot's own word.
OTHER_WORDS = ("level", "student.gender", "kind", "group")


def words(path: str, xml: bytes) -> list[str]:
    found = etree.fromstring(xml).xpath(path)
    assert isinstance(found, list)
    return [node.text or "" if isinstance(node, etree._Element) else str(node) for node in found]


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_the_tree_follows_the_schema_and_says_what_the_snapshot_says(snapshot: Snapshot) -> None:
    xml = build_xml(snapshot)
    validate_xml(xml)
    assert build_xml(snapshot) == xml
    said = set(words("//text()", xml))
    raw: Json = msgspec.to_builtins(snapshot)
    for path, value in text_leaves(raw):
        leaf = path.rpartition(".")[2]
        if value and path not in OTHER_WORDS and leaf not in OTHER_WORDS and "corrected_subjects" not in path:
            assert value in said, path


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_each_subject_row_carries_its_own_values(snapshot: Snapshot) -> None:
    xml = build_xml(snapshot)
    results = snapshot.year.results
    for subject in results.subjects:
        row = f"//*[@Id='{subject_id(subject.code)}']"
        assert words(f"{row}/TEN_MON_HOC", xml) == [subject.name]
        assert words(f"{row}/NHAN_XET", xml) == [subject.comment or ""]
    if isinstance(results, PrimaryResults):
        assert words("//DIEM_KTDK", xml) == [s.test_mark or "" for s in results.subjects]
        assert words("//BANG_DIEM//MUC_DAT_DUOC", xml) == [s.level or "" for s in results.subjects]
        assert words("//PHAM_CHAT/TEN", xml) == [t.name for t in results.traits if t.group == "quality"]
    if isinstance(results, SecondaryResults):
        assert words("//DIEM_TONG_KET/HOC_KY_2", xml) == [s.term2 or "" for s in results.subjects]
        assert words("//DIEM_TONG_KET/SAU_DANH_GIA_LAI", xml) == [
            s.reassessed or "" for s in results.subjects
        ]
        assert words("//KET_QUA_HOC_TAP/CA_NAM", xml) == [results.learning.year or ""]


def test_places_of_signatures_stand_where_signers_look_for_them() -> None:
    snapshot = upper_secondary_snapshot()
    xml = build_xml(snapshot)
    assert xml.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<HOC_BA xmlns="">')
    assert words("/HOC_BA/DU_LIEU_HOC_BA/@Id", xml) == ["data"]
    assert len(words("//*[@Id='thongtinhocba']", xml)) == 1
    for place in (
        "//PHAT_HANH_HOC_BA//CBQL",
        "//PHAT_HANH_HOC_BA/KY_PHAT_HANH",
        "//DANH_SACH_THONG_TIN_KY/GVCN",
    ):
        assert words(place, xml) == [""]
    for subject in snapshot.year.results.subjects:
        teacher = f"gvbm-{subject.code}"
        assert len(words(f"//DANH_SACH_THONG_TIN_KY/DANH_SACH_GVBM/GVBM[@Id='{teacher}']", xml)) == 1
        assert words(f"//DIEM_TONG_KET[GVBM/@Id='{teacher}']/@Id", xml) == [subject_id(subject.code)]
    assert words("//DU_LIEU_HOC_BA//DANH_SACH_THONG_TIN_KY", xml) == []


def test_of_a_primary_pupil_who_is_not_assessed_nothing_is_said_to_be_missed() -> None:
    not_assessed = {"year.results.year_level": None, "year.results.class_completed": False}
    flags = "//DA_HTHANH_CTRINH_LOP_HOC | //DA_HTHANH_CTRINH_TIEU_HOC | //DUOC_LEN_LOP"
    for promotion, promoted in (("NOT_ASSESSED", ""), ("PROMOTED", "1")):
        xml = build_xml(
            with_changes(primary_snapshot(), not_assessed | {"year.results.promotion": promotion})
        )
        validate_xml(xml)
        assert words(flags, xml) == [promoted, "", ""]
        assert words("//CO_KHUYET_TAT_KHONG_DANH_GIA", xml) == ["1"]


def test_a_secondary_pupil_who_is_not_assessed_stays_so_when_the_principal_has_decided() -> None:
    not_assessed = {"year.results.learning": {}, "year.results.promotion": "PROMOTED"}
    xml = build_xml(with_changes(upper_secondary_snapshot(), not_assessed))
    validate_xml(xml)
    assert words("//CO_KHUYET_TAT_KHONG_DANH_GIA | //DUOC_LEN_LOP", xml) == ["1", "1"]


def test_the_day_of_effect_is_a_day_or_said_in_words() -> None:
    place = "//NGAY_HIEU_LUC | //THOI_DIEM_HIEU_LUC"
    open_end = "từ ngày chốt tại cơ sở dữ liệu học bạ của Sở Giáo dục và Đào tạo"
    assert words(place, build_xml(primary_snapshot())) == ["", open_end]
    known = build_xml(with_changes(primary_snapshot(), {"effective_date": "2026-06-30"}))
    validate_xml(known)
    assert words(place, known) == ["2026-06-30", ""]


def test_a_tree_from_before_the_words_of_effect_lacks_nothing() -> None:
    snapshot = primary_snapshot()
    older = re.sub(b"<THOI_DIEM_HIEU_LUC>.*?</THOI_DIEM_HIEU_LUC>", b"", build_xml(snapshot))
    assert older != build_xml(snapshot)
    assert differences(older, snapshot) == []


def test_what_was_said_of_the_summer_has_its_place() -> None:
    said = {"year.results.summer_training": "Hoàn thành các nhiệm vụ đã giao."}
    xml = build_xml(with_changes(upper_secondary_snapshot(), said))
    validate_xml(xml)
    assert words("//NHAN_XET_REN_LUYEN_HE", xml) == ["Hoàn thành các nhiệm vụ đã giao."]
    assert words("//NHAN_XET_REN_LUYEN_HE", build_xml(upper_secondary_snapshot())) == []


def test_an_envelope_cannot_capture_our_elements() -> None:
    body = build_xml(primary_snapshot()).split(b"\n", 1)[1]
    wrapped = b'<goi xmlns="urn:goi">' + body + b"</goi>"
    assert etree.fromstring(wrapped)[0].tag == "HOC_BA"


def test_markup_in_data_is_text() -> None:
    snapshot = with_changes(primary_snapshot(), {"student.full_name": 'Lê <b>An</b> & ]]> "x"'})
    xml = build_xml(snapshot)
    validate_xml(xml)
    assert words("//THONG_TIN/HO_VA_TEN", xml) == [snapshot.student.full_name]


def test_a_signature_is_allowed_in_its_place_and_nowhere_else() -> None:
    xml = build_xml(primary_snapshot())
    signature = b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'
    validate_xml(xml.replace(b"<CBQL/>", b"<CBQL>" + signature + b"</CBQL>"))
    with pytest.raises(Invalid):
        validate_xml(xml.replace(b"<BANG_DIEM>", b"<BANG_DIEM>" + signature))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'Id="data"', b'Id="other"'),
        (b'Id="mon-TOAN"', b'Id="mon-TV"'),
        (b"<DIEM_KTDK>9</DIEM_KTDK>", b"<DIEM_KTDK>11</DIEM_KTDK>"),
        (b"<PHIEN_BAN>1</PHIEN_BAN>", b""),
        (b"<GIOI_TINH>2</GIOI_TINH>", b"<GIOI_TINH>4</GIOI_TINH>"),
        (b"</HOC_BA>", b"<THEM/></HOC_BA>"),
        (b"</HOC_BA>", b""),
        (b'<HOC_BA xmlns="">', b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><HOC_BA>&e;'),
    ],
)
def test_a_spoiled_tree_is_refused(old: bytes, new: bytes) -> None:
    xml = build_xml(primary_snapshot())
    assert old in xml
    with pytest.raises(Invalid, match="Tệp XML học bạ"):
        validate_xml(xml.replace(old, new, 1))
