"""The evidence pack: all proof about one document in one ZIP, made by its school, checked by anyone without a network.

`bang-chung.json` names every other file with its digest and holds the consents. What the pack says is believed only as
far as it follows from the signed files in it: that a consent covers a document is worked out again from the bytes.
"""

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from backend.core.crypto import root_by_proof, sha256_hex
from backend.remote_signing.formats import document_stamp, structure, xades, xades_check
from backend.remote_signing.formats.der import MalformedDer
from backend.remote_signing.formats.embedded import timestamp_certificates
from backend.remote_signing.formats.schemas import (
    EVIDENCE_KIND,
    SIGNATURE_PREFIX,
    SUBJECT_TEACHER,
    XML_TARGETS,
    EvidenceConsent,
    EvidenceFile,
    EvidenceLeaf,
    EvidenceManifest,
    Report,
    Unreadable,
    role_label,
    xml_token_name,
)
from backend.remote_signing.formats.timestamps import TimestampRefused, check_token

#: That an event of the document stands in the platform's public log (c2sp.org/tlog-proof).
_LOG_PROOF = re.compile(r"minh-bach-[a-z]+\.tlog-proof")
_LOG_DOMAIN = b"hocba transparency 1\n"
_XML_TOKEN = re.compile(r"hoc-ba\.xml\.([1-9][0-9]?)\.tst")
_NAME = re.compile(r"[a-z0-9][a-z0-9./-]{0,60}")
_MOST_FILES = 120
_MOST_BYTES = 64 * 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = "Tệp nén này không phải gói bằng chứng đọc được (bị cắt cụt, quá lớn hoặc sai cấu trúc)."


def build(manifest: EvidenceManifest, files: Mapping[str, bytes]) -> bytes:
    """The ZIP. The same input gives the same bytes."""
    named = {name: sha256_hex(data) for name, data in sorted(files.items())}
    content = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(manifest, files=named)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in ((EvidenceFile.MANIFEST, content), *sorted(files.items())):
            pack.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def material_files(pdf: bytes) -> dict[str, bytes]:
    """Certificates and revocation answers of a PDF as files, for programs that do not look into it."""
    with structure.open_pdf(pdf) as reader:
        root: Any = reader.Root
        store = root.get("/DSS", {})
        return {
            f"{folder}/{number}.{ending}": bytes(one.read_bytes())
            for key, folder, ending in (
                ("/Certs", "chung-thu", "cer"),
                ("/OCSPs", "thu-hoi", "ocsp"),
                ("/CRLs", "thu-hoi", "crl"),
            )
            for number, one in enumerate(store.get(key, []), 1)
        }


def open_pack(data: bytes) -> tuple[EvidenceManifest, dict[str, bytes]]:
    """Manifest and files of a pack that may be hostile. Raises Unreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as pack:
            entries = pack.infolist()
            names = [one.filename for one in entries]
            if (
                len(entries) > _MOST_FILES
                or len(set(names)) != len(names)
                or EvidenceFile.MANIFEST not in names
            ):
                raise Unreadable(_UNREADABLE)
            if not all(_NAME.fullmatch(name) for name in names) or any(one.flag_bits & 1 for one in entries):
                raise Unreadable(_UNREADABLE)
            files: dict[str, bytes] = {}
            left = _MOST_BYTES
            for name in names:
                with pack.open(name) as source:
                    files[name] = source.read(left + 1)
                left -= len(files[name])
                if left < 0:
                    raise Unreadable(_UNREADABLE)
        manifest = msgspec.json.decode(files.pop(EvidenceFile.MANIFEST), type=EvidenceManifest)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
        raise Unreadable(_UNREADABLE) from error
    if manifest.kind != EVIDENCE_KIND or EvidenceFile.PDF not in files:
        raise Unreadable("Tệp nén này không phải gói bằng chứng của học bạ số.")
    return manifest, files


def problems(
    manifest: EvidenceManifest, files: Mapping[str, bytes], reports: Mapping[str, Report]
) -> list[str]:
    """Where the parts of a pack do not belong together: a sentence each. `reports` are those of its PDFs and its XML."""
    found = [
        f"Tệp {name} trong gói bằng chứng khác với bản kê."
        for name in sorted(files.keys() | manifest.files.keys())
        if name not in files or manifest.files.get(name) != sha256_hex(files[name])
    ]
    for name, report in reports.items():
        if report.verdict != "valid":
            found += [f"Tệp {name} không hợp lệ.", *report.problems]
    codes = {report.lookup_code for name, report in reports.items() if name != EvidenceFile.PDF}
    if codes - {reports[EvidenceFile.PDF].lookup_code}:
        found.append("Các tệp trong gói là của những học bạ khác nhau.")
    if EvidenceFile.ARCHIVED in files and not files[EvidenceFile.ARCHIVED].startswith(
        files[EvidenceFile.PDF]
    ):
        found.append("Bản lưu trữ không phải là bản đã phát hành có thêm dấu thời gian.")
    return [
        *found,
        *_token_problems(files),
        *_consent_problems(manifest, files),
        *_audit_problems(manifest, files),
        *(problem for name in files if _LOG_PROOF.fullmatch(name) for problem in _log_problems(name, files)),
    ]


def _token_problems(files: Mapping[str, bytes]) -> list[str]:
    numbers = sorted(int(match[1]) for match in map(_XML_TOKEN.fullmatch, files) if match)
    tokens = [files[xml_token_name(number)] for number in numbers]
    known = {*timestamp_certificates(files[EvidenceFile.PDF])}
    if EvidenceFile.ARCHIVED in files:
        known |= {*document_stamp.stamp_certificates(files[EvidenceFile.ARCHIVED])}
    try:
        for position, token in enumerate(tokens):
            check_token(token, document_stamp.chained(files.get(EvidenceFile.XML, b""), tokens[:position]))
            if document_stamp.authority_of(token) not in known:
                return ["Dấu thời gian của tệp XML không do tổ chức đã cấp dấu thời gian cho tệp PDF cấp."]
    except (TimestampRefused, MalformedDer, ValueError, IndexError):
        return ["Dấu thời gian của tệp XML không thuộc về tệp đó hoặc đã bị sửa."]
    return []


def _consent_problems(manifest: EvidenceManifest, files: Mapping[str, bytes]) -> list[str]:
    """Each signature has a consent, whose root follows from the very bytes that were signed."""
    shown = _shown(files)
    found = []
    for role in dict.fromkeys(role for role, _ in shown):
        consents = [one for one in manifest.consents if _field(one) == role]
        if len(consents) != 1:
            found.append(f"Gói không có đúng một xác nhận ký của {role_label(role)}.")
            continue
        [consent] = consents
        wanted = {(part, digest) for (of, part), digest in shown.items() if of == role}
        if {(leaf.part, leaf.sha256) for leaf in consent.leaves} != wanted:
            found.append(f"Xác nhận ký của {role_label(role)} là cho tài liệu khác.")
        elif not all(_proves(consent, leaf) for leaf in consent.leaves):
            found.append(f"Không chứng minh được tài liệu này nằm trong xác nhận ký của {role_label(role)}.")
    return found


def _shown(files: Mapping[str, bytes]) -> dict[tuple[str, str], str]:
    """(role, part) → SHA-256 of what that signer saw: the PDF before the own signature, the XML before any."""
    pdf = files[EvidenceFile.PDF]
    with structure.open_pdf(pdf) as reader:
        slots = [slot for slot in structure.read_bones(reader).slots if not slot.is_document_timestamp]
    first = pdf.rfind(b"%%EOF", 0, slots[0].start)
    ends = [pdf.index(b"\n", first) + 1, *(before.end for before, _ in pairwise(slots))]
    shown = {(slot.field, ""): sha256_hex(pdf[:end]) for slot, end in zip(slots, ends, strict=True)}
    if EvidenceFile.XML in files:
        bare = sha256_hex(xades.unsigned(files[EvidenceFile.XML]))
        shown |= {
            (slot.field, XML_TARGETS[slot.field].signature_id): bare
            for slot in slots
            if slot.field in XML_TARGETS
        }
        shown |= {
            (one.field, one.target.signature_id): bare
            for one in xades_check.read_bones(files[EvidenceFile.XML]).signatures
            if one.field not in XML_TARGETS
        }
    return shown


def _field(consent: EvidenceConsent) -> str:
    """Whose signature a consent is for: each subject's teacher has agreed to the own part alone."""
    if consent.role != SUBJECT_TEACHER or not consent.leaves:
        return consent.role
    return consent.leaves[0].part.removeprefix(SIGNATURE_PREFIX)


def _proves(consent: EvidenceConsent, leaf: EvidenceLeaf) -> bool:
    if leaf.index is None or leaf.count is None or leaf.proof is None:
        return False
    try:
        nodes = bytes.fromhex(leaf.proof)
        content = bytes.fromhex(leaf.request_id) + bytes.fromhex(leaf.sha256) + leaf.part.encode()
    except ValueError:
        return False
    proof = [nodes[start : start + 32] for start in range(0, len(nodes), 32)]
    root = root_by_proof(content, leaf.index, leaf.count, proof)
    return root is not None and root.hex() == consent.merkle_root


def _audit_problems(manifest: EvidenceManifest, files: Mapping[str, bytes]) -> list[str]:
    try:
        rows = json.loads(files.get(EvidenceFile.AUDIT, b"[]"))
        roots = {
            row["details"].get("merkle_root") for row in rows if row["action"] == "signing.batch.consent"
        }
        if EvidenceFile.CHECKPOINT in files:
            check_token(files.get(EvidenceFile.CHECKPOINT_TOKEN, b""), files[EvidenceFile.CHECKPOINT])
    except (ValueError, TypeError, KeyError, AttributeError):
        return ["Nhật ký trong gói bằng chứng không đọc được."]
    except (TimestampRefused, MalformedDer, IndexError):
        return ["Điểm niêm phong nhật ký không có dấu thời gian của chính nó."]
    if not {one.merkle_root for one in manifest.consents} <= roots:
        return ["Nhật ký trong gói không ghi đủ các lần xác nhận ký."]
    return []


def log_proof_name(event: str) -> str:
    """What the proof is called that an event (issued, recalled, replaced) stands in the public log."""
    return f"minh-bach-{event}.tlog-proof"


def _log_problems(name: str, files: Mapping[str, bytes]) -> list[str]:
    """Whether a proof leads from these very files to a root; who signed that root, the checker of the log says."""
    try:
        head, _, note = files[name].decode().partition("\n\n")
        _, extra, index, *hashes = head.split("\n")
        told = json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
        said = json.loads(told["statement"])
        entry = hashlib.sha256(
            _LOG_DOMAIN + bytes.fromhex(told["salt"]) + told["statement"].encode()
        ).digest()
        _, size, signed, *_ = note.split("\n")
        way = [base64.b64decode(one, validate=True) for one in hashes]
        root = root_by_proof(entry, int(index.removeprefix("index ")), int(size), way)
        if root is None or base64.b64encode(root).decode() != signed:
            return [f"Tệp {name} không chứng minh được mục của nó nằm trong nhật ký minh bạch."]
        if said["pdf_sha256"] != sha256_hex(files[EvidenceFile.PDF]):
            return [f"Tệp {name} là của một học bạ khác."]
    except (ValueError, KeyError, TypeError):
        return [f"Tệp {name} trong gói bằng chứng không đọc được."]
    return []


def merged(report: Report, found: Sequence[str]) -> Report:
    """The answer about a pack: that about its PDF, and what of the rest does not belong to it."""
    return msgspec.structs.replace(
        report,
        format="evidence",
        verdict="invalid" if found else report.verdict,
        problems=tuple(dict.fromkeys((*report.problems, *found))),
    )
