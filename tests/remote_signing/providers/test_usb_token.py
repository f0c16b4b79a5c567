"""What the port promises, of a seal's token at the school: it waits to be fetched, ends in time, and believes nobody."""

import hashlib
from datetime import datetime, timedelta

import msgspec
import pytest

from backend.core import clock
from backend.remote_signing.providers import port
from backend.remote_signing.providers.usb_token import CAPABILITIES, UsbTokenProvider

ACCOUNT = port.ProviderAccount(base_url="", user_id="may-1", parameters={})
KEY = port.CredentialHandle(credential_id="01", certificate=b"")


def batch_of(count: int) -> port.HashBatch:
    digests = tuple(hashlib.sha256(bytes([number // 256, number % 256])).digest() for number in range(count))
    return port.HashBatch(transaction_id="lan-1", hashes=digests, description=f"{count} học bạ")


async def test_it_waits_and_then_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, batch = UsbTokenProvider(CAPABILITIES), batch_of(3)
    asked = await provider.sign_hashes(ACCOUNT, KEY, batch)
    assert asked.expires_at is not None
    late = asked.expires_at
    assert await provider.poll(ACCOUNT, KEY, batch, asked.provider_tx) == asked, (
        "asking for ever changes nothing"
    )
    assert datetime.fromisoformat(asked.provider_tx) == late
    monkeypatch.setattr(clock, "now", lambda: late + timedelta(seconds=1))
    ended = await provider.poll(ACCOUNT, KEY, batch, asked.provider_tx)
    assert isinstance(ended, port.Expired)
    assert "khay ký" in ended.reason


async def test_what_is_too_much_or_no_digest_never_waits() -> None:
    provider = UsbTokenProvider(CAPABILITIES)
    for wrong in (batch_of(0), batch_of(CAPABILITIES.max_hashes + 1)):
        with pytest.raises(ValueError, match="a batch holds"):
            await provider.sign_hashes(ACCOUNT, KEY, wrong)
    with pytest.raises(ValueError, match="SHA-256"):
        await provider.sign_hashes(ACCOUNT, KEY, msgspec.structs.replace(batch_of(1), hashes=(b"short",)))


async def test_nothing_comes_in_through_the_port() -> None:
    """Values are handed in by the paired computer alone, a PIN is typed beside it, nobody posts notices."""
    provider = UsbTokenProvider(CAPABILITIES)
    with pytest.raises(port.RequestRefused):
        await provider.list_credentials(ACCOUNT)
    asked = port.Challenge(provider_tx="", asks=(port.Ask.PIN,), prompt="")
    with pytest.raises(port.RequestRefused, match="không nhập ở đây"):
        await provider.answer(ACCOUNT, KEY, batch_of(1), asked, {"pin": "1"})
    assert provider.read_webhook({}, b"{}") is None
