"""Keys in AWS KMS, against a process that speaks its interface over HTTP and checks each request's signature."""

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from backend.core.settings import SettingsError
from backend.remote_signing.providers import port
from infra.simulators.signing_service.authority import Authority
from tests.fakes.kms_keys import SPECS, KmsWorld, kms_world


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def started(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KmsWorld]:
    with kms_world(tmp_path_factory.mktemp("kms")) as world:
        for kind in SPECS:
            world.handles[kind] = world.add_key(authority, kind, "0100000000/con-dau")
        yield world


@pytest.fixture
def world(started: KmsWorld) -> KmsWorld:
    started.service.clear_faults()
    return started


def account(user_id: str = "0100000000/con-dau") -> port.ProviderAccount:
    return port.ProviderAccount(base_url="", user_id=user_id, parameters={})


def batch_of(count: int) -> port.HashBatch:
    name = uuid.uuid4().hex
    digests = tuple(hashlib.sha256(f"{name}/{number}".encode()).digest() for number in range(count))
    return port.HashBatch(transaction_id=name, hashes=digests, description=f"{count} học bạ")


async def test_the_list_of_keys_says_whose_they_are(world: KmsWorld, authority: Authority) -> None:
    found = await world.provider().list_credentials(account())
    assert [one.credential_id for one in found] == [one.credential_id for one in world.handles.values()]
    assert [(one.key_bits, one.usable) for one in found] == [(2048, True), (256, True)]
    assert found[0].chain == authority.chain()
    assert await world.provider().list_credentials(account("0200000000/con-dau")) == []


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("count", [1, 30])
async def test_a_batch_is_signed_at_once_one_request_each(world: KmsWorld, kind: str, count: int) -> None:
    batch, before = batch_of(count), world.service.ledger()["count"]
    signed = await world.provider().sign_hashes(account(), world.handles[kind], batch)
    assert (signed.provider_tx, len(signed.values)) == (batch.transaction_id, count)
    ledger = world.service.ledger()
    assert ledger["count"] - before == count
    assert all(ledger["hashes"][digest.hex()] == 1 for digest in batch.hashes), "the digest itself is signed"


async def test_a_new_school_needs_no_restart(world: KmsWorld, authority: Authority) -> None:
    provider = world.provider()
    assert await provider.list_credentials(account("0300000000/con-dau")) == []
    handle = world.add_key(authority, "rsa", "0300000000/con-dau")
    [found] = await provider.list_credentials(account("0300000000/con-dau"))
    assert found.certificate == handle.certificate


async def test_a_disabled_key_is_no_use(world: KmsWorld, authority: Authority) -> None:
    handle = world.add_key(authority, "rsa", "0400000000/con-dau")
    world.operator.disable_key(KeyId=handle.credential_id)
    [found] = await world.provider().list_credentials(account("0400000000/con-dau"))
    assert (found.usable, found.status) == (False, "Disabled")
    with pytest.raises(port.AccountProblem, match="đã bị khóa"):
        await world.provider().sign_hashes(account(), handle, batch_of(2))


async def test_a_certificate_of_another_key_is_seen_before_it_is_taken_over(
    world: KmsWorld, authority: Authority
) -> None:
    world.add_key(authority, "rsa", "0500000000/con-dau")
    foreign = (world.folder / "rsa-0100000000.pem").read_bytes()
    (world.folder / "rsa-0500000000.pem").write_bytes(foreign)
    [found] = await world.provider().list_credentials(account("0500000000/con-dau"))
    assert (found.usable, found.status) == (False, "the certificate is of another key")


async def test_a_value_of_another_key_is_an_alarm(world: KmsWorld) -> None:
    world.service.fault("foreign_signature", times=1)
    with pytest.raises(port.UntrustedAnswer):
        await world.provider().sign_hashes(account(), world.handles["rsa"], batch_of(3))


@pytest.mark.parametrize("fault", ["throttled", "internal"])
async def test_trouble_that_passes_is_passed(world: KmsWorld, fault: str) -> None:
    world.service.fault(fault, times=1, path="Sign")
    assert len((await world.provider().sign_hashes(account(), world.handles["rsa"], batch_of(3))).values) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("throttled", port.NotReached),
        ("internal", port.OutcomeUnknown),
        ("cut_after_sign", port.OutcomeUnknown),
        ("delay", port.OutcomeUnknown),
    ],
)
async def test_trouble_that_lasts_says_what_to_do(
    world: KmsWorld, fault: str, error: type[port.ProviderError]
) -> None:
    world.service.fault(fault, times=50, path="Sign", seconds=1)
    with pytest.raises(error):
        await world.provider(timeout=0.3).sign_hashes(account(), world.handles["rsa"], batch_of(1))


async def test_a_service_that_is_away_may_come_back(world: KmsWorld) -> None:
    away = world.provider(endpoint="http://127.0.0.1:9")
    with pytest.raises(port.NotReached, match="Chưa kết nối được"):
        await away.sign_hashes(account(), world.handles["rsa"], batch_of(1))


async def test_a_wrong_secret_is_refused_by_the_services_own_arithmetic(world: KmsWorld) -> None:
    (world.folder / "wrong").write_text("another secret")
    wrong = world.provider(secret_file=str(world.folder / "wrong"))
    with pytest.raises(port.LoginRefused, match="quyền"):
        await wrong.sign_hashes(account(), world.handles["rsa"], batch_of(1))
    stranger = world.provider(access_key="AKIASTRANGER")
    with pytest.raises(port.LoginRefused):
        await stranger.list_credentials(account())


def test_what_cannot_be_read_stops_the_start(world: KmsWorld) -> None:
    with pytest.raises(SettingsError, match="secret_file"):
        world.provider(secret_file=str(world.folder / "none"))
    (world.folder / "broken.toml").write_text("[[key]]\naccount = 1\n")
    with pytest.raises(SettingsError, match="keys of an aws_kms provider"):
        world.provider(keys=str(world.folder / "broken.toml"))
