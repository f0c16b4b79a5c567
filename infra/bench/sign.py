"""Signing three times, and judging three signatures: our own PAdES writer and validator beside pyHanko's."""

import tempfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from signxml import methods
from signxml.algorithms import CanonicalizationMethod
from signxml.xades.xades import XAdESSigner

from backend.remote_signing.formats import pades, xades
from backend.remote_signing.formats.schemas import XML_TARGETS
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.validation import validate_pdf
from infra.bench import batch, hsm, samples
from infra.bench.harness import Bench, one_core
from infra.bench.render import make
from infra.bench.signers import FIELDS, Table

_DOCUMENTS: Final = 8
_EXCLUSIVE: Final = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_SIGNED_AT: Final = datetime(2026, 5, 30, 2, 12, 3, tzinfo=UTC)


def run(bench: Bench) -> None:
    """sign.pdf_b_b_x3, sign.pdf_limit_share, sign.validate, sign.xml, sign.augment_b_lta, and those of `batch`."""
    with tempfile.TemporaryDirectory() as folder, one_core():
        books = [pades.place_fields(make(document), FIELDS) for document in samples.books(_DOCUMENTS)]
        with hsm.table(Path(folder) / "hsm") as keys:
            _three_signatures(bench, keys, books)
        table = Table(Path(folder))
        rendered = [make(document) for document in samples.year_records(_DOCUMENTS)]
        _validation(bench, table, [pades.place_fields(pdf, FIELDS) for pdf in rendered])
        _xml(bench, table)
        _archive(bench, table, [pades.place_fields(pdf, FIELDS) for pdf in rendered])
    batch.run(bench)


def _three_signatures(bench: Bench, keys: hsm.HsmTable, prepared: list[bytes]) -> None:
    ours, theirs, bare = bench.compare(
        "sign.pdf_b_b_x3",
        [
            (lambda number: keys.sign(prepared[number % _DOCUMENTS]), bench.size(100, 20)),
            (lambda number: keys.sign_usually(prepared[number % _DOCUMENTS]), bench.size(10, 3)),
            (keys.sign_bare, bench.size(300, 60)),
        ],
    )
    bench.report(
        "sign.pdf_b_b_x3",
        ours.rate,
        n=ours.items,
        ratio=theirs.seconds / ours.seconds,
        note=(
            f"RSA-2048 in SoftHSM, six pages; {ours.seconds * 1000:.1f} ms for three, "
            f"sign_pdf {theirs.seconds * 1000:.0f} ms; {ours.cpu_rate:.0f}/s of processor time"
        ),
    )
    bench.report(
        "sign.pdf_limit_share",
        len(FIELDS) * bare.seconds / ours.seconds,
        n=ours.items * len(FIELDS),
        note=f"C_Sign alone {bare.rate:.0f}/s on the same core",
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
        note=(
            f"B-LT, three signatures in a file, whole verdict; {ours.cpu_seconds * 1000 / len(FIELDS):.0f} ms of"
            f" processor time, pyHanko {theirs.cpu_seconds * 1000 / len(FIELDS):.0f} ms"
        ),
    )


def _xml(bench: Bench, table: Table) -> None:
    """One signature over `#data`, prepared, signed and put into its place; signxml beside it with the same key."""
    documents = [document.xml for document in samples.year_records(_DOCUMENTS)]
    signer = table.signers[1]
    target = XML_TARGETS[signer.field]

    def ours(number: int) -> bytes:
        xml = documents[number % _DOCUMENTS]
        prepared = xades.prepare(xml, target, signer.certificate, signer.chain, _SIGNED_AT)
        value = signer.sign(prepared.signed_info)
        return xades.embed(xml, [(target, xades.signature(prepared, value, xades.LongTerm()))])

    chain = [x509.load_der_x509_certificate(one) for one in (signer.certificate, *signer.chain)]

    def usually(number: int) -> object:
        root = etree.fromstring(documents[number % _DOCUMENTS])
        writer = XAdESSigner(method=methods.detached, c14n_algorithm=_EXCLUSIVE)
        return writer.sign(root, key=table.keys[signer.field], cert=chain, reference_uri=f"#{target.id}")

    quick, usual = bench.compare("sign.xml", [(ours, bench.size(400, 60)), (usually, bench.size(60, 10))])
    bench.report(
        "sign.xml",
        quick.rate,
        n=quick.items,
        ratio=usual.seconds / quick.seconds,
        note=f"XAdES B-B over #data, RSA-2048 in software; signxml {usual.rate:.0f}/s",
    )


def _archive(bench: Bench, table: Table, prepared: list[bytes]) -> None:
    signed = [table.with_material(table.sign(pdf, stamp=True)) for pdf in prepared]
    [taken] = bench.compare(
        "sign.augment_b_lta",
        [(lambda number: table.archived(signed[number % _DOCUMENTS]), bench.size(60, 10))],
    )
    bench.report(
        "sign.augment_b_lta",
        taken.rate,
        n=taken.items,
        note="the authority in the same process, its signature included",
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
