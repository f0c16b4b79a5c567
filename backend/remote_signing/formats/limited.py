"""Checking files from strangers: each in a process of its own with hard limits, so that none can hurt us."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from backend.remote_signing.formats.schemas import ROLE_LABELS, ROLES, Opened, Report, Unreadable

_ROOT = Path(__file__).resolve().parents[3]
_CHILD = "backend.remote_signing.formats.child"
_MAX_BYTES = 32 * 1024 * 1024
_TOO_MUCH = "Tệp này đòi hỏi quá nhiều thời gian hoặc bộ nhớ nên không kiểm tra được."


class _Answer(msgspec.Struct, frozen=True):
    report: Report | None = None
    refusal: str | None = None
    attachments: dict[str, bytes] = {}


def validate_in_child(
    pdf: bytes,
    trust_dir: Path | None,
    at: datetime | None,
    *,
    expected_fields: Sequence[str] = tuple(ROLES),
    labels: Mapping[str, str] = ROLE_LABELS,
    memory_bytes: int = 512 * 1024 * 1024,
    seconds: int = 10,
) -> Report:
    """`validate_pdf` and the comparison with the attached data, in a limited child process; about a second.

    The expected signatures are those of a transcript. Without `trust_dir` no chain is believed. Blocks: call
    it from a thread in a server. Raises Unreadable when the file is no signed PDF, or needs more than
    `memory_bytes` or `seconds`.
    """
    return open_in_child(
        pdf,
        trust_dir,
        at,
        expected_fields=expected_fields,
        labels=labels,
        memory_bytes=memory_bytes,
        seconds=seconds,
    ).report


def open_in_child(
    pdf: bytes,
    trust_dir: Path | None,
    at: datetime | None = None,
    *,
    expected_fields: Sequence[str],
    labels: Mapping[str, str] = ROLE_LABELS,
    memory_bytes: int = 512 * 1024 * 1024,
    seconds: int = 10,
    most_attached: int = 0,
) -> Opened:
    """`validate_in_child` that also gives back what is attached, of at most `most_attached` bytes. Raises Unreadable."""
    if len(pdf) > _MAX_BYTES:
        raise Unreadable("Tệp quá lớn so với một học bạ, không kiểm tra được.")
    request = {
        "trust_dir": str(trust_dir.resolve()) if trust_dir else None,
        "at": at,
        "expected_fields": list(expected_fields),
        "labels": dict(labels),
        "memory_bytes": memory_bytes,
        "cpu_seconds": seconds,
        "most_attached": most_attached,
    }
    answer = _ask(msgspec.json.encode(request) + b"\n" + pdf, seconds)
    if answer.report is None:
        raise Unreadable(answer.refusal or _TOO_MUCH)
    return Opened(report=answer.report, attachments=answer.attachments)


def _ask(message: bytes, seconds: int) -> _Answer:
    try:
        # -P: nothing from the current folder is imported.
        done = subprocess.run(
            [sys.executable, "-P", "-m", _CHILD],
            input=message,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds + 20,
            check=True,
            env=_environment(),
        )
        return msgspec.json.decode(done.stdout, type=_Answer)
    except (subprocess.SubprocessError, msgspec.DecodeError, OSError) as error:
        raise Unreadable(_TOO_MUCH) from error


def _environment() -> dict[str, str]:
    """No settings and no secrets: only what the interpreter needs to start."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV") if name in os.environ
    }
    return {**kept, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
