"""`hocba check-package FILE` and `hocba package-schema NAME`: the data package, offline, without settings."""

from pathlib import Path
from typing import TextIO

from backend.core.errors import Unavailable
from backend.records.transcripts import package
from backend.remote_signing.formats.schemas import Unreadable

#: As of `hocba verify`: 0 the same, 1 different, 2 not readable; 2, too, what cannot be compared.
_SAME, _DIFFERENT, _UNREADABLE = 0, 1, 2
SCHEMAS = (package.JSON_SCHEMA, package.XML_SCHEMA)


def check(path: Path, stdout: TextIO, stderr: TextIO) -> int:
    """Say where the parts of one file differ, a line each; returns the exit status."""
    try:
        compared = package.check(path.read_bytes())
    except (OSError, Unreadable, Unavailable) as error:
        said = f"không mở được tệp ({error.strerror})" if isinstance(error, OSError) else error.message
        stderr.write(f"hocba check-package: {path}: {said}\n")
        return _UNREADABLE
    stdout.writelines(f"{line}\n" for line in compared.differences)
    stdout.writelines(f"KHÔNG ĐỐI CHIẾU ĐƯỢC: {line}\n" for line in compared.unknown)
    snapshot = compared.snapshot
    if compared.differences:
        return _DIFFERENT
    if compared.unknown or snapshot is None:
        return _UNREADABLE
    year = snapshot.year.academic_year
    stdout.write(
        f"KHỚP: trang PDF, XML và JSON nói cùng một nội dung: {snapshot.student.full_name}, năm học {year},"
        f" phiên bản {snapshot.version}.\n"
    )
    return _SAME


def differences(pdf: bytes) -> tuple[str, ...] | None:
    """Where pages, XML and JSON of a year record differ; None for what was made by another edition, or without fonts."""
    try:
        compared = package.check(pdf)
    except (Unreadable, Unavailable):
        return None
    if compared.snapshot is None or (compared.unknown and not compared.differences):
        return None
    return compared.differences


def schema(name: str, stdout: TextIO) -> int:
    """Write a published schema."""
    stdout.write((package.schema(name) or b"").decode())
    return _SAME
