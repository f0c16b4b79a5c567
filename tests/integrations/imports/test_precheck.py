"""What is not a workbook, or is made to hurt, is refused from its directory: one sentence, fast, small."""

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook.protection import WorkbookProtection

from backend.integrations.imports.readers import precheck

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
)
SHEET = '<?xml version="1.0" encoding="UTF-8"?>\n<worksheet/>'


def archive(*, method: int = zipfile.ZIP_DEFLATED, **parts: str | bytes) -> bytes:
    """A package with the least that a workbook has, and more parts ("xl/a.xml" is written xl__a_xml)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as package:
        package.writestr("[Content_Types].xml", CONTENT_TYPES)
        package.writestr("xl/workbook.xml", SHEET)
        for name, content in parts.items():
            package.writestr(
                name.replace("__", "/").replace("_xml", ".xml").replace("_rels", ".rels"), content
            )
    return target.getvalue()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = "Lớp 1A"
    book.worksheets[0]["A1"].hyperlink = "https://truong.example/lop-1a"
    book.security = WorkbookProtection(lockStructure=True)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_an_honest_workbook_passes_even_with_a_link_in_a_cell() -> None:
    assert precheck.refusal(workbook()) is None
    assert precheck.refusal(archive()) is None


def test_an_honest_sheet_that_packs_well_passes() -> None:
    empty_cells = (
        "<worksheet><sheetData>" + '<row r="1"><c r="A1" s="1"/></row>' * 25_000 + "</sheetData></worksheet>"
    )
    assert len(empty_cells) > 800_000
    assert precheck.refusal(archive(xl__sheet1_xml=empty_cells)) is None


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
REFUSED = {
    "empty": (b"", "rỗng"),
    "text": ("Họ tên;Lớp\nNguyễn An;1A\n".encode(), "không phải là tệp Excel"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "không phải là tệp Excel"),
    "old xls": (OLE + "Workbook".encode("utf-16-le"), "Excel cũ (.xls)"),
    "password": (OLE + "EncryptedPackage".encode("utf-16-le"), "có mật khẩu"),
    "too large": (b"PK\x03\x04" + bytes(precheck.MAX_FILE_BYTES), "lớn hơn 20 MB"),
    "cut off": (workbook()[:-300], "bị hỏng"),
    "word": (archive().replace(b"xl/workbook.xml", b"wd/workbook.xml"), "không phải là tệp Excel"),
    "dtd": (
        archive(
            xl__sheet1_xml='<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><worksheet>&b;</worksheet>'
        ),
        "không được phép (DTD)",
    ),
    "dtd after a comment": (archive(xl__sheet1_xml="<!-- a --> <!DOCTYPE a><a/>"), "không được phép (DTD)"),
    "dtd far down": (
        archive(xl__sheet1_xml=f"<!-- {'a' * 9000} --><!DOCTYPE a><a/>"),
        "không được phép (DTD)",
    ),
    "dtd in utf-16": (
        archive(xl__sheet1_xml='<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a><a/>'.encode("utf-16")),
        "không được phép (DTD)",
    ),
    "dtd in utf-7": (
        archive(xl__sheet1_xml='<?xml version="1.0" encoding="utf-7"?><a/>'),
        "không được phép (DTD)",
    ),
    "zip inside": (archive(xl__media__image1_png=archive()), "chứa tệp khác"),
    "embedded file": (archive(xl__embeddings__oleObject1_bin=b"abc"), "chứa tệp khác"),
    "macro": (archive(xl__vbaProject_bin=b"abc").replace(b"vbaProject_bin", b"vbaProject.bin"), "macro"),
    "external link": (
        archive(xl__externalLinks__externalLink1_xml="<externalLink/>"),
        "liên kết đến tệp khác",
    ),
    "external relation": (
        archive(
            xl___rels__workbook_xml_rels='<Relationships><Relationship Id="r1" Type="http://x/attachedTemplate"'
            ' Target="https://truong.example/mau.xlsx" TargetMode="External"/></Relationships>'
        ),
        "liên kết đến tệp khác",
    ),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_one_sentence(data: bytes, words: str) -> None:
    sentence = precheck.refusal(data)
    assert sentence is not None
    assert words in sentence
    assert sentence.startswith("Tệp ")
    assert sentence.endswith(".")
    assert "hãy" in sentence


def test_entry_with_a_password_flag_is_refused() -> None:
    data = bytearray(archive())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rfind(signature)
        data[at + offset] |= 1
    assert "mật khẩu" in (precheck.refusal(bytes(data)) or "")


def test_a_directory_that_lies_about_the_size_unpacks_no_more_than_it_says() -> None:
    """zipfile stops at the declared size, so the sum of declared sizes is a true bound."""
    data = bytearray(archive(xl__sheet1_xml=SHEET + " " * 3_000_000))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 100)
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as package:
        try:
            read = len(package.read("xl/sheet1.xml"))
        except zipfile.BadZipFile:
            read = 0
    assert read <= 100


@pytest.mark.parametrize("junk", [b"\x00" * 4, b"PK\x05\x06", b"PK\x01\x02" * 3])
def test_damaged_directories_never_raise(junk: bytes) -> None:
    honest = workbook()
    at = honest.rfind(b"PK\x01\x02")
    for data in (honest[:at] + junk + honest[at + len(junk) :], honest + junk, honest[: at + 2] + junk):
        assert precheck.refusal(data) is None or "Tệp" in str(precheck.refusal(data))


# Bombs are judged in a process of their own, whose memory is read before and after.
MEASURE = """
import json, resource, sys, time
from backend.integrations.imports.readers import precheck
data = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
sentence = precheck.refusal(data)
spent = time.process_time() - began
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"sentence": sentence, "seconds": spent, "mb": (after - before) / 1024}))
"""


def measured(path: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, check=True, text=True, timeout=60
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def shared_strings_bomb(path: Path) -> None:
    """The measured attack: half a megabyte that unpacks to 199 MB of shared strings."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", CONTENT_TYPES)
        package.writestr("xl/workbook.xml", SHEET)
        with package.open("xl/sharedStrings.xml", "w") as part:
            part.write(b"<sst>")
            for _ in range(199):
                part.write(b"<si><t>aaaaaaaaaaaaaaaa</t></si>" * 32_768)


def many_entries(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("[Content_Types].xml", CONTENT_TYPES)
        package.writestr("xl/workbook.xml", SHEET)
        for number in range(60_000):
            package.writestr(f"xl/a{number}.xml", b"")


def many_small_parts(path: Path) -> None:
    """No part is large enough to be measured by its ratio; together they are 54 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", CONTENT_TYPES)
        package.writestr("xl/workbook.xml", SHEET)
        for number in range(60):
            package.writestr(f"xl/a{number}.xml", SHEET + " " * 900_000)


def most_entries_allowed(path: Path) -> None:
    """Not a bomb by any single rule: as many parts as allowed, the last one with a DTD."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", CONTENT_TYPES)
        package.writestr("xl/workbook.xml", SHEET)
        for number in range(precheck.MAX_ENTRIES - 3):
            package.writestr(f"xl/a{number}.xml", SHEET + " " * 20_000)
        package.writestr("xl/z.xml", "<!DOCTYPE a><a/>")


def overlapping_entries(path: Path) -> None:
    """Fifield's kind: many directory entries that point at one packed kernel."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(900_000)) + kernel.flush()
    crc = zlib.crc32(bytes(900_000))
    body, directory = bytearray(archive()), bytearray()
    start = body.rfind(b"PK\x05\x06")
    own_directory = body.find(b"PK\x01\x02")
    directory += body[own_directory:start]
    body = body[:own_directory]
    at = len(body)
    fields = (8, 0, 0, crc, len(packed), 900_000, 5, 0)
    body += b"PK\x03\x04" + struct.pack("<HH", 20, 0) + struct.pack("<HHHLLLHH", *fields) + b"xl/aa" + packed
    for number in range(1_500):
        name = f"xl/{number:04d}".encode()
        head = struct.pack("<HHH", 20, 20, 0) + struct.pack("<HHHLLL", 8, 0, 0, crc, len(packed), 900_000)
        directory += b"PK\x01\x02" + head + struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, at) + name
    count = 2 + 1_500
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory + end))


@pytest.mark.parametrize(
    "make",
    [shared_strings_bomb, many_entries, many_small_parts, most_entries_allowed, overlapping_entries],
    ids=lambda make: make.__name__,
)
def test_bombs_are_refused_in_200_ms_and_64_mb(tmp_path: Path, make: object) -> None:
    assert callable(make)
    path = tmp_path / "bomb.xlsx"
    make(path)
    found = measured(path)
    assert isinstance(found["seconds"], float)
    assert isinstance(found["mb"], float)
    assert "Tệp" in str(found["sentence"]), found
    assert found["seconds"] < 0.2, found
    assert found["mb"] < 64, found
