"""The report to the Authority as a .docx, in the outline of the Hà Đông letter (đề cương, 02/2025).

Figures are filled in; what only the school can tell is marked with what it should say.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from backend.integrations.reports import rules
from backend.integrations.reports.schemas import Figures, Mark, Percent, Table, Value

_FONT: Final = "Times New Roman"
#: The margins of Nghị định 30/2020/NĐ-CP, Phụ lục I.
_MARGINS: Final = {"top_margin": 2.0, "bottom_margin": 2.0, "left_margin": 3.0, "right_margin": 1.5}
#: Of the school's half of the head and of the State's, in cm; the State's name stays on one line.
_HEAD_WIDTHS: Final = (6.5, 10.0)
#: A page that lies on its side between its margins, and a column of numbers on it, in cm.
_LYING: Final = 25.2
_NUMBER: Final = 1.9
_GREY: Final = RGBColor(0x59, 0x59, 0x59)
#: Tables with more columns lie on their side.
_MOST_COLUMNS: Final = 7


def build(figures: Figures) -> bytes:
    """The file."""
    letter = _Letter()
    letter.head(figures)
    _situation(letter, figures)
    _results(letter, figures)
    _deployment(letter, figures)
    _wishes(letter)
    head = figures.head
    letter.signature((head.title if head else "") or "HIỆU TRƯỞNG", head.name if head else "")
    _appendix(letter, figures)
    return letter.saved()


def _situation(letter: "_Letter", figures: Figures) -> None:
    total, school = figures.ratios.total, figures.school
    letter.heading("I. Đặc điểm tình hình")
    grades = figures.ratios.grades
    if grades:
        sizes = "; ".join(
            f"khối {one.grade_level}: {one.classes} lớp, {one.pupils} học sinh" for one in grades
        )
        letter.text(
            f"{school.name} (mã trường {school.code}; cấp học: {school.level_label}) năm học {_year(figures)} có "
            f"{total.classes} lớp với {total.pupils} học sinh ({sizes}); {figures.coverage.total.total} cán bộ, "
            "giáo viên, nhân viên."
        )
    else:
        letter.text(rules.NOTHING)
    letter.to_write("nêu khái quát, ngắn gọn đặc điểm tình hình của nhà trường, địa phương")


def _results(letter: "_Letter", figures: Figures) -> None:
    day = f"{figures.scope.day:%d/%m/%Y}"
    letter.heading("II. Kết quả thực hiện Học bạ số")
    letter.heading(f"1. Phạm vi, quy mô, kết quả triển khai tính đến thời điểm {day}", level=2)
    if figures.ratios.grades:
        for words, part, whole in rules.letter_ratios(figures.ratios):
            letter.item(f"{words}: {part}/{whole}; Đạt tỷ lệ: {_share(part, whole)}")
        letter.item(
            f"Trong số học bạ phải thu hồi, đã hoàn thiện và phát hành lại: {figures.ratios.total.completed}/"
            f"{figures.ratios.total.recalled}."
        )
    else:
        letter.text(rules.NOTHING)
    letter.heading("2. Thuận lợi, khó khăn và giải pháp đã thực hiện", level=2)
    letter.to_write("nêu khái quát, ngắn gọn, rõ ràng về những thuận lợi, khó khăn và giải pháp đã thực hiện")


def _deployment(letter: "_Letter", figures: Figures) -> None:
    total = figures.ratios.total
    letter.heading(f"III. Triển khai thực hiện Học bạ số năm học {_year(figures)}")
    letter.heading("1. Công tác chỉ đạo", level=2)
    letter.to_write(
        "báo cáo về công tác chỉ đạo, xây dựng kế hoạch kèm các minh chứng kế hoạch, văn bản chỉ đạo"
    )
    letter.heading("2. Phạm vi, quy mô", level=2)
    if figures.ratios.grades:
        letter.item(f"Số học bạ triển khai/tổng số học sinh: {_of(total.pupils_in, total.pupils)}")
        for one in (*figures.ratios.grades, total):
            name = rules.grade_name(one.grade_level)
            letter.item(
                f"{name}: số lớp triển khai/tổng số lớp: {_of(one.classes_in, one.classes)}; số học sinh/tổng số học "
                f"sinh: {_of(one.pupils_in, one.pupils)}",
                bold=one is total,
            )
        letter.text("Thuyết minh số liệu: " + " ".join(rules.EXPLAINED), italic=True)
    else:
        letter.text(rules.NOTHING)
    letter.heading("3. Giải pháp về nền tảng công nghệ", level=2)
    _technology(letter, figures)
    letter.heading("4. Chi phí đầu tư, vận hành", level=2)
    letter.to_write(
        "các chi phí, nguồn kinh phí chi cho đầu tư, chi thường xuyên bảo đảm cho vận hành Học bạ số"
    )


def _technology(letter: "_Letter", figures: Figures) -> None:
    letter.heading("3.1. Về hạ tầng cơ sở vật chất, công nghệ thông tin", level=3)
    letter.to_write("hình thức đầu tư: đầu tư mới, thuê, nâng cấp; một lần, hằng năm; chi phí")
    letter.heading("3.2. Về phần mềm phục vụ tạo lập, quản lý Học bạ số", level=3)
    letter.to_write("phần mềm độc lập hay tích hợp; hình thức đầu tư, chi phí")
    letter.heading(
        "3.3. Về các ứng dụng thực hiện thủ tục hành chính trực tuyến liên quan đến học bạ", level=3
    )
    letter.to_write(
        "các thủ tục hành chính thực hiện trực tuyến sử dụng Học bạ số; tính khả thi, tiện ích, khó khăn"
    )
    letter.heading("3.4. Về khả năng bảo đảm an toàn, bảo mật, toàn vẹn dữ liệu", level=3)
    ready = [one for one in figures.readiness if one.is_ready]
    letter.text(
        f"Nhà trường đã tự rà soát {len(figures.readiness)} điều kiện về hạ tầng, tài khoản, chứng thư số và dữ liệu "
        f"“đúng, đủ, sạch, sống”: đạt {len(ready)}/{len(figures.readiness)} (bảng kèm theo). Mỗi việc làm trong hệ thống "
        "được ghi nhật ký không sửa được; học bạ đã phát hành được ký số và đối chiếu mã băm mỗi lần đọc."
    )
    letter.heading("3.5. Về chữ ký số", level=3)
    cover = figures.coverage.total
    letter.text(
        f"Đã có chữ ký số cá nhân: {_of(cover.having, cover.total)} cán bộ, giáo viên, nhân viên; chưa có: "
        f"{cover.lacking} người."
    )
    for note in figures.coverage.notes:
        letter.item(note)
    letter.to_write(
        "giải pháp trang bị chữ ký số; những thuận lợi, khó khăn khi thực hiện ký số xác thực Học bạ số"
    )


def _wishes(letter: "_Letter") -> None:
    letter.heading("IV. Thuận lợi, khó khăn; kiến nghị, đề xuất")
    letter.heading("1. Những thuận lợi, khó khăn", level=2)
    letter.to_write("báo cáo cụ thể những thuận lợi, khó khăn khi triển khai thực hiện Học bạ số")
    letter.heading("2. Kiến nghị, đề xuất", level=2)
    letter.to_write("nêu cụ thể những đề xuất, kiến nghị với các cấp, ngành để bảo đảm triển khai Học bạ số")


def _appendix(letter: "_Letter", figures: Figures) -> None:
    letter.begin_appendix()
    signed, by_role = rules.signed_tables(figures.signed)
    for table in (
        *rules.ratio_tables(figures.ratios, figures.scope, linked=False)[:1],
        signed,
        by_role,
        *rules.coverage_tables(figures.school, figures.coverage, with_people=False)[:3],
        *rules.readiness_tables(figures.readiness),
        *rules.deadline_tables(figures.deadlines),
    ):
        letter.table(table)


def _year(figures: Figures) -> str:
    return figures.scope.year.name if figures.scope.year else "(chưa mở)"


def _of(part: int, whole: int) -> str:
    return f"{part}/{whole}; Đạt tỷ lệ: {_share(part, whole)}"


def _share(part: int, whole: int) -> str:
    return _text(rules.percent(part, whole))


def _text(value: Value) -> str:
    match value:
        case Percent(value=None) | None:
            return "—"
        case Percent(value=float(share)):
            return f"{share:.1f}%".replace(".", ",")
        case date():
            return f"{value:%d/%m/%Y}"
        case int():
            return f"{value:,}".replace(",", ".")
        case Mark(word=word):
            return word
        case _:
            return str(value)


class _Letter:
    """The document while it is written."""

    def __init__(self) -> None:
        self._document = Document()
        self._document.core_properties.author = "Học bạ số"
        self._document.core_properties.title = "Báo cáo công tác triển khai thực hiện Học bạ số"
        self._document.core_properties.comments = ""
        normal = self._document.styles["Normal"]
        normal.font.name, normal.font.size = _FONT, Pt(13)
        normal.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)
        normal.paragraph_format.space_after = Pt(6)
        section = self._document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        self._margins(section)

    def head(self, figures: Figures) -> None:
        """Who writes, to whom, where and when; and what it is."""
        school = figures.school
        table = self._document.add_table(rows=2, cols=2)
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        _widths(table, _HEAD_WIDTHS)
        left, right = table.rows[0].cells
        self._centred(left, school.ward.upper() if school.ward else "", school.name.upper())
        self._centred(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", size=12)
        left, right = table.rows[1].cells
        self._centred(left, "Số: ……/BC-……", bold=())
        place = school.ward or school.province
        self._centred(right, f"{place}, ngày … tháng … năm ……", size=12, bold=(), italic=True)
        self._line("BÁO CÁO", size=14, space=12)
        self._line(f"Công tác triển khai thực hiện Học bạ số, năm học {_year(figures)}", size=14)
        self._line(
            f"(Số liệu tính đến hết ngày {figures.scope.day:%d/%m/%Y})", size=13, bold=False, italic=True
        )

    def heading(self, words: str, level: int = 1) -> None:
        """A heading of the outline, which Word finds in its navigation."""
        heading = self._document.add_heading(level=level)
        run = heading.add_run(words)
        run.font.name, run.font.size, run.font.color.rgb = _FONT, Pt(13), RGBColor(0, 0, 0)
        run.bold, run.italic = True, level == 3
        run._element.rPr.rFonts.set(qn("w:ascii"), _FONT)
        heading.paragraph_format.space_before = Pt(8)

    def text(self, words: str, *, italic: bool = False) -> None:
        """A paragraph."""
        paragraph = self._document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        paragraph.add_run(words).italic = italic

    def item(self, words: str, *, bold: bool = False) -> None:
        """A line of a list, with a dash as the letter has it."""
        paragraph = self._document.add_paragraph()
        paragraph.paragraph_format.left_indent = Cm(0.6)
        paragraph.add_run(f"- {words}").bold = bold

    def to_write(self, hint: str) -> None:
        """A place that the school fills in."""
        run = self._document.add_paragraph().add_run(f"(Nhà trường viết: {hint}.)")
        run.italic, run.font.color.rgb = True, _GREY
        self._document.add_paragraph("……")

    def signature(self, title: str, name: str) -> None:
        """Who signs, beside to whom it goes."""
        table = self._document.add_table(rows=1, cols=2)
        _widths(table, _HEAD_WIDTHS)
        left, right = table.rows[0].cells
        left.paragraphs[0].add_run("Nơi nhận:").italic = True
        for words in ("- Cơ quan quản lý giáo dục (để báo cáo);", "- Lưu: VT."):
            left.add_paragraph(words)
        self._centred(right, title.upper(), "(Ký, họ và tên, đóng dấu)", "", "", "", name, bold=(0, 5))

    def begin_appendix(self) -> None:
        """The tables lie on their side, on pages of their own."""
        section = self._document.add_section()
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Cm(29.7), Cm(21)
        self._margins(section)
        self._line("BIỂU SỐ LIỆU KÈM THEO BÁO CÁO", size=14)

    def table(self, table: Table) -> None:
        """A table with its title and notes; one sentence where it has no line."""
        self.heading(table.title, level=2)
        if not table.rows:
            self.text(table.empty)
            return
        drawn = self._document.add_table(rows=1, cols=len(table.columns), style="Table Grid")
        size = 11 if len(table.columns) <= _MOST_COLUMNS else 9
        self._fill(drawn.rows[0], table.columns, size, bold=True)
        _repeat_on_each_page(drawn.rows[0])
        for row in table.rows:
            added = drawn.add_row()
            self._fill(
                added, [_text(one.value) for one in row.cells], size, bold=row.is_sum, numbers=table.numbers
            )
        wide = len(table.columns) - len(table.numbers)
        left = _LYING - _NUMBER * len(table.numbers)
        _widths(
            drawn, [_NUMBER if one in table.numbers else left / wide for one in range(len(table.columns))]
        )
        for note in table.notes:
            self.text(note, italic=True)

    def saved(self) -> bytes:
        out = io.BytesIO()
        self._document.save(out)
        return out.getvalue()

    def _fill(
        self, row: Any, words: Sequence[str], size: int, *, bold: bool, numbers: Iterable[int] = ()
    ) -> None:
        for number, (cell, text) in enumerate(zip(row.cells, words, strict=True)):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(0)
            if number in numbers:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            run = paragraph.add_run(text)
            run.font.size, run.bold = Pt(size), bold

    def _centred(
        self,
        cell: Any,
        *lines: str,
        size: int = 13,
        bold: Iterable[int] = range(9),
        italic: bool = False,
    ) -> None:
        for number, words in enumerate(lines):
            paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            paragraph.paragraph_format.space_after = Pt(0)
            run = paragraph.add_run(words)
            run.bold, run.italic, run.font.size = number in bold, italic, Pt(size)

    def _line(
        self, words: str, *, size: int, bold: bool = True, italic: bool = False, space: int = 0
    ) -> None:
        paragraph = self._document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_before = Pt(space)
        run = paragraph.add_run(words)
        run.bold, run.italic, run.font.size = bold, italic, Pt(size)

    @staticmethod
    def _margins(section: Any) -> None:
        for name, width in _MARGINS.items():
            setattr(section, name, Cm(width))


def _widths(table: Any, centimetres: Sequence[float]) -> None:
    """Word reads the width of each cell, others that of the columns."""
    table.autofit = False
    for column, width in zip(table.columns, centimetres, strict=True):
        column.width = Cm(width)
    for row in table.rows:
        for cell, width in zip(row.cells, centimetres, strict=True):
            cell.width = Cm(width)


def _repeat_on_each_page(row: Any) -> None:
    properties = row._tr.get_or_add_trPr()
    properties.append(properties.makeelement(qn("w:tblHeader"), {qn("w:val"): "true"}))
