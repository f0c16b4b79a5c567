"""A wire without TLS: only by consent, and so that nobody on the way reads, changes or makes up anything."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from backend.core import clock, settings
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.channels.rest import RestChannel
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import catalog
from backend.integrations.profiles.reading import BadProfile
from backend.remote_signing.formats import service as formats
from infra.simulators.province import identities
from tests.core.site_fixtures import product
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import Province, start_province
from tests.integrations.deliveries.channels.test_matrix import carry, message_of

__all__ = ["product"]

TWO_SIDED = catalog.path_of("vn.hai-chieu.hocba/1")
WAIVER = '{document: "Văn bản chấp thuận số 1", signed_by: Người vận hành, until: 2027-12-31}'
SIGNED = "signed: {certificate: sandbox.recipient.pem}"
ADDRESS = f"address: http://csdl.example.vn, waiver: {WAIVER}, "


def plain(folder: Path, address: str, change: Callable[[str], str] = str) -> Path:
    """The profile with certificates on both sides, made one that may go without TLS."""
    for path in TWO_SIDED.parent.glob("*.*"):
        if path.suffix in (".pem", ".json"):
            shutil.copy(path, folder)
    text = TWO_SIDED.read_text("utf-8")
    text = text.replace("profile: vn.hai-chieu", "profile: vn.khong-tls")
    if address:
        text = text.replace("environment: sandbox", "environment: prod")
    text = text.replace("authorities: sandbox.ca.pem}", f"{address}}}").replace(", }", "}")
    text = text.replace("auth: {kind: mtls, secret: identity}", "auth: {kind: none}")
    text = "".join(line for line in text.splitlines(True) if not line.startswith("  identity:"))
    text = text.replace(
        "      format: json\n      message_id", f"      format: json\n      {SIGNED}\n      message_id"
    )
    path = folder / "vn.khong-tls.hocba.1.yaml"
    path.write_text(change(text), "utf-8")
    return path


def rejection_named(text: str) -> str:
    """A rejection repeats the id of our message, as one has to that nobody vouches for but its signature."""
    text = text.replace("is: rejected\n          uncorrelated: true", "is: rejected")
    return text.replace("{ketQua: {value: hong}, ", "{ketQua: {value: hong}, ma: {path: message_id}, ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace(f", waiver: {WAIVER}", ""), "cần «waiver»"),
        (lambda text: text.replace("      encrypt: {certificate: sandbox.recipient.pem}\n", ""), "vừa ký"),
        (lambda text: text.replace("      sign: {kind: jws, key: signing}\n", ""), "vừa ký"),
        (lambda text: text.replace(f"      {SIGNED}\n", "", 1), "«signed»"),
        (lambda text: text.replace("kind: none", "kind: api_key, header: x-key, secret: signing"), "auth phải là none"),
        (lambda text: text.replace("http://csdl", "https://csdl"), "chỉ dùng với địa chỉ http"),
        (lambda text: text.replace(SIGNED, "signed: {certificate: vn.hai-chieu.hocba.1.json}"), "không có chứng thư"),
    ],
)  # fmt: skip
def test_what_a_wire_without_tls_lacks_is_named(
    tmp_path: Path, change: Callable[[str], str], reason: str
) -> None:
    with pytest.raises(BadProfile, match=reason):
        catalog.load(plain(tmp_path, ADDRESS, lambda text: change(rejection_named(text))), {})


def test_only_what_the_platform_names_and_while_the_consent_holds(
    tmp_path: Path, product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = catalog.load(plain(tmp_path, ADDRESS, rejection_named), {}).profile
    assert not authorities._reachable(profile)
    with changed_settings(HOCBA_PLAIN_HTTP="vn.khac.hocba/1"):
        assert not authorities._is_waived(profile)
    with changed_settings(HOCBA_PLAIN_HTTP="vn.khac.hocba/1 vn.khong-tls.hocba/1"):
        assert authorities._is_waived(profile)
        assert authorities._reachable(profile)
        monkeypatch.setattr(clock, "today", lambda: date(2028, 1, 1))
        assert not authorities._reachable(profile)


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    folder = tmp_path_factory.mktemp("plain")
    with start_province(folder, plain(folder, "", rejection_named), processing=0.0) as running:
        yield running


async def test_signed_answers_are_believed_and_no_others(province: Province) -> None:
    message = message_of("submit", "a" * 32)
    assert (await carry(province, message))[-1] == DeliveryState.ACCEPTED
    endpoint, channel = province.endpoint(), RestChannel()
    answer = await channel.query(endpoint, message.message_id, message.sender_code)
    assert isinstance(answer, port.Accepted)
    assert answer.evidence.received.count(b".") == 2, "the evidence is what the Authority signed"
    other = {**endpoint.files, "sandbox.recipient.pem": identities.issue("stranger")}
    strange = msgspec.structs.replace(endpoint, files=other)
    answer = await channel.query(strange, message.message_id, message.sender_code)
    assert isinstance(answer, port.Unknown)
    province.fault("html_200")
    answer = await channel.query(endpoint, message.message_id, message.sender_code)
    assert isinstance(answer, port.Unknown)


@pytest.mark.parametrize(
    "spoil",
    [lambda jws: jws[:-8] + b"AAAAAAAA", lambda jws: jws.replace(b".", b"", 1), lambda jws: b"e30" + jws[3:]],
)
def test_a_signature_that_is_none_opens_nothing(spoil: Callable[[bytes], bytes]) -> None:
    own = identities.recipient()
    certificate = (TWO_SIDED.parent / "sandbox.recipient.pem").read_bytes()
    signed = formats.sign_jws(b"said", own)
    assert formats.open_jws(signed, certificate) == b"said"
    with pytest.raises(formats.BadSignature):
        formats.open_jws(spoil(signed), certificate)
    curve = identities.issue("curve")
    signed = formats.sign_jws(b"said", formats.read_identity(curve))
    assert formats.open_jws(signed, curve) == b"said"
    with pytest.raises(formats.BadSignature):
        formats.open_jws(signed, certificate)
