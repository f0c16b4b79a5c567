"""Time stamps over a whole signed PDF: what was issued stays, and can be proven for longer."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest

from backend.remote_signing.formats import document_stamp, pades, structure
from backend.remote_signing.formats.timestamps import TimestampRefused
from backend.remote_signing.formats.validation import Report, validate_pdf
from tests.remote_signing.formats import attacks
from tests.remote_signing.formats.test_other_tools import openssl
from tests.remote_signing.formats.world import NAMES, SIGNED_AT, World

LATER = SIGNED_AT + timedelta(hours=1)


def stamped(world: World, pdf: bytes, hours: int = 1) -> bytes:
    prepared = document_stamp.prepare(pdf)
    return document_stamp.embed(prepared, world.token(prepared.stamped, SIGNED_AT + timedelta(hours=hours)))


@pytest.fixture(scope="module")
def archived(world: World, signed: bytes) -> bytes:
    return stamped(world, signed)


def check(world: World, pdf: bytes) -> Report:
    return validate_pdf(pdf, world.trust, None, NAMES)


def test_what_was_issued_stays_and_is_of_the_highest_level(
    world: World, signed: bytes, archived: bytes
) -> None:
    assert archived.startswith(signed)
    report = check(world, archived)
    assert (report.verdict, report.problems) == ("valid", ())
    assert {one.level for one in report.signatures} == {"B-LTA"}
    assert not report.modified_after_signing


def test_a_renewed_one_covers_the_one_before_and_its_proof(world: World, archived: bytes) -> None:
    again = stamped(world, world.add_material(archived, LATER + timedelta(minutes=1)), 2)
    report = check(world, again)
    assert (report.verdict, report.problems) == ("valid", ())
    with structure.open_pdf(again) as reader:
        stamps = [slot.field for slot in structure.read_bones(reader).slots if slot.is_document_timestamp]
    assert stamps == ["archive_1", "archive_2"]


def test_preparing_again_gives_the_same_bytes(signed: bytes) -> None:
    assert document_stamp.prepare(signed) == document_stamp.prepare(signed)


def test_what_is_not_signed_by_all_is_not_stamped(world: World) -> None:
    for pdf in (world.rendered, world.sign_all(count=2)):
        with pytest.raises(pades.UnsuitablePdf):
            document_stamp.prepare(pdf)


def test_a_token_of_other_bytes_is_refused(world: World, signed: bytes) -> None:
    with pytest.raises(TimestampRefused):
        document_stamp.embed(document_stamp.prepare(signed), world.token(b"other"))


@pytest.mark.parametrize("attack", [attacks.page_replaced, attacks.annotation_added, attacks.field_added])
def test_what_is_changed_before_or_after_it_is_noticed(
    world: World, signed: bytes, archived: bytes, attack: Callable[[bytes], bytes]
) -> None:
    assert check(world, attack(archived)).verdict == "invalid"
    changed = attack(signed)
    try:
        changed = stamped(world, changed)
    except pades.UnsuitablePdf:
        assert attack is attacks.field_added
    assert check(world, changed).verdict == "invalid"


def test_a_spoiled_stamp_is_noticed(world: World, signed: bytes, archived: bytes) -> None:
    at = archived.rindex(b"/Contents<") + 3000
    digit = b"1" if archived[at : at + 1] != b"1" else b"2"
    report = check(world, archived[:at] + digit + archived[at + 1 :])
    assert report.verdict != "valid"


def test_openssl_verifies_the_stamp(world: World, signed: bytes, tmp_path: Path) -> None:
    prepared = document_stamp.prepare(signed)
    token = world.token(prepared.stamped, LATER)
    (tmp_path / "data").write_bytes(prepared.stamped)
    (tmp_path / "token").write_bytes(token)
    (tmp_path / "root.pem").write_bytes(world.pki.root.pem)
    options = ("-in", tmp_path / "token", "-token_in", "-CAfile", tmp_path / "root.pem")
    done = openssl("ts", "-verify", "-data", tmp_path / "data", *options)
    assert "Verification: OK" in done.stdout, done.stderr
    assert document_stamp.authority_of(token) == world.pki.tsa.der


@pytest.mark.needs("poppler-utils")
def test_pdfsig_and_qpdf_accept_it(archived: bytes, tmp_path: Path) -> None:
    path = tmp_path / "archived.pdf"
    path.write_bytes(archived)
    done = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=False)
    assert done.stdout.count("Signature is Valid") == 3
    # Poppler counts a document's own time stamp and does not check it.
    assert done.stdout.count("has not yet been verified") == 1
    assert "Total document signed" in done.stdout.rpartition("Signature #4")[2]
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []
