"""Signing three times, and judging three signatures: our own PAdES writer and validator beside pyHanko's."""

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore

from backend.remote_signing.formats import pades
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.validation import validate_pdf
from infra.bench import samples
from infra.bench.harness import Bench, one_core
from infra.bench.render import make
from infra.bench.signers import FIELDS, Table, UsualSigner

_DOCUMENTS: Final = 8


def run(bench: Bench) -> None:
    """sign.pdf_b_b_x3, sign.validate."""
    with tempfile.TemporaryDirectory() as folder, one_core():
        table = Table(Path(folder))
        rendered = [make(document) for document in samples.year_records(_DOCUMENTS)]
        prepared = [pades.place_fields(pdf, FIELDS) for pdf in rendered]
        _three_signatures(bench, table, prepared)
        _validation(bench, table, prepared)


def _three_signatures(bench: Bench, table: Table, prepared: list[bytes]) -> None:
    usual = UsualSigner(table.signers)
    ours, theirs = bench.compare(
        "sign.pdf_b_b_x3",
        [
            (lambda number: table.sign(prepared[number % _DOCUMENTS]), bench.size(200, 20)),
            (lambda number: usual.sign(prepared[number % _DOCUMENTS]), bench.size(20, 3)),
        ],
    )
    bench.report(
        "sign.pdf_b_b_x3",
        ours.rate,
        n=ours.items,
        ratio=theirs.seconds / ours.seconds,
        note=(
            "software RSA-2048 key, no HSM: python-pkcs11 is not among the locked packages; "
            f"{ours.seconds * 1000:.1f} ms for three, sign_pdf {theirs.seconds * 1000:.0f} ms"
        ),
    )


def _validation(bench: Bench, table: Table, prepared: list[bytes]) -> None:
    signed = [table.with_material(table.sign(pdf, stamp=True)) for pdf in prepared]
    trust = TrustStore([table.root])
    root = asn1_x509.Certificate.load(table.root.public_bytes(Encoding.DER))
    for pdf in signed[:1]:
        _expect_valid(pdf, trust, root)
    ours, theirs = bench.compare(
        "sign.validate",
        [
            (
                lambda number: validate_pdf(signed[number % _DOCUMENTS], trust, None, FIELDS),
                bench.size(20, 3),
            ),
            (lambda number: _validate_usually(signed[number % _DOCUMENTS], root), bench.size(10, 2)),
        ],
    )
    bench.report(
        "sign.validate",
        ours.seconds * 1000 / len(FIELDS),
        n=ours.items * len(FIELDS),
        ratio=theirs.seconds / ours.seconds,
        note=f"B-LT, three signatures in a file, whole verdict; pyHanko {theirs.seconds * 1000 / len(FIELDS):.0f} ms",
    )


def _expect_valid(pdf: bytes, trust: TrustStore, root: asn1_x509.Certificate) -> None:
    """A figure about refused documents would say nothing."""
    report = validate_pdf(pdf, trust, None, FIELDS)
    if report.verdict != "valid" or not _validate_usually(pdf, root):
        raise RuntimeError(f"the measured signatures are not valid: {report}")


def _validate_usually(pdf: bytes, root: asn1_x509.Certificate) -> bool:
    """Each signature with a context of its own, made from the file's security store."""
    reader = PdfFileReader(BytesIO(pdf))
    statuses = []
    for signature in reader.embedded_signatures:
        store = DocumentSecurityStore.read_dss(reader)
        context = store.as_validation_context(
            {"trust_roots": [root], "allow_fetching": False, "revocation_mode": "hard-fail"}
        )
        statuses.append(validate_pdf_signature(signature, context))
    return all(status.bottom_line for status in statuses)
