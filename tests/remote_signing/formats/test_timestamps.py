"""An RFC 3161 answer is used only when it is a good time stamp of the very value."""

from datetime import UTC, datetime

import pytest
from asn1crypto import tsp

from backend.remote_signing.formats.timestamps import TimestampRefused, read_timestamp, timestamp_request
from tests.remote_signing.formats.world import World

AT = datetime(2026, 5, 30, tzinfo=UTC)


def test_request_is_rfc_3161() -> None:
    request = tsp.TimeStampReq.load(timestamp_request(b"value", nonce=2**63))
    assert request["message_imprint"]["hash_algorithm"]["algorithm"].native == "sha256"
    assert request["nonce"].native == 2**63
    assert request["cert_req"].native is True
    assert tsp.TimeStampReq.load(timestamp_request(b"value"))["nonce"].native is None


def test_good_answers_are_read(world: World) -> None:
    for nonce in (None, 1, 2**64 - 1):
        answer = world.pki.timestamp_response(timestamp_request(b"value", nonce), AT)
        token = read_timestamp(answer, b"value", nonce)
        content = tsp.TimeStampResp.load(answer)["time_stamp_token"]
        assert token == content.dump()


def test_another_value_or_nonce_is_refused(world: World) -> None:
    answer = world.pki.timestamp_response(timestamp_request(b"value", 5), AT)
    with pytest.raises(TimestampRefused, match="another value"):
        read_timestamp(answer, b"other")
    with pytest.raises(TimestampRefused, match="another question"):
        read_timestamp(answer, b"value", 6)


def test_refusals_and_garbage_are_refused(world: World) -> None:
    rejection = tsp.PKIStatusInfo({"status": "rejection"}).dump()
    rejection = bytes((0x30, len(rejection))) + rejection
    answer = world.pki.timestamp_response(timestamp_request(b"value"), AT)
    for garbage in (rejection, b"", b"<html>502</html>", answer[:-40], answer[:60], b"\x30\x00"):
        with pytest.raises(TimestampRefused):
            read_timestamp(garbage, b"value")


def test_an_altered_token_is_refused(world: World) -> None:
    answer = world.pki.timestamp_response(timestamp_request(b"value"), AT)
    at = answer.index(b"20260530000000Z")
    with pytest.raises(TimestampRefused, match="altered"):
        read_timestamp(answer[:at] + b"2016" + answer[at + 4 :], b"value")
    with pytest.raises(TimestampRefused):
        read_timestamp(answer[:-1] + bytes([answer[-1] ^ 1]), b"value")
