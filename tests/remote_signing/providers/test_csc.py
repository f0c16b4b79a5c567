"""The CSC adapter against the real signing service process, counted in the service's own ledger."""

import asyncio
import hashlib
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import pytest_asyncio
from cryptography import x509

from backend.core import http_client
from backend.remote_signing.providers import port
from backend.remote_signing.providers.csc import CAPABILITIES, Authorization, CscProvider, CscSettings
from backend.remote_signing.providers.csc_spelling import V1, V2
from backend.remote_signing.providers.values import require_genuine
from tests.fakes.processes import SigningService, start_signing_service

USER = "001199000001"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningService]:
    with start_signing_service(tmp_path_factory.mktemp("csc"), auto_confirm=0.1) as running:
        yield running


@pytest_asyncio.fixture(scope="module", autouse=True, loop_scope="session")
async def closed_connections() -> AsyncIterator[None]:
    yield
    await http_client.aclose()


@pytest.fixture
def provider(service: SigningService) -> CscProvider:
    service.clear_faults()
    return CscProvider(CAPABILITIES, CscSettings(timeout=5.0))


def batch_of(count: int, transaction_id: str | None = None) -> port.HashBatch:
    name = transaction_id or str(uuid.uuid4())
    digests = tuple(hashlib.sha256(f"{name}/{number}".encode()).digest() for number in range(count))
    return port.HashBatch(transaction_id=name, hashes=digests, description=f"Lớp 1A: {count} học bạ")


async def settle(
    provider: CscProvider, service: SigningService, batch: port.HashBatch, pending: port.SubmitResult
) -> port.PollResult:
    """Poll until the person has answered."""
    assert isinstance(pending, port.Pending)
    for _ in range(100):
        result = await provider.poll(service.account(USER), service.enrol(USER), batch, pending.provider_tx)
        if not isinstance(result, port.Pending):
            return result
        await asyncio.sleep(0.05)
    raise AssertionError("still pending")


async def test_facts_name_the_service_and_its_methods(service: SigningService, provider: CscProvider) -> None:
    facts = await provider.facts(service.account(USER))
    assert facts.specs.startswith("2.")
    assert "SANDBOX" in facts.name
    assert {"credentials/authorize", "credentials/authorizeCheck", "signatures/signHash"} <= set(
        facts.methods
    )


@pytest.mark.parametrize("path", ["", "/", "/csc/v2", "/csc/v2/"])
async def test_the_address_may_name_the_service_or_the_interface(
    service: SigningService, provider: CscProvider, path: str
) -> None:
    account = msgspec.structs.replace(service.account(USER), base_url=service.url + path)
    assert (await provider.facts(account)).methods


async def test_credentials_come_with_chain_and_state(service: SigningService, provider: CscProvider) -> None:
    handle = service.enrol(USER)
    [found] = await provider.list_credentials(service.account(USER))
    assert found.credential_id == handle.credential_id
    assert found.certificate == handle.certificate
    assert (found.usable, found.key_bits, found.max_hashes) == (True, 2048, 50)
    issuer, root = (x509.load_der_x509_certificate(der) for der in found.chain)
    x509.load_der_x509_certificate(found.certificate).verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    assert await provider.list_credentials(service.account("nobody")) == []


async def test_fifty_hashes_under_one_consent(service: SigningService, provider: CscProvider) -> None:
    batch = batch_of(50)
    pending = await provider.sign_hashes(service.account(USER), service.enrol(USER), batch)
    assert service.ledger(batch.transaction_id)["count"] == 0
    result = await settle(provider, service, batch, pending)
    assert isinstance(result, port.Signed)
    assert len(set(result.values)) == 50
    assert service.ledger(batch.transaction_id)["transactions"] == {batch.transaction_id: 50}


async def test_more_than_the_limit_is_our_own_mistake(service: SigningService, provider: CscProvider) -> None:
    with pytest.raises(ValueError, match="1 to 50"):
        await provider.sign_hashes(service.account(USER), service.enrol(USER), batch_of(51))


async def test_repeating_every_call_signs_once(service: SigningService, provider: CscProvider) -> None:
    account, credential, batch = service.account(USER), service.enrol(USER), batch_of(3)
    first = await provider.sign_hashes(account, credential, batch)
    again = await CscProvider().sign_hashes(account, credential, batch)
    assert isinstance(first, port.Pending)
    assert isinstance(again, port.Pending)
    assert first.provider_tx == again.provider_tx
    results = [await settle(provider, service, batch, first) for _ in range(3)]
    assert len(set(results)) == 1
    late = await provider.sign_hashes(account, credential, batch)
    assert await settle(provider, service, batch, late) == results[0]
    ledger = service.ledger(batch.transaction_id)
    assert ledger["count"] == 3
    assert set(ledger["hashes"].values()) == {1}


async def test_simultaneous_polls_sign_once(service: SigningService, provider: CscProvider) -> None:
    account, credential, batch = service.account(USER), service.enrol(USER), batch_of(20)
    pending = await provider.sign_hashes(account, credential, batch)
    await asyncio.sleep(0.2)
    results = await asyncio.gather(*(settle(provider, service, batch, pending) for _ in range(10)))
    assert len(set(results)) == 1
    assert service.ledger(batch.transaction_id)["count"] == 20


async def test_a_transaction_id_never_takes_other_hashes(
    service: SigningService, provider: CscProvider
) -> None:
    account, credential, batch = service.account(USER), service.enrol(USER), batch_of(2)
    await provider.sign_hashes(account, credential, batch)
    other = port.HashBatch(
        transaction_id=batch.transaction_id, hashes=batch.hashes[::-1], description=batch.description
    )
    with pytest.raises(port.RequestRefused) as refused:
        await provider.sign_hashes(account, credential, other)
    assert "another transaction" in refused.value.detail


async def test_only_authorised_hashes_are_signed(service: SigningService, provider: CscProvider) -> None:
    account, credential, batch = service.account(USER), service.enrol(USER), batch_of(2)
    pending = await provider.sign_hashes(account, credential, batch)
    assert isinstance(pending, port.Pending)
    await asyncio.sleep(0.2)
    smuggled = port.HashBatch(
        transaction_id=batch.transaction_id, hashes=batch_of(1).hashes, description=batch.description
    )
    with pytest.raises(port.RequestRefused) as refused:
        await provider.poll(account, credential, smuggled, pending.provider_tx)
    assert "not authorized by the SAD" in refused.value.detail
    assert service.ledger(batch.transaction_id)["count"] == 0


@pytest.mark.parametrize(("fault", "kind"), [("reject", port.Declined), ("expire", port.Expired)])
async def test_the_person_who_does_not_confirm(
    service: SigningService, provider: CscProvider, fault: str, kind: type
) -> None:
    service.fault(fault)
    batch = batch_of(2)
    pending = await provider.sign_hashes(service.account(USER), service.enrol(USER), batch)
    result = await settle(provider, service, batch, pending)
    assert isinstance(result, kind)
    assert service.ledger(batch.transaction_id)["count"] == 0


@pytest.mark.parametrize(
    "fault", ["garbage_signature", "foreign_signature", "half_batch", "wrong_order", "duplicate"]
)
async def test_a_wrong_answer_is_refused_and_the_truth_comes_on_asking_again(
    service: SigningService, provider: CscProvider, fault: str
) -> None:
    service.fault(fault)
    batch = batch_of(4)
    pending = await provider.sign_hashes(service.account(USER), service.enrol(USER), batch)
    with pytest.raises(port.UntrustedAnswer):
        await settle(provider, service, batch, pending)
    assert isinstance(await settle(provider, service, batch, pending), port.Signed)
    assert set(service.ledger(batch.transaction_id)["hashes"].values()) == {1}


@pytest.mark.parametrize("path", ["credentials/authorize", "signatures/signHash"])
async def test_a_line_cut_after_acceptance_is_unknown_then_resolved_by_the_same_id(
    service: SigningService, provider: CscProvider, path: str
) -> None:
    account, credential, batch = service.account(USER), service.enrol(USER), batch_of(3)
    await provider.list_credentials(account)
    service.fault("cut_after_accept", path=path)
    if path == "credentials/authorize":
        with pytest.raises(port.OutcomeUnknown):
            await provider.sign_hashes(account, credential, batch)
    pending = await provider.sign_hashes(account, credential, batch)
    if path == "signatures/signHash":
        with pytest.raises(port.OutcomeUnknown):
            await settle(provider, service, batch, pending)
        assert service.ledger(batch.transaction_id)["count"] == 3
    assert isinstance(await settle(provider, service, batch, pending), port.Signed)
    assert service.ledger(batch.transaction_id)["count"] == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "http500"}, port.OutcomeUnknown),
        ({"kind": "delay", "seconds": 2.0}, port.OutcomeUnknown),
        ({"kind": "rate_limit"}, port.NotReached),
        ({"kind": "down", "seconds": 0.5}, port.NotReached),
        ({"kind": "token_expired", "times": 2}, port.LoginRefused),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_each_fault_of_the_line_has_its_name(
    service: SigningService, fault: dict[str, object], kind: type[Exception]
) -> None:
    hasty = CscProvider(CAPABILITIES, CscSettings(timeout=1.0))
    account, credential, batch = service.account(USER), service.enrol(USER), batch_of(1)
    await hasty.list_credentials(account)
    service.fault(**fault)  # type: ignore[arg-type]
    with pytest.raises(kind) as failure:
        await hasty.sign_hashes(account, credential, batch)
    assert isinstance(failure.value, port.ProviderError)
    assert failure.value.message.endswith(".")
    await asyncio.sleep(0.7)
    pending = await CscProvider().sign_hashes(account, credential, batch)
    assert isinstance(await settle(CscProvider(), service, batch, pending), port.Signed)
    assert service.ledger(batch.transaction_id)["count"] == 1


async def test_one_token_serves_all_who_wait(service: SigningService, provider: CscProvider) -> None:
    account, before = service.account(USER), service.ledger()["tokens"]
    service.enrol(USER)
    found = await asyncio.gather(*(provider.list_credentials(account) for _ in range(8)))
    assert all(len(credentials) == 1 for credentials in found)
    assert service.ledger()["tokens"] - before == 1
    service.fault("token_expired", path="credentials/list")
    assert len(await provider.list_credentials(account)) == 1
    assert service.ledger()["tokens"] - before == 2


async def test_a_wrong_secret_is_named(service: SigningService, provider: CscProvider) -> None:
    right = service.account(USER)
    wrong = port.ProviderAccount(
        base_url=right.base_url, user_id=USER, parameters={**right.parameters, "client_secret": "sai"}
    )
    with pytest.raises(port.LoginRefused):
        await provider.list_credentials(wrong)
    assert "sai" not in repr(wrong)


async def test_a_revoked_certificate_stops_the_account(
    service: SigningService, provider: CscProvider
) -> None:
    account, credential = service.account("001199000009"), service.enrol("001199000009")
    service.post("/sandbox/revoke", {"credentialID": credential.credential_id})
    [found] = await provider.list_credentials(account)
    assert not found.usable
    with pytest.raises(port.AccountProblem):
        await provider.sign_hashes(account, credential, batch_of(1))


async def test_the_telephone_decides(tmp_path: Path) -> None:
    provider = CscProvider()
    with start_signing_service(tmp_path, auto_confirm=-1) as service:
        account, credential = service.account(USER), service.enrol(USER)
        for button, kind in (("confirm", port.Signed), ("reject", port.Declined)):
            batch = batch_of(2)
            pending = await provider.sign_hashes(account, credential, batch)
            assert isinstance(pending, port.Pending)
            assert isinstance(
                await provider.poll(account, credential, batch, pending.provider_tx), port.Pending
            )
            [waiting] = service.pending()
            assert waiting["description"] == "Lớp 1A: 2 học bạ"
            service.press(waiting["handle"], button)
            result = await provider.poll(account, credential, batch, pending.provider_tx)
            assert isinstance(result, kind)


@pytest.mark.parametrize("moment", ["authorised", "signed"])
async def test_kill_9_between_authorisation_and_signature_signs_once(tmp_path: Path, moment: str) -> None:
    provider = CscProvider()
    with start_signing_service(tmp_path, auto_confirm=0.05) as service:
        account, credential, batch = service.account(USER), service.enrol(USER), batch_of(25)
        pending = await provider.sign_hashes(account, credential, batch)
        if moment == "signed":
            service.fault("cut_after_accept", path="signHash")
            with pytest.raises(port.OutcomeUnknown):
                await settle(provider, service, batch, pending)
        service.kill()
        with pytest.raises(port.NotReached):
            await provider.sign_hashes(account, credential, batch)
        service.start()
        again = await provider.sign_hashes(account, credential, batch)
        result = await settle(provider, service, batch, again)
        assert isinstance(result, port.Signed)
        ledger = service.ledger()
        assert ledger["count"] == 25
        assert ledger["signed_more_than_once"] == []
        assert ledger["consents"] == 1
        assert service.stop() == 0


async def test_what_is_pushed_is_asked_once_and_stands_in_no_address(service: SigningService) -> None:
    settings = CscSettings(authorization=Authorization.OAUTH2CODE, pushed=True, timeout=5.0)
    provider, batch = CscProvider(CAPABILITIES, settings), batch_of(50)
    key = service.enrol("pushed", auth="oauth2code")
    there: dict[str, str] = {"redirect_uri": "https://hocba.example/x", "state": "s", "code_challenge": "c"}
    address = await provider.authorization_url(service.account("pushed"), key, batch, **there)
    assert len(address) < 200
    assert parse_qs(urlsplit(address).query).keys() == {"client_id", "request_uri"}
    with urllib.request.urlopen(address) as page:
        assert "50 tài liệu" in page.read().decode()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(address)
    stranger = msgspec.structs.replace(
        service.account("pushed"), parameters={"client_id": "hocba", "client_secret": "sai"}
    )
    with pytest.raises(port.LoginRefused):
        await provider.authorization_url(stranger, key, batch, **there)


@pytest.mark.parametrize(("version", "per_call", "extended"), [(V2, 2, 2), (V2, 0, 0), (V1, 2, 2)])
async def test_a_batch_that_outlives_its_authorization_extends_it(
    service: SigningService, version: type[V1] | type[V2], per_call: int, extended: int
) -> None:
    """A service that signs two hashes at a time wants another SAD for the next two; nobody is asked again."""
    service.clear_faults()
    in_parts = CscProvider(CAPABILITIES, CscSettings(timeout=5.0, per_call=per_call), version())
    batch, before = batch_of(5), service.ledger()
    account = msgspec.structs.replace(service.account(USER), base_url=service.url)
    result = await in_parts.sign_hashes(account, service.enrol(USER), batch)
    if version is V2:
        result = await settle(in_parts, service, batch, result)
    assert isinstance(result, port.Signed)
    require_genuine(service.enrol(USER).certificate, batch.hashes, result.values)
    after = service.ledger()
    assert after["consents"] - before["consents"] == 1
    assert after["extended"] - before["extended"] == extended
    assert [after["hashes"][one.hex()] for one in batch.hashes] == [1] * 5


async def test_an_authorization_that_is_about_to_end_is_extended(
    service: SigningService, provider: CscProvider
) -> None:
    batch, before = batch_of(3), service.ledger()["extended"]
    pending = await provider.sign_hashes(service.account(USER), service.enrol(USER), batch)
    service.fault("short_sad", path="authorizeCheck", times=20)
    assert isinstance(await settle(provider, service, batch, pending), port.Signed)
    assert service.ledger()["extended"] == before + 1


async def test_parts_that_come_back_short_raise_the_alarm(service: SigningService) -> None:
    """What lacks in one part is not made up for by the next."""
    service.clear_faults()
    in_parts = CscProvider(CAPABILITIES, CscSettings(timeout=5.0, per_call=2))
    batch = batch_of(4)
    pending = await in_parts.sign_hashes(service.account(USER), service.enrol(USER), batch)
    service.fault("half_batch", path="signHash")
    with pytest.raises(port.UntrustedAnswer):
        await settle(in_parts, service, batch, pending)


async def test_a_repetition_after_a_crash_between_parts_signs_nothing_twice(service: SigningService) -> None:
    service.clear_faults()
    in_parts = CscProvider(CAPABILITIES, CscSettings(timeout=5.0, per_call=2))
    batch = batch_of(4)
    pending = await in_parts.sign_hashes(service.account(USER), service.enrol(USER), batch)
    service.fault("cut_after_accept", path="extendTransaction")
    with pytest.raises(port.OutcomeUnknown):
        await settle(in_parts, service, batch, pending)
    assert isinstance(await settle(in_parts, service, batch, pending), port.Signed)
    hashes = service.ledger()["hashes"]
    assert [hashes[one.hex()] for one in batch.hashes] == [1] * 4
