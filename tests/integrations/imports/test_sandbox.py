"""The process that parses: what it may not do, and what people are told when it ends early."""

import asyncio
import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from backend.core.errors import Conflict, Unavailable
from backend.integrations.imports.limited import sandbox
from backend.integrations.imports.readers import grid, precheck
from backend.integrations.imports.schemas import (
    Filling,
    Layout,
    ParsedFile,
    SecondaryMarksFile,
    ToFill,
    UnreadableFile,
)

TITLE = ["Môn học: Toán", "Lớp: 6A1", "Học kì: I"]
NOTHING = ToFill(layout=Layout.SECONDARY_MARKS, contents={}, pupils=())
HEADER = ["STT", "Mã định danh", "Họ và tên", "Ngày sinh", "ĐĐGtx1", "ĐĐGtx2", "ĐĐGgk", "ĐĐGck"]


CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{type}.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{type}.worksheet+xml"/>
<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{type}.worksheet+xml"/>
<Override PartName="/xl/sharedStrings.xml" ContentType="{type}.sharedStrings+xml"/>
</Types>""".format(type="application/vnd.openxmlformats-officedocument.spreadsheetml")
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def relations(**targets: str) -> str:
    body = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{place}"/>'
        for key, (kind, _, place) in ((key, target.partition(" ")) for key, target in targets.items())
    )
    return f'<Relationships xmlns="{PACKAGE}">{body}</Relationships>'


def sheet_xml(rows: Sequence[Sequence[object]], strings: list[str]) -> str:
    """Text as shared strings, formulas with their cached value, and a dimension that is wrong."""
    lines = []
    for n, row in enumerate(rows, 1):
        cells = []
        for column, cell in zip("ABCDEFGHIJ", row, strict=False):
            if isinstance(cell, str) and not cell.startswith("="):
                strings.append(cell)
                cells.append(f'<c r="{column}{n}" t="s"><v>{len(strings) - 1}</v></c>')
            elif isinstance(cell, str):
                cells.append(f'<c r="{column}{n}"><f>{cell[1:]}</f><v>7.5</v></c>')
            elif cell is not None:
                cells.append(f'<c r="{column}{n}"><v>{cell}</v></c>')
        lines.append(f'<row r="{n}">{"".join(cells)}</row>')
    return (
        f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>{"".join(lines)}</sheetData></worksheet>'
    )


def workbook(*rows: Sequence[object]) -> bytes:
    """Put together by hand, so that it owes nothing to openpyxl's writer; the second sheet is hidden."""
    strings: list[str] = []
    marks = sheet_xml([TITLE, HEADER, *rows], strings)
    hidden = sheet_xml([["không", "phải", "tiêu đề"]], strings)
    shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
    parts = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": relations(rId1="officeDocument xl/workbook.xml"),
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="Toán" sheetId="1" r:id="rId1"/>'
            '<sheet name="Ngữ văn" sheetId="2" state="hidden" r:id="rId2"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": relations(
            rId1="worksheet worksheets/sheet1.xml",
            rId2="worksheet worksheets/sheet2.xml",
            rId3="sharedStrings sharedStrings.xml",
        ),
        "xl/worksheets/sheet1.xml": marks,
        "xl/worksheets/sheet2.xml": hidden,
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{shared}</sst>',
    }
    return packed({name: text.encode() for name, text in parts.items()})


def packed(parts: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()


def changed(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    assert old in parts[part]
    return packed({**parts, part: parts[part].replace(old, new)})


def sentence(parsed: ParsedFile) -> str:
    assert isinstance(parsed, UnreadableFile)
    assert len(parsed.problems) == 1
    return parsed.problems[0].message


def test_a_workbook_that_openpyxl_did_not_write() -> None:
    mai = [1, "9900000001", "Lê Mai", 43000, 8, "=AVERAGE(E3:E3)", "6,5", 9]
    parsed = sandbox.parse(workbook(mai, [2, "9900000002", "Lê An", None, 8, 8, 8]))
    assert isinstance(parsed, SecondaryMarksFile)
    assert parsed.problems == ()
    assert [str(mark.score) for mark in parsed.rows[0].marks] == ["8.0", "7.5", "6.5", "9.0"]
    assert [(row.full_name, len(row.marks)) for row in parsed.rows] == [("Lê Mai", 4), ("Lê An", 3)]
    assert str(parsed.rows[0].date_of_birth) == "2017-09-22"


@pytest.mark.parametrize(
    ("computed", "marks"),
    [
        (b'<c r="F3" t="str"><f>AVERAGE(E3:E3)</f><v></v></c>', ["8.0", "6.5", "9.0"]),
        (b'<c r="F3"><f>AVERAGE(E3:E3)</f></c>', None),
        (b'<c r="F3"><f>AVERAGE(E3:E3)</f><v/></c>', None),
    ],
)
def test_a_formula_without_its_value_is_told_from_an_empty_result(
    computed: bytes, marks: list[str] | None
) -> None:
    data = workbook([1, "9900000001", "Lê Mai", 43000, 8, "=AVERAGE(E3:E3)", "6,5", 9])
    usual = b'<c r="F3"><f>AVERAGE(E3:E3)</f><v>7.5</v></c>'
    parsed = sandbox.parse(changed(data, "xl/worksheets/sheet1.xml", usual, computed))
    assert isinstance(parsed, SecondaryMarksFile)
    if marks:
        assert parsed.problems == ()
        assert [str(mark.score) for mark in parsed.rows[0].marks] == marks
    else:
        assert [(one.row, one.column) for one in parsed.problems] == [(3, "ĐĐGtx2 (cột F)")]
        assert "công thức chưa có giá trị" in parsed.problems[0].message


async def test_parse_async_says_the_same() -> None:
    data = workbook([1, "9900000001", "Lê Mai", 43000, 8, 11, "6,5", 9])
    parsed = await sandbox.parse_async(data)
    assert parsed == sandbox.parse(data)
    assert "ngoài thang điểm 10" in parsed.problems[0].message


def test_a_refused_file_is_not_parsed() -> None:
    assert sentence(sandbox.parse(b"xin chao")) == precheck.NOT_A_WORKBOOK


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b"</sheetDatum>"),
        ("xl/workbook.xml", b"<sheets>", b"<leaves>"),
        ("xl/sharedStrings.xml", b"<si>", b"<so>"),
        ("[Content_Types].xml", b"spreadsheetml", b"wordprocessingml"),
    ],
)
def test_a_broken_inside_is_one_sentence(part: str, old: bytes, new: bytes) -> None:
    data = changed(workbook([1, "9900000001", "Lê Mai", 43000, 8, 7, 6, 9]), part, old, new)
    assert sentence(sandbox.parse(data)) == precheck.BROKEN


def test_a_file_that_cannot_be_filled_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = workbook([1, "9900000001", "Lê Mai", 43000, 8, 7, 6, 9])
    broken = changed(whole, "xl/worksheets/sheet1.xml", b"</sheetData>", b"</sheetDatum>")
    for data, said in ((b"xin chao", precheck.NOT_A_WORKBOOK), (broken, sandbox.CANNOT_FILL)):
        with pytest.raises(Conflict) as error:
            sandbox.fill(Filling(data=data, wanted=NOTHING))
        assert error.value.message == said
    monkeypatch.setattr(sandbox, "_WALL_SECONDS", 0.05)
    with pytest.raises(Conflict, match="quá lớn hoặc có phần không đọc được"):
        sandbox.fill(Filling(data=whole, wanted=NOTHING))


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_WALL_SECONDS", 0.05)
    assert sentence(sandbox.parse(workbook())) == sandbox.TOO_SLOW


def test_a_child_that_is_killed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel ends it when its processor time is used up."""
    monkeypatch.setattr(sandbox, "_CHILD", "import os; os.kill(os.getpid(), 24)")
    assert sentence(sandbox.parse(workbook())) == sandbox.TOO_SLOW


def test_a_sheet_without_end_is_cut_and_said_so() -> None:
    parsed = sandbox.parse(
        workbook(*([n, f"99{n:08d}", "Lê Mai", None, 8] for n in range(grid.MAX_ROWS + 5)))
    )
    assert isinstance(parsed, SecondaryMarksFile)
    assert len(parsed.rows) == grid.MAX_ROWS - 2
    assert [problem.message for problem in parsed.problems] == [
        "Trang “Toán” dài quá 20000 dòng; hãy tách thành nhiều tệp."
    ]


def in_the_child(code: str) -> subprocess.CompletedProcess[str]:
    start = "from backend.integrations.imports.limited import child; child._limit()\n"
    root = Path(sandbox.__file__).resolve().parents[4]
    return subprocess.run(
        [sys.executable, "-c", start + code],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import socket; socket.socket()", "OSError"),
        ("open('/etc/hostname')", "OSError"),
        ("import os; os.pipe()", "OSError"),
        ("bytearray(600 * 1024 * 1024)", "MemoryError"),
    ],
)
def test_what_the_child_may_not_do(code: str, error: str) -> None:
    done = in_the_child(code)
    assert done.returncode != 0
    assert error in done.stderr or "Too many open files" in done.stderr


def test_the_child_knows_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "environment"
    monkeypatch.setenv("HOCBA_SECRET", "bí mật")
    monkeypatch.setattr(
        sandbox, "_CHILD", f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))"
    )
    assert sentence(sandbox.parse(workbook())) == precheck.BROKEN
    assert "PYTHONPATH" in seen.read_text()
    assert "HOCBA_SECRET" not in seen.read_text()


async def test_workbooks_wait_in_a_short_line_on_threads_of_their_own() -> None:
    data = workbook(HEADER)
    reading = [asyncio.create_task(sandbox.parse_async(data)) for _ in range(12)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(str, "free"), 0.5) == "free"
    answers = await asyncio.gather(*reading, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refused) == 12 - sandbox.MOST_WAITING
    assert not any(isinstance(answer, BaseException) for answer in answers if answer not in refused)
