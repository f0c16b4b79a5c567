"""The processes in which foreign files are opened: few rights, little memory and time. Started by `limited`.

The first one has everything loaded, reads nothing and forks for each file. There one request comes (a line of JSON, then
the file), one answer leaves as JSON.
"""

import gc
import os
import resource
import signal
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import msgspec

from backend.core.crypto import sha256_hex
from backend.remote_signing.formats import chains, evidence, structure
from backend.remote_signing.formats.attached_data import AttachedData, read_attached
from backend.remote_signing.formats.kinds import file_format
from backend.remote_signing.formats.limited import READY
from backend.remote_signing.formats.schemas import EvidenceFile, Report, Unreadable
from backend.remote_signing.formats.trust import TrustError, TrustStore
from backend.remote_signing.formats.validation import validate_pdf
from backend.remote_signing.formats.xades_check import validate_xml

#: Seconds without a file after which the process that forks ends, and gives its memory back.
_IDLE_SECONDS = 60
#: What judging a chain needs is loaded before the first fork, not in each.
_LOADED = chains
#: A package has a PDF and an XML per school year, and its manifest.
_MOST_ATTACHED = 40


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to check, and within which limits."""

    trust_dir: str | None
    at: datetime | None
    expected_fields: tuple[str, ...]
    labels: dict[str, str]
    memory_bytes: int
    cpu_seconds: int
    wall_seconds: int
    most_attached: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A report or a refusal; with a report, the attachments that were asked for."""

    report: Report | None = None
    refusal: str | None = None
    attachments: dict[str, bytes] = {}


def limit(request: Request) -> None:
    """Give up, for good, what a validator does not need: memory, time, files, processes."""
    resource.setrlimit(resource.RLIMIT_AS, (request.memory_bytes, request.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_seconds, request.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    signal.alarm(request.wall_seconds)


def answer(request: Request, pdf: bytes) -> Answer:
    """Judge the PDF, XML or evidence pack; whatever goes wrong becomes a sentence."""
    try:
        store = TrustStore.from_folder(Path(request.trust_dir)) if request.trust_dir else TrustStore(())
        limit(request)
        if file_format(pdf) == "evidence":
            return Answer(report=_pack(request, pdf, store))
        report = _report(request, pdf, store)
        is_pdf = report.format == "pdf"
        attachments = attachments_of(pdf, request.most_attached) if request.most_attached and is_pdf else {}
        return Answer(report=report, attachments=attachments)
    except TrustError as error:
        return Answer(refusal=str(error))
    except Unreadable as error:
        return Answer(refusal=error.message)
    except (Exception, RecursionError):
        return Answer(refusal="Tệp có cấu trúc bất thường, không kiểm tra được.")


def _report(request: Request, data: bytes, store: TrustStore) -> Report:
    if file_format(data) == "xml":
        return validate_xml(data, store, request.at, request.expected_fields)
    report = validate_pdf(data, store, request.at, request.expected_fields, request.labels)
    return with_attached(report, _attached(data))


def _pack(request: Request, data: bytes, store: TrustStore) -> Report:
    manifest, files = evidence.open_pack(data)
    signed = [name for name in (EvidenceFile.PDF, EvidenceFile.ARCHIVED, EvidenceFile.XML) if name in files]
    reports: dict[str, Report] = {name: _report(request, files[name], store) for name in signed}
    report = evidence.merged(reports[EvidenceFile.PDF], evidence.problems(manifest, files, reports))
    return msgspec.structs.replace(report, documents=tuple(sha256_hex(files[name]) for name in signed))


def _attached(pdf: bytes) -> AttachedData:
    try:
        with structure.open_pdf(pdf) as reader:
            return read_attached(pdf, reader)
    except Exception:
        sentence = "Không đối chiếu được dữ liệu kèm theo với nội dung in trên trang."
        return AttachedData(matches_page=False, problems=(sentence,))


def attachments_of(pdf: bytes, most: int) -> dict[str, bytes]:
    """Attached files by name. Raises Unreadable where there are too many, or more than `most` bytes."""
    with structure.open_pdf(pdf) as reader:
        names = list(reader.attachments)
        if len(names) > _MOST_ATTACHED:
            raise Unreadable(
                f"Tệp kèm theo {len(names)} tệp, quá {_MOST_ATTACHED} tệp của một gói chuyển học bạ."
            )
        found: dict[str, bytes] = {}
        for name in names:
            found[name] = reader.attachments[name].get_file().read_bytes()
            if sum(map(len, found.values())) > most:
                raise Unreadable(f"Các tệp kèm theo lớn quá {most // 1_000_000} MB nên không đọc.")
        return found


def with_attached(report: Report, data: AttachedData) -> Report:
    """The report, with what the attachment says."""
    return msgspec.structs.replace(
        report,
        lookup_code=data.lookup_code,
        version=data.version,
        content_sha256=data.content_sha256,
        embedded_data_matches_page=data.matches_page,
        problems=(*report.problems, *data.problems),
        notices=(*report.notices, *data.notices),
    )


def serve(way: socket.socket) -> None:
    """Fork for each line that comes, until nobody has asked for a while or whoever asks is gone."""
    way.settimeout(_IDLE_SECONDS)
    while True:
        try:
            _, lines, _, _ = socket.recv_fds(way, 1, 1)
        except TimeoutError:
            return
        if not lines:
            return
        with socket.socket(fileno=lines[0]) as line:
            if _fork() == 0:
                way.close()
                _answer_one(line)
        _forget_ended()


def _fork() -> int:
    try:
        return os.fork()
    except OSError:  # the line is closed, and whoever asked tries again
        return -1


def _answer_one(line: socket.socket) -> NoReturn:
    """In the fork: one request, and the end, whatever happens."""
    try:
        line.sendall(READY)
        with line.makefile("rb") as message:
            head, _, pdf = message.read().partition(b"\n")
        request = msgspec.json.decode(head, type=Request)
        line.sendall(msgspec.json.encode(answer(request, pdf)))
    finally:
        os._exit(0)


def _forget_ended() -> None:
    """Take leave of the forks that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _wait_for_all() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


if __name__ == "__main__":
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    _wait_for_all()
