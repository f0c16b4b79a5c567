"""Keys in a token (SoftHSM): signed at once and verified, and a process that fails is replaced."""

import asyncio
import hashlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import ObjectClass

from backend.core.settings import SettingsError
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.providers import hsm_words, pkcs11, port
from backend.remote_signing.providers.hsm_pool import Pool, TokenFault
from backend.remote_signing.providers.pkcs11 import Pkcs11Provider
from infra.simulators.signing_service.authority import Authority
from tests.fakes.softhsm import MODULE, PACKAGE, SoftHsm, token_in

pytestmark = pytest.mark.needs(PACKAGE)

ACCOUNT = "0100000000/con-dau"


@dataclass
class World:
    """A token with one RSA and one EC key, each with a certificate beside it."""

    hsm: SoftHsm
    authority: Authority
    rsa: port.CredentialHandle
    ec: port.CredentialHandle

    def handles(self) -> dict[str, port.CredentialHandle]:
        return {"rsa": self.rsa, "ec": self.ec}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hsm")
    authority = Authority(folder / "authority", "http://127.0.0.1:9")
    with token_in(folder) as hsm:
        handles = {kind: certified(hsm, authority, kind) for kind in ("rsa", "ec")}
        yield World(hsm, authority, **handles)


def certified(
    hsm: SoftHsm, authority: Authority, kind: str, tax_code: str = "0100000000"
) -> port.CredentialHandle:
    """A new key in the token with its certificate beside it."""

    def certify(request: bytes) -> list[bytes]:
        asked = x509.load_pem_x509_csr(request)
        assert asked.is_signature_valid
        key = asked.public_key()
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        made = authority.certify(asked.subject, x509.random_serial_number(), key)
        return [made.public_bytes(serialization.Encoding.DER), *authority.chain()]

    return hsm.certified(CertificateSubject(name="Trường Thử Nghiệm", tax_code=tax_code), certify, kind=kind)


@pytest.fixture
def pool(world: World) -> Iterator[Pool]:
    made = Pool(world.hsm.opening(), size=2, timeout=20)
    yield made
    made.close()


@pytest.fixture
def provider(pool: Pool) -> Pkcs11Provider:
    return Pkcs11Provider(pkcs11.CAPABILITIES, pool)


def account(user_id: str = ACCOUNT) -> port.ProviderAccount:
    return port.ProviderAccount(base_url="", user_id=user_id, parameters={})


def batch_of(count: int) -> port.HashBatch:
    name = uuid.uuid4().hex
    digests = tuple(hashlib.sha256(f"{name}/{number}".encode()).digest() for number in range(count))
    return port.HashBatch(transaction_id=name, hashes=digests, description=f"{count} học bạ")


def children() -> list[int]:
    """Processes of tokens that this process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if b"hsm_child" in command and parent == os.getpid():
                found.append(int(entry.name))
    return found


async def test_certificates_are_listed_under_the_accounts_label_alone(
    provider: Pkcs11Provider, world: World
) -> None:
    found = await provider.list_credentials(account())
    assert {one.credential_id for one in found} == {world.rsa.credential_id, world.ec.credential_id}
    [rsa] = [one for one in found if one.credential_id == world.rsa.credential_id]
    assert rsa.certificate == world.rsa.certificate
    assert rsa.chain == world.authority.chain()
    assert (rsa.key_bits, rsa.usable) == (2048, True)
    assert await provider.list_credentials(account("0200000000/con-dau")) == []


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("count", [1, 40])
async def test_a_batch_is_signed_at_once(
    provider: Pkcs11Provider, world: World, kind: str, count: int
) -> None:
    batch, handle = batch_of(count), world.handles()[kind]
    signed = await provider.sign_hashes(account(), handle, batch)
    assert isinstance(signed, port.Signed)
    assert (signed.provider_tx, len(set(signed.values))) == (batch.transaction_id, count)
    again = await provider.poll(account(), handle, batch, signed.provider_tx)
    assert (again == signed) is (kind == "rsa"), "PKCS#1 v1.5 gives the same value each time"


async def test_many_at_once_share_the_processes(provider: Pkcs11Provider, world: World) -> None:
    before = set(children())
    batches = [batch_of(10) for _ in range(8)]
    signed = await asyncio.gather(*(provider.sign_hashes(account(), world.rsa, one) for one in batches))
    assert [one.provider_tx for one in signed] == [one.transaction_id for one in batches]
    assert len(set(children()) - before) <= 2


async def test_a_killed_process_is_replaced(provider: Pkcs11Provider, world: World) -> None:
    before = set(children())
    await provider.sign_hashes(account(), world.rsa, batch_of(1))
    [child] = set(children()) - before
    os.kill(child, signal.SIGKILL)
    while child in children():
        time.sleep(0.01)
    signed = await provider.sign_hashes(account(), world.rsa, batch_of(3))
    assert len(signed.values) == 3


async def test_a_process_killed_while_it_signs_is_an_unknown_outcome_and_then_replaced(
    provider: Pkcs11Provider, world: World
) -> None:
    before = set(children())
    await provider.sign_hashes(account(), world.rsa, batch_of(1))
    [child] = set(children()) - before
    os.kill(child, signal.SIGSTOP)
    signing = asyncio.create_task(provider.sign_hashes(account(), world.rsa, batch_of(5)))
    await asyncio.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(port.OutcomeUnknown, match="mở phiên mới"):
        await signing
    assert len((await provider.sign_hashes(account(), world.rsa, batch_of(5))).values) == 5


async def test_a_process_that_hangs_is_given_up(world: World) -> None:
    pool, before = Pool(world.hsm.opening(), size=1, timeout=2), set(children())
    provider = Pkcs11Provider(pkcs11.CAPABILITIES, pool)
    await provider.sign_hashes(account(), world.rsa, batch_of(1))
    [child] = set(children()) - before
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(port.OutcomeUnknown):
        await provider.sign_hashes(account(), world.rsa, batch_of(1))
    assert len((await provider.sign_hashes(account(), world.rsa, batch_of(2))).values) == 2
    assert child not in children()
    pool.close()
    assert set(children()) == before


async def test_a_key_that_was_destroyed_ends_the_session_and_then_is_an_account_problem(
    provider: Pkcs11Provider, world: World
) -> None:
    gone = certified(world.hsm, world.authority, "rsa", "0300000000")
    await provider.sign_hashes(account(), gone, batch_of(1))
    with world.hsm.opened() as token:
        token._session.get_key(
            id=bytes.fromhex(gone.credential_id), object_class=ObjectClass.PRIVATE_KEY
        ).destroy()
    with pytest.raises(port.ProviderError):
        await provider.sign_hashes(account(), gone, batch_of(1))
    with pytest.raises(port.AccountProblem, match="không còn khóa"):
        await provider.sign_hashes(account(), gone, batch_of(1))
    [listed] = await provider.list_credentials(account("0300000000/con-dau"))
    assert not listed.usable


async def test_a_request_that_is_wrong_costs_no_process(
    provider: Pkcs11Provider, pool: Pool, world: World
) -> None:
    before = set(children())
    await provider.sign_hashes(account(), world.rsa, batch_of(1))
    running = set(children()) - before
    key_id = bytes.fromhex(world.rsa.credential_id)
    with pytest.raises(TokenFault, match="data"):
        pool.ask(hsm_words.SignMany(key_id=key_id, digests=(b"short",)))
    assert set(children()) - before == running


async def test_a_value_of_another_key_is_an_alarm(provider: Pkcs11Provider, world: World) -> None:
    foreign = msgspec.structs.replace(world.rsa, certificate=world.ec.certificate)
    with pytest.raises(port.UntrustedAnswer):
        await provider.sign_hashes(account(), foreign, batch_of(1))


async def test_a_wrong_pin_is_tried_once(world: World) -> None:
    pool = Pool(world.hsm.opening(pin="000000"), size=2, timeout=20)
    provider = Pkcs11Provider(pkcs11.CAPABILITIES, pool)
    with pytest.raises(port.LoginRefused, match="mã PIN"):
        await provider.list_credentials(account())
    started = time.monotonic()
    with pytest.raises(port.LoginRefused):
        await provider.list_credentials(account())
    assert time.monotonic() - started < 0.05, "the token was asked again"


async def test_a_token_that_is_not_there_may_come_back(world: World) -> None:
    opening = msgspec.structs.replace(world.hsm.opening(), token="không có")
    with pytest.raises(port.NotReached, match="Chưa kết nối được"):
        await Pkcs11Provider(pkcs11.CAPABILITIES, Pool(opening, size=1, timeout=20)).list_credentials(
            account()
        )


async def test_processes_end_with_the_one_that_started_them(world: World) -> None:
    pool, before = Pool(world.hsm.opening(), size=1, timeout=20), set(children())
    await Pkcs11Provider(pkcs11.CAPABILITIES, pool).list_credentials(account())
    [child] = set(children()) - before
    idle = pool._places.get()
    assert idle is not None
    idle._line.close()
    assert idle._process.wait(timeout=10) == 0
    assert child not in children()


def test_the_pin_is_nowhere_to_be_read(world: World, pool: Pool) -> None:
    pool.ask(hsm_words.ListKeys(label=ACCOUNT))
    pin = world.hsm.opening().pin
    for child in children():
        for part in ("cmdline", "environ"):
            assert pin.encode() not in Path(f"/proc/{child}/{part}").read_bytes()
    assert pin not in repr(world.hsm.opening())


def test_settings_are_checked_when_the_product_starts(world: World) -> None:
    settings = pkcs11.Settings(module=MODULE, token=world.hsm.label, pin_file=str(world.hsm.pin_file))
    assert pkcs11.pool_of(settings)._opening == world.hsm.opening()
    missing = msgspec.structs.replace(settings, pin_file=str(world.hsm.folder / "none"))
    with pytest.raises(SettingsError, match="pin_file"):
        pkcs11.pool_of(missing)
