"""The XML form of a snapshot: the tree seen in the field (`HOC_BA`), with all signature places created empty.

Names follow the Ministry's data dictionary in upper case. What must be signed lies under `#data`; nothing is
ever re-indented, because signatures cover these exact bytes. The root says `xmlns=""` so that an envelope's
default namespace cannot capture our elements. `hocba.xsd` describes the tree; it is ours, not the Ministry's.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import msgspec
from lxml import etree

from backend.core.errors import Invalid
from backend.records.transcripts.printed import EFFECTIVE_LATER
from backend.records.transcripts.schemas import (
    Gender,
    PrimaryResults,
    PrimarySubject,
    Promotion,
    SchoolLevel,
    SecondaryResults,
    SecondarySubject,
    SignerRole,
    Snapshot,
    Student,
    TraitGroup,
)
from backend.remote_signing.formats.schemas import TO_SIGN

DATA_ID = "data"
RECORD_ID = "thongtinhocba"
XSD = Path(__file__).with_name("hocba.xsd")

#: macaphoc: 1 primary, 2 lower secondary, 3 upper secondary.
_LEVEL_CODES = {SchoolLevel.PRIMARY: "1", SchoolLevel.LOWER_SECONDARY: "2", SchoolLevel.UPPER_SECONDARY: "3"}
#: QCVN 109:2017/BTTTT.
_GENDER_CODES = {Gender.MALE: "1", Gender.FEMALE: "2", None: "0"}
_GROUP_TAGS = {
    TraitGroup.QUALITY: "PHAM_CHAT",
    TraitGroup.GENERAL_COMPETENCE: "NANG_LUC_CHUNG",
    TraitGroup.SPECIFIC_COMPETENCE: "NANG_LUC_DAC_THU",
}
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
#: Words that are the same in every document, which trees written before they came in lack.
_ADDED_LATER = frozenset({"THONG_TIN_HOC_BA/THOI_DIEM_HIEU_LUC"})
_Text = str | int | bool | None


def build_xml(snapshot: Snapshot) -> bytes:
    """UTF-8 bytes with declaration; the same snapshot always gives the same bytes."""
    root = etree.Element("HOC_BA")
    record = _child(_child(root, "DU_LIEU_HOC_BA", Id=DATA_ID), "THONG_TIN_HOC_BA", Id=RECORD_ID)
    _fields(record, _header(snapshot))
    _corrections(record, snapshot)
    _fields(_child(record, "THONG_TIN", Id="lyLich"), _person(snapshot.student))
    _study_history(record, snapshot)
    results = snapshot.year.results
    if isinstance(results, PrimaryResults):
        _primary(record, snapshot, results)
    else:
        _secondary(record, snapshot, results)
    _signers(record, snapshot)
    _signature_places(root, [subject.code for subject in results.subjects])
    body: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
    return _DECLARATION + body.replace(b"<HOC_BA>", b'<HOC_BA xmlns="">', 1) + b"\n"


def validate_xml(xml: bytes) -> None:
    """Raise Invalid, with the reason, when the bytes, signed or not, do not follow `hocba.xsd`."""
    _read(xml)


def differences(xml: bytes, snapshot: Snapshot) -> list[str]:
    """Where the data of an XML form, signed or not, is not what the snapshot says: a sentence each.

    Raises Invalid when the bytes do not follow `hocba.xsd`.
    """
    there = dict(_said(_read(xml)[0], ""))
    wanted = dict(_said(etree.fromstring(build_xml(snapshot))[0], ""))
    changed = [
        f"Tệp XML, mục {place}: ghi “{there[place]}”, dữ liệu đã chốt ghi “{said}”."
        for place, said in wanted.items()
        if place in there and there[place] != said
    ]
    lacking = [
        f"Tệp XML thiếu mục {place}: dữ liệu đã chốt ghi “{wanted[place]}”."
        for place in wanted
        if place not in there and place not in _ADDED_LATER
    ]
    beyond = [
        f"Tệp XML có thêm mục {place} không có trong dữ liệu đã chốt."
        for place in there
        if place not in wanted
    ]
    return changed + lacking + beyond


def _said(element: etree._Element, place: str) -> Iterator[tuple[str, str]]:
    """Every text and attribute, by the path of its element; the second of one name is called `…[2]`."""
    yield from ((f"{place}@{name}", value) for name, value in sorted(element.attrib.items()))
    if not len(element):
        yield place, element.text or ""
    met: Counter[str] = Counter()
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else "chú thích"
        met[tag] += 1
        name = f"{tag}[{met[tag]}]" if met[tag] > 1 else tag
        yield from _said(child, f"{place}/{name}".lstrip("/"))


def _read(xml: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        document = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise Invalid(f"Tệp XML học bạ không đọc được: {error.msg}") from error
    if document.getroottree().docinfo.doctype:
        raise Invalid("Tệp XML học bạ không được có khai báo DOCTYPE.")
    try:
        _schema().assertValid(document)
    except etree.DocumentInvalid as error:
        raise Invalid(f"Tệp XML học bạ sai cấu trúc: {error}") from error
    return document


def subject_id(code: str) -> str:
    """Id of the DIEM_TONG_KET that a subject teacher signs."""
    return f"mon-{code}"


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(XSD)))


def _child(parent: etree._Element, tag: str, value: _Text = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes)
    if value is not None and value != "":
        element.text = _text(value)
    return element


def _text(value: _Text) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def _fields(parent: etree._Element, fields: dict[str, _Text]) -> None:
    """One child per field; an unknown one is an empty element, so all documents have the same elements."""
    for tag, value in fields.items():
        _child(parent, tag, value)


def _promoted(promotion: Promotion) -> bool | None:
    """Nothing is said of a pupil who is not assessed."""
    return None if promotion is Promotion.NOT_ASSESSED else promotion is Promotion.PROMOTED


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _header(snapshot: Snapshot) -> dict[str, _Text]:
    school, year = snapshot.school, snapshot.year
    principal = next((s for s in snapshot.signers if s.role is SignerRole.PRINCIPAL), None)
    return {
        "PHIEN_BAN_CAU_TRUC": snapshot.schema,
        "MA_DINH_DANH_HOC_BA": snapshot.lookup_code,
        "PHIEN_BAN": snapshot.version,
        "THU_NGHIEM": snapshot.sandbox,
        "MA_TRUONG": school.code,
        "TEN_TRUONG": school.name,
        "XA_PHUONG": school.ward,
        "TINH_THANH_PHO": school.province,
        "MA_SO_THUE": school.tax_code,
        "MA_CAP_HOC": _LEVEL_CODES[snapshot.level],
        "NAM_HOC": year.academic_year,
        "MA_KHOI": year.grade_level,
        "TEN_LOP": year.class_name,
        "DIA_DANH_PHAT_HANH": snapshot.issue_place,
        "NGAY_PHAT_HANH": snapshot.issue_date.isoformat(),
        "NGAY_HIEU_LUC": _iso(snapshot.effective_date),
        "THOI_DIEM_HIEU_LUC": None if snapshot.effective_date else EFFECTIVE_LATER,
        "CHUC_VU_GIAM_HIEU": principal.title if principal else None,
        "DUONG_DAN_TRA_CUU": snapshot.verify_url,
        "SO_CHO_SUA_CHUA": snapshot.correction_count,
        "MON_HOC_SUA_CHUA": ", ".join(snapshot.corrected_subjects),
    }


#: Element → field of the pupil.
PERSON = {
    "MA_HOC_SINH": "student_code",
    "MA_SO_DINH_DANH_CA_NHAN": "personal_id",
    "HO_VA_TEN": "full_name",
    "NGAY_SINH": "date_of_birth",
    "GIOI_TINH": "gender",
    "DAN_TOC": "ethnicity",
    "QUOC_TICH": "nationality",
    "NOI_SINH": "birth_place",
    "QUE_QUAN": "hometown",
    "NOI_O_HIEN_NAY": "current_address",
    "DOI_TUONG_CHINH_SACH": "policy_group",
    "HO_TEN_CHA": "father_name",
    "NGHE_NGHIEP_CHA": "father_job",
    "HO_TEN_ME": "mother_name",
    "NGHE_NGHIEP_ME": "mother_job",
    "HO_TEN_NGUOI_GIAM_HO": "guardian_name",
    "NGHE_NGHIEP_NGUOI_GIAM_HO": "guardian_job",
}


def _person(student: Student) -> dict[str, _Text]:
    said: dict[str, _Text] = {tag: getattr(student, field) for tag, field in PERSON.items()}
    return said | {
        "NGAY_SINH": student.date_of_birth.isoformat(),
        "GIOI_TINH": _GENDER_CODES[student.gender],
    }


def _corrections(record: etree._Element, snapshot: Snapshot) -> None:
    """Like the field of the snapshot, the list is absent where there is none."""
    if snapshot.corrections is msgspec.UNSET:
        return
    corrections = _child(record, "DANH_SACH_SUA_CHUA")
    for one in snapshot.corrections:
        _fields(
            _child(corrections, "SUA_CHUA"),
            {
                "NOI_DUNG": one.what,
                "TEN_MON_HOC": one.subject,
                "DA_GHI": one.old,
                "SUA_THANH": one.new,
                "NGUOI_QUYET_DINH": one.by,
                "THOI_DIEM": msgspec.to_builtins(one.at),
                "LY_DO": one.why,
            },
        )


def _study_history(record: etree._Element, snapshot: Snapshot) -> None:
    history = _child(record, "DANH_SACH_QUA_TRINH_HOC_TAP")
    for row in snapshot.study_history:
        _fields(
            _child(history, "QUA_TRINH_HOC_TAP"),
            {
                "NAM_HOC": row.academic_year,
                "TEN_LOP": row.class_name,
                "TEN_TRUONG": row.school_name,
                "SO_DANG_BO": row.registry_no,
                "NGAY_NHAP_HOC": _iso(row.joined_on),
            },
        )


def _primary(record: etree._Element, snapshot: Snapshot, results: PrimaryResults) -> None:
    table = _child(record, "BANG_DIEM")
    for subject in results.subjects:
        fields: dict[str, _Text] = {"MUC_DAT_DUOC": subject.level, "DIEM_KTDK": subject.test_mark}
        _subject(table, subject, fields, _named(snapshot))
    traits = _child(record, "DANH_SACH_PHAM_CHAT_NANG_LUC")
    for trait in results.traits:
        _fields(
            _child(traits, _GROUP_TAGS[trait.group]),
            {"MA": trait.code, "TEN": trait.name, "MUC_DAT_DUOC": trait.level, "NHAN_XET": trait.comment},
        )
    summary = _summary(record, snapshot)
    assessed = results.year_level is not None
    _fields(
        summary,
        {
            "DANH_GIA_KET_QUA": results.year_level,
            "DUOC_LEN_LOP": _promoted(results.promotion),
            "CO_KHUYET_TAT_KHONG_DANH_GIA": not assessed,
            "KET_LUAN": results.promotion,
            "DA_HTHANH_CTRINH_LOP_HOC": results.class_completed if assessed else None,
            "DA_HTHANH_CTRINH_TIEU_HOC": results.programme_completed if assessed else None,
            "HOAN_THANH_CHUONG_TRINH": results.completion,
            "KHEN_THUONG": results.award,
        },
    )


def _secondary(record: etree._Element, snapshot: Snapshot, results: SecondaryResults) -> None:
    table = _child(record, "BANG_DIEM")
    for subject in results.subjects:
        _subject(table, subject, _secondary_marks(subject), _named(snapshot))
    summary = _summary(record, snapshot)
    for tag, levels, after in (
        ("KET_QUA_REN_LUYEN", results.conduct, results.conduct.after_summer),
        ("KET_QUA_HOC_TAP", results.learning, results.learning.after_reassessment),
    ):
        _fields(
            _child(summary, tag),
            {
                "HOC_KY_1": levels.term1,
                "HOC_KY_2": levels.term2,
                "CA_NAM": levels.year,
                "SAU_DANH_GIA_LAI": after,
            },
        )
    _fields(
        summary,
        {
            "DUOC_LEN_LOP": _promoted(results.promotion),
            "CO_KHUYET_TAT_KHONG_DANH_GIA": results.learning.year is None,
            "KET_LUAN": results.promotion,
            "DA_HTHANH_CTRINH_CAP_HOC": results.programme_completed,
            "HOAN_THANH_CHUONG_TRINH": results.completion,
            "KHEN_THUONG": results.award,
        },
    )
    if results.summer_training is not msgspec.UNSET:
        _child(summary, "NHAN_XET_REN_LUYEN_HE", results.summer_training)
    for value in results.certificates:
        _child(summary, "CHUNG_CHI", value)
    for value in results.competitions:
        _child(summary, "CUOC_THI", value)


def _secondary_marks(subject: SecondarySubject) -> dict[str, _Text]:
    return {
        "HINH_THUC_DANH_GIA": subject.assessed_by,
        "HOC_KY_1": subject.term1,
        "HOC_KY_2": subject.term2,
        "CA_NAM": subject.year,
        "SAU_DANH_GIA_LAI": subject.reassessed,
        "MIEN_HOC": subject.exempt,
    }


def _named(snapshot: Snapshot) -> str:
    return f"{snapshot.lookup_code}-{snapshot.version}"


def _subject(
    table: etree._Element, subject: PrimarySubject | SecondarySubject, fields: dict[str, _Text], document: str
) -> None:
    row = _child(table, "DIEM_TONG_KET", Id=subject_id(subject.code))
    _fields(row, {"MA_MON_HOC": subject.code, "TEN_MON_HOC": subject.name, **fields})
    _child(row, "NHAN_XET", subject.comment)
    teacher, bound = None, {}
    if isinstance(subject, SecondarySubject):
        teacher = subject.teacher_name
        bound = {TO_SIGN: document} if subject.teacher_signs is True else {}
    _child(row, "GVBM", teacher, Id=f"gvbm-{subject.code}", **bound)


def _summary(record: etree._Element, snapshot: Snapshot) -> etree._Element:
    year = snapshot.year
    summary = _child(record, "TONG_KET_CA_NAM", Id="tongketcanam")
    _fields(
        summary,
        {
            "CHIEU_CAO": year.height_cm,
            "CAN_NANG": year.weight_kg,
            "SUC_KHOE": year.health,
            "NGHI_CO_PHEP": year.absences_excused,
            "NGHI_KHONG_PHEP": year.absences_unexcused,
            "NHAN_XET_GVCN": year.homeroom_comment,
            "NHAN_XET_HIEU_TRUONG": year.principal_comment,
        },
    )
    return summary


def _signers(record: etree._Element, snapshot: Snapshot) -> None:
    people = _child(record, "DANH_SACH_NGUOI_KY")
    for signer in snapshot.signers:
        _fields(
            _child(people, "NGUOI_KY"),
            {"VAI_TRO": signer.role, "HO_VA_TEN": signer.name, "CHUC_VU": signer.title},
        )


def _signature_places(root: etree._Element, subject_codes: list[str]) -> None:
    """Empty places, each outside of every element that its signature refers to."""
    signatures = _child(root, "DANH_SACH_THONG_TIN_KY")
    teachers = _child(signatures, "DANH_SACH_GVBM")
    for code in subject_codes:
        _child(teachers, "GVBM", Id=f"gvbm-{code}")
    _child(signatures, "GVCN")
    issue = _child(root, "PHAT_HANH_HOC_BA")
    _child(issue, "CBQL")
    _child(issue, "KY_PHAT_HANH")
