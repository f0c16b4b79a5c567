"""The yardstick of `render.pdf`: the secondary form as HTML and CSS for WeasyPrint, as PDF/A-3a with both attachments.

Pages, tables, fonts, QR code, foot and watermark are those of `frontend_templates/documents/secondary.typ`.
"""

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import segno
import weasyprint
from weasyprint.text.fonts import FontConfiguration

from backend.records.transcripts.printed import printed
from backend.records.transcripts.rendering import FONTS
from infra.bench.samples import Document

_FACES = {
    "Tinos-Regular": "normal; font-style: normal",
    "Tinos-Bold": "bold; font-style: normal",
    "Tinos-Italic": "normal; font-style: italic",
    "Tinos-BoldItalic": "bold; font-style: italic",
}
_PERSON = {
    "full_name": "Họ và tên",
    "gender": "Giới tính",
    "date_of_birth": "Ngày sinh",
    "ethnicity": "Dân tộc",
    "nationality": "Quốc tịch",
    "birth_place": "Nơi sinh",
    "hometown": "Quê quán",
    "current_address": "Chỗ ở hiện tại",
    "father_name": "Họ và tên cha",
    "mother_name": "Họ và tên mẹ",
    "guardian_name": "Họ và tên người giám hộ",
    "student_code": "Mã học sinh",
}
#: Widths of the table of marks in millimetres, as in the form.
_MARK_COLUMNS = (36, 14, 14, 14, 21, 71)
_STYLE = """
@page { size: A4; margin: 20mm 18mm 33mm 22mm; @bottom-left { content: element(foot); width: 100% }
  @top-center { content: element(band) } }
body { font: 12pt/1.25 Tinos; } h1, h2 { text-align: center; margin: 6mm 0 3mm }
h1 { font-size: 54pt; color: #1d3461 } h2 { font-size: 14pt }
table { border-collapse: collapse; width: 100%; table-layout: fixed }
.form td, .form th { border: 0.6pt solid black; padding: 3pt 4pt; font: 11pt/1.15 Tinos; vertical-align: middle }
.form th { background: #f0f0f0 } .form tr { break-inside: avoid } .mark { text-align: center; font-weight: bold }
.field { border-bottom: 0.7pt dotted #6e6e6e; margin: 3mm 0 } .page { break-before: page }
.box { border: 0.7pt solid #1d3461; border-radius: 2.5pt; background: #f5f7fb; font-size: 9.5pt; padding: 5pt }
.sign { width: 80mm; margin: 4mm 0 4mm auto; text-align: center; break-inside: avoid }
.pair .sign { display: inline-block; width: 48% }
.teacher { text-align: right; font-style: italic } .cover { border: 2.4pt double #1d3461; padding: 15mm; height: 190mm }
#foot { position: running(foot); font-size: 8.5pt; border-top: 0.5pt solid #1d3461 }
#foot svg { width: 17mm; float: left }
.form th { font: bold 10.5pt/1.15 Tinos } #foot .number::after { content: "Trang " counter(page) "/" counter(pages) }
#band { position: running(band); background: #b3121d; color: white; font-weight: bold; text-align: center }
#mark { position: fixed; top: 90mm; left: -20mm; width: 220mm; font-size: 60pt; color: #fce9ea; transform: rotate(-54deg);
  z-index: -1; font-weight: bold; text-align: center }
"""


def render(document: Document) -> bytes:
    """The PDF of one book by WeasyPrint: tagged PDF/A-3a with `snapshot.json` and `hocba.xml`."""
    style, fonts = _style()
    attachments = [
        weasyprint.Attachment(string=document.content, name="snapshot.json", relationship="Source"),
        weasyprint.Attachment(string=document.xml, name="hocba.xml", relationship="Alternative"),
    ]
    pdf: bytes = weasyprint.HTML(string=page(document)).write_pdf(
        stylesheets=[style],
        font_config=fonts,
        pdf_variant="pdf/a-3a",
        pdf_tags=True,
        attachments=attachments,
    )
    return pdf


@cache
def _style() -> tuple[Any, FontConfiguration]:
    fonts = FontConfiguration()
    faces = "".join(
        f"@font-face {{ font-family: Tinos; font-weight: {face}; src: url({Path(FONTS, name).as_uri()}.ttf) }}"
        for name, face in _FACES.items()
    )
    return weasyprint.CSS(string=faces + _STYLE, font_config=fonts), fonts


def page(document: Document) -> str:
    """The whole document as HTML."""
    view: Any = printed(document.snapshot)
    body = "".join((_frame(view), _cover(view), _person(view), _marks(view), _year(view)))
    title = escape(f"Học bạ – {view['student']['full_name']}")
    return f'<!DOCTYPE html><html lang="vi"><head><title>{title}</title></head><body>{body}</body></html>'


def _frame(view: Any) -> str:
    issue, student = view["issue"], view["student"]
    code = segno.make(issue["verify_url"], error="m", micro=False)
    qr = code.svg_inline(border=0, omitsize=True)
    return (
        f'<div id="foot">{qr}<div>Mã số tra cứu: <b>{issue["lookup_code"]}</b></div>'
        f"<div>Kiểm tra tại: {issue['verify_url']}</div><div>{escape(student['full_name'])} · {student['student_code']}"
        f' · Năm học {view["year"]["academic_year"]} · Phiên bản {issue["version"]}</div><div class="number"></div></div>'
        '<div id="band">BẢN THỬ NGHIỆM – chữ ký số không có giá trị pháp lý</div><div id="mark">BẢN THỬ NGHIỆM</div>'
    )


def _cover(view: Any) -> str:
    student, school, year = view["student"], view["school"], view["year"]
    fields = _fields(
        ("Họ và tên học sinh", student["full_name"].upper()),
        ("Mã số định danh", student["personal_id"]),
        ("Trường", school["name"]),
        ("Xã (phường, đặc khu)", school["ward"]),
        ("Tỉnh (thành phố)", school["province"]),
        ("Lớp", f"{year['class_name']}, năm học {year['academic_year']}"),
    )
    return f'<div class="cover"><h1>HỌC BẠ</h1><h2>{view["level_title"]}</h2>{fields}</div>'


def _person(view: Any) -> str:
    student, issue = view["student"], view["issue"]
    known = _fields(*((label, student[name]) for name, label in _PERSON.items()))
    code = _fields(("Mã số tra cứu học bạ", issue["lookup_code"]))
    rows = [list(row.values()) for row in view["history"]]
    head = _row("th", "Năm học", "Lớp", "Tên trường, địa bàn", "Số đăng bộ", "Ngày nhập học")
    history = f'<table class="form"><thead>{head}</thead>{"".join(_row("td", *row) for row in rows)}</table>'
    title = f'<h2 class="page">HỌC BẠ {view["level_title"]}</h2>'
    place = f"<p><i>{escape(issue['place_and_date'])}</i></p>"
    return f"{title}{known}{code}{place}{_sign(view, 'principal')}<h2>QUÁ TRÌNH HỌC TẬP</h2>{history}"


def _marks(view: Any) -> str:
    columns = "".join(f'<col style="width: {width}mm">' for width in _MARK_COLUMNS)
    head = (
        '<tr><th rowspan="2">Môn học/ Hoạt động giáo dục</th><th colspan="3">Điểm trung bình hoặc mức đánh giá</th>'
        '<th rowspan="2">Điểm hoặc mức sau đánh giá lại trong hè (nếu có)</th>'
        '<th rowspan="2">Nhận xét sự tiến bộ, ưu điểm nổi bật, hạn chế chủ yếu (nếu có) và giáo viên môn học</th></tr>'
        f"{_row('th', 'HK I', 'HK II', 'Cả năm')}"
    )
    rows = "".join(
        f"<tr><td>{escape(subject['name'])}</td>{_mark_cells(subject)}<td>{escape(subject['comment'])}"
        f'<div class="teacher">GV: <b>{escape(subject["teacher_name"])}</b></div></td></tr>'
        for subject in view["results"]["subjects"]
    )
    signs = f'<div class="pair">{_sign(view, "homeroom_teacher")}{_sign(view, "principal")}</div>'
    return f'<div class="page"></div><table class="form">{columns}<thead>{head}</thead>{rows}</table>{signs}'


def _mark_cells(subject: Any) -> str:
    names = ("term1", "term2", "year", "reassessed")
    return "".join(f'<td class="mark">{escape(subject[name])}</td>' for name in names)


def _year(view: Any) -> str:
    results, year = view["results"], view["year"]
    head = _row("th", "Học kì", "Kết quả rèn luyện", "Kết quả học tập")
    terms = (("HK I", "term1"), ("HK II", "term2"), ("Cả năm", "year"))
    rows = "".join(
        _row("td", label, results["conduct"][key], results["learning"][key]) for label, key in terms
    )
    said = _fields(
        ("Tổng số buổi nghỉ", year["absences"]),
        ("Hoàn thành chương trình/lên lớp", results["completion"]),
        ("Chứng chỉ (nếu có)", "; ".join(results["certificates"])),
        ("Khen thưởng (nếu có)", results["award"]),
    )
    return (
        f'<div class="page"></div><table class="form"><thead>{head}</thead>{rows}</table>{said}'
        f"<h2>NHẬN XÉT CỦA GIÁO VIÊN CHỦ NHIỆM</h2><p>{escape(year['homeroom_comment'])}</p>"
        f"{_sign(view, 'homeroom_teacher')}<h2>PHÊ DUYỆT CỦA HIỆU TRƯỞNG</h2>{_sign(view, 'principal')}"
    )


def _sign(view: Any, role: str) -> str:
    signer = view["signers"][role]
    lead = f"Người ký số: <b>{escape(signer['name'])}</b><br>Chức danh: {escape(signer['title'])}"
    name, title = escape(signer["name"]), escape(signer["title"])
    return f'<div class="sign">{title}<div class="box">{lead}</div><b>{name}</b></div>'


def _fields(*pairs: tuple[str, str]) -> str:
    return "".join(f'<div class="field">{label}: <b>{escape(value)}</b></div>' for label, value in pairs)


def _row(tag: str, *cells: str | Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
