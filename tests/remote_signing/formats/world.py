"""A small transcript by typst (PDF/A-3a, tagged, data attached), and the three who sign it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typst

from backend.remote_signing.formats import pades
from backend.remote_signing.formats.trust import TrustStore
from tests.factories.pki import Identity, Pki

NAMES = ("homeroom_teacher", "principal", "school_seal")
SIGNED_AT = datetime(2026, 5, 30, 2, 12, 3, tzinfo=UTC)
LOOKUP_CODE = "7f3c0a52d1e84b6f9a20c4d85be6713e"

SNAPSHOT: dict[str, Any] = {
    "schema": "hocba.snapshot/1",
    "lookup_code": LOOKUP_CODE,
    "version": 1,
    "student": {"full_name": "Lường Thị Ngọc Ánh", "date_of_birth": "2016-09-03", "gender": "female"},
    "year": {
        "results": {
            "kind": "secondary",
            "subjects": [
                {
                    "code": "TOAN",
                    "name": "Toán",
                    "term1": "8.5",
                    "term2": "8.0",
                    "year": "8.2",
                    "comment": "Vững.",
                },
                {"code": "AN", "name": "Nghệ thuật (Âm nhạc)", "term1": "Đ", "term2": "Đ", "year": "Đ"},
            ],
            "conduct": {"term1": "T", "year": "K"},
        }
    },
}

_SOURCE = """
#set document(title: "Học bạ", author: "Trường thử", date: auto)
#set text(lang: "vi", size: 11pt)
#let data = json(bytes(sys.inputs.page))
#pdf.attach("snapshot.json", bytes(sys.inputs.snapshot), relationship: "source",
  mime-type: "application/json", description: "Dữ liệu học bạ")
= HỌC BẠ
Họ và tên: #data.student.full_name, sinh ngày 03 tháng 9 năm 2016

Mã tra cứu: #data.lookup_code #link("https://example.invalid/tra-cuu")[tra cứu]
#table(columns: 5, [Môn], [HK I], [HK II], [Cả năm], [Nhận xét],
  ..data.year.results.subjects.map(row => (
    row.name, row.term1.replace(".", ","), row.term2.replace(".", ","), row.year.replace(".", ","),
    row.at("comment", default: ""))).flatten())
Rèn luyện: Tốt, Khá
#pagebreak()
Trang hai
"""


def canonical(value: Any) -> bytes:
    """Canonical JSON as the records domain writes it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def render(page: dict[str, Any], snapshot: bytes) -> bytes:
    """PDF/A-3a of `page` with `snapshot` attached."""
    pdf = typst.compile(
        _SOURCE.encode(),
        format="pdf",
        pdf_standards="a-3a",
        ignore_system_fonts=True,
        sys_inputs={"page": json.dumps(page), "snapshot": snapshot.decode()},
        timestamp=1_780_000_000,
    )
    assert isinstance(pdf, bytes)
    return pdf


@dataclass
class World:
    """Who signs, and how: in-process stand-ins for the remote service and the time stamping authority."""

    pki: Pki
    teacher: Identity
    principal: Identity
    seal: Identity
    rendered: bytes

    @property
    def signers(self) -> list[tuple[str, Identity]]:
        return list(zip(NAMES, (self.teacher, self.principal, self.seal), strict=True))

    @property
    def trust(self) -> TrustStore:
        return TrustStore([self.pki.root.certificate])

    def expected(self, count: int = 3) -> list[tuple[str, bytes]]:
        return [(name, identity.der) for name, identity in self.signers[:count]]

    def prepare(self, pdf: bytes, name: str, identity: Identity, **changes: Any) -> pades.Prepared:
        chain = [self.pki.issuing.der]
        options: dict[str, Any] = {
            "first": name == NAMES[0],
            "last": name == NAMES[-1],
            "reserve": pades.reserve_for(identity.der, chain),
            "name": "Người ký",
            "reason": "Ký học bạ",
            "claimed_at": SIGNED_AT,
        }
        return pades.prepare(pdf, name, identity.der, chain, **(options | changes))

    def token(self, value: bytes, at: datetime = SIGNED_AT) -> bytes:
        return pades.read_timestamp(self.pki.timestamp_response(pades.timestamp_request(value), at), value)

    def sign(self, pdf: bytes, name: str, identity: Identity, *, stamp: bool = True, **changes: Any) -> bytes:
        prepared = self.prepare(pdf, name, identity, **changes)
        value = identity.sign(prepared.signed_attributes)
        return pades.embed(prepared, value, self.token(value) if stamp else None)

    def sign_all(self, pdf: bytes | None = None, *, count: int = 3, stamp: bool = True) -> bytes:
        document = pades.place_fields(self.rendered if pdf is None else pdf, NAMES)
        for name, identity in self.signers[:count]:
            document = self.sign(document, name, identity, stamp=stamp)
        return document

    def add_material(self, pdf: bytes, at: datetime = SIGNED_AT + timedelta(minutes=1)) -> bytes:
        people = [identity for _, identity in self.signers]
        return pades.add_validation_material(
            pdf,
            [self.pki.issuing.der, self.pki.tsa.der, self.pki.responder.der],
            [self.pki.ocsp_response(identity, at) for identity in [*people, self.pki.tsa]],
            [self.pki.crl(self.pki.root, at)],
        )

    def trust_folder(self, folder: Path, roots: Sequence[Identity] | None = None) -> Path:
        for number, root in enumerate([self.pki.root] if roots is None else roots):
            (folder / f"root-{number}.pem").write_bytes(root.pem)
        return folder


def make_world(pki: Pki, snapshot: bytes | None = None, page: dict[str, Any] | None = None) -> World:
    return World(
        pki=pki,
        teacher=pki.person("Đinh Thị Hoài Thu"),
        principal=pki.person("Nghiêm Thế Khải"),
        seal=pki.person("Trường Tiểu học Hoa Ban", "Trường Tiểu học Hoa Ban"),
        rendered=render(page or SNAPSHOT, snapshot or canonical(SNAPSHOT)),
    )
