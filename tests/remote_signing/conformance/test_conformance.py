"""One suite for every provider: what the port promises, against the simulator of each, counted in its own records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import cast

import msgspec
import pytest
import pytest_asyncio
from cryptography import x509

from backend.core import http_client
from backend.remote_signing.providers import port
from backend.remote_signing.providers.values import require_genuine
from tests.fakes import relying_party
from tests.fakes.consent_page import decide, s256
from tests.fakes.processes import SigningService, start_signing_service
from tests.remote_signing.conformance.subjects import SUBJECTS, Subject, batch_of

#: What the person's refusal, and nobody's answer, may come back as.
DECLINED = (port.Declined,)
EXPIRED = (port.Expired, port.Failed, port.NewAuthorizationNeeded)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningService]:
    with start_signing_service(tmp_path_factory.mktemp("conformance"), auto_confirm=0.05) as running:
        relying_party.register(running)
        yield running


@pytest_asyncio.fixture(scope="module", autouse=True, loop_scope="session")
async def closed_connections() -> AsyncIterator[None]:
    yield
    await http_client.aclose()


@dataclass
class Bench:
    """A provider with an account that has one key, and what its simulator has recorded."""

    subject: Subject
    service: SigningService
    provider: port.SignatureProvider
    account: port.ProviderAccount
    credential: port.CredentialHandle

    @property
    def capabilities(self) -> port.Capabilities:
        return self.provider.capabilities

    async def submit(self, batch: port.HashBatch) -> port.SubmitResult:
        """From the consent to where the machine waits: a question for the person is answered."""
        result = await self.provider.sign_hashes(self.account, self.credential, batch)
        while isinstance(result, port.Challenge):
            assert self.capabilities.challenges
            if port.Ask.OAUTH in result.asks:
                result = await self.answer(batch, result, await self.consent(batch))
            elif result.sends and "đã được gửi" not in result.prompt:
                result = await self.answer(batch, result, {})
            else:
                given = dict(self.subject.person(self.service, result))
                result = await self.answer(batch, result, given)
        return result

    async def consent(self, batch: port.HashBatch) -> dict[str, str]:
        """The person agrees on the service's own page."""
        provider, verifier = cast(port.AuthorizingProvider, self.provider), "v" * 64
        back = "https://hocba.example/ky/cap-quyen"
        address = await provider.authorization_url(
            self.account,
            self.credential,
            batch,
            redirect_uri=back,
            state="s",
            code_challenge=s256(verifier),
        )
        brought = decide(address, "yes")
        assert brought["state"] == "s"
        return {"code": brought["code"], "verifier": verifier, "redirect_uri": back}

    async def answer(
        self, batch: port.HashBatch, asked: port.Challenge, values: dict[str, str]
    ) -> port.SubmitResult:
        return await self.provider.answer(self.account, self.credential, batch, asked, values)

    async def settle(self, batch: port.HashBatch, result: port.SubmitResult) -> port.SubmitResult:
        """Poll until there is an end."""
        for _ in range(200):
            if not isinstance(result, port.Pending):
                return result
            await asyncio.sleep(0.03)
            result = await self.provider.poll(self.account, self.credential, batch, result.provider_tx)
        raise AssertionError("still pending")

    async def sign(self, batch: port.HashBatch) -> port.SubmitResult:
        return await self.settle(batch, await self.submit(batch))

    def made(self, batch: port.HashBatch) -> list[int]:
        """How often the simulator has signed each hash, by its ledger."""
        hashes = self.service.ledger()["hashes"]
        return [hashes.get(digest.hex(), 0) for digest in batch.hashes]

    def consents(self) -> int:
        """How often a person was, or would be, asked."""
        found: int = self.service.ledger()["consents"]
        return found


@pytest_asyncio.fixture(params=SUBJECTS, ids=str, loop_scope="session")
async def bench(request: pytest.FixtureRequest, service: SigningService) -> Bench:
    subject: Subject = request.param
    service.clear_faults()
    subject.enrol(service)
    provider, account = subject.make(), subject.account(service)
    [found] = await provider.list_credentials(account)
    handle = port.CredentialHandle(credential_id=found.credential_id, certificate=found.certificate)
    return Bench(subject, service, provider, account, handle)


def only(fits: Callable[[Subject], bool]) -> pytest.MarkDecorator:
    """A test of the providers of which something can be said at all."""
    return pytest.mark.parametrize("bench", [one for one in SUBJECTS if fits(one)], ids=str, indirect=True)


on_the_telephone = only(lambda one: one.on_the_telephone)


async def outcome(asking: Awaitable[port.SubmitResult]) -> port.SubmitResult | port.ProviderError:
    """A result or the error that says what to do."""
    try:
        return await asking
    except port.ProviderError as error:
        return error


async def test_keys_come_with_chain_and_state(bench: Bench) -> None:
    [found] = await bench.provider.list_credentials(bench.account)
    assert found.usable
    issuer, root = (x509.load_der_x509_certificate(der) for der in found.chain)
    x509.load_der_x509_certificate(found.certificate).verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    assert 0 < found.max_hashes <= bench.capabilities.max_hashes
    stranger = bench.subject.account(bench.service, "nobody")
    assert await bench.provider.list_credentials(stranger) == []


@pytest.mark.parametrize("count", [1, 7, 50])
async def test_so_many_hashes_under_one_confirmation(bench: Bench, count: int) -> None:
    batch, before = batch_of(count), bench.consents()
    result = await bench.sign(batch)
    assert isinstance(result, port.Signed)
    require_genuine(bench.credential.certificate, batch.hashes, result.values)
    assert bench.made(batch) == [1] * count
    assert bench.consents() - before == 1


async def test_what_is_too_much_or_no_digest_never_leaves(bench: Bench) -> None:
    before = bench.consents()
    with pytest.raises(ValueError, match="a batch holds"):
        await bench.submit(batch_of(bench.capabilities.max_hashes + 1))
    with pytest.raises(ValueError, match="a batch holds"):
        await bench.submit(batch_of(0))
    with pytest.raises(ValueError, match="SHA-256"):
        await bench.submit(msgspec.structs.replace(batch_of(1), hashes=(b"short",)))
    assert bench.consents() == before


@pytest.mark.parametrize(
    "lie", ["garbage_signature", "foreign_signature", "half_batch", "wrong_order", "duplicate"]
)
async def test_an_answer_that_lies_raises_the_alarm(bench: Bench, lie: str) -> None:
    batch = batch_of(3)
    bench.service.fault(lie, path=bench.subject.answers)
    assert isinstance(await outcome(bench.sign(batch)), port.UntrustedAnswer)
    assert bench.made(batch) == [1, 1, 1]


async def test_values_are_matched_as_the_service_names_them(bench: Bench) -> None:
    """Named by document they may come in any order; named by position a swapped order is another content."""
    batch = batch_of(3)
    if bench.capabilities.result_key is port.ResultKey.POSITION:
        bench.service.fault("wrong_order", path=bench.subject.answers)
        assert isinstance(await outcome(bench.sign(batch)), port.UntrustedAnswer)
    else:
        bench.service.fault("shuffled", path=bench.subject.answers)
        result = await bench.sign(batch)
        assert isinstance(result, port.Signed)
        require_genuine(bench.credential.certificate, batch.hashes, result.values)


@on_the_telephone
async def test_the_person_says_no(bench: Bench) -> None:
    """A PIN that is not given: tests/remote_signing/requests/test_challenges.py."""
    batch = batch_of(2)
    bench.service.fault("reject", path=bench.subject.begins)
    assert isinstance(await outcome(bench.sign(batch)), DECLINED)
    assert bench.made(batch) == [0, 0]


@on_the_telephone
async def test_nobody_answers(bench: Bench) -> None:
    batch = batch_of(2)
    bench.service.fault("expire", path=bench.subject.begins)
    assert isinstance(await outcome(bench.sign(batch)), EXPIRED)
    assert bench.made(batch) == [0, 0]


async def test_too_many_requests_certainly_did_nothing(bench: Bench) -> None:
    batch, before = batch_of(2), bench.consents()
    bench.service.fault("rate_limit", path=bench.subject.begins)
    refused = await outcome(bench.submit(batch))
    assert isinstance(refused, port.NotReached)
    assert refused.retry_after == 1.0
    assert bench.consents() == before
    assert isinstance(await bench.sign(batch), port.Signed)


@pytest.mark.parametrize("fault", ["http500", "html_200"])
async def test_of_what_cannot_be_read_nothing_is_known(bench: Bench, fault: str) -> None:
    batch = batch_of(2)
    bench.service.fault(fault, path=bench.subject.begins)
    assert isinstance(await outcome(bench.submit(batch)), port.OutcomeUnknown)


async def test_an_answer_that_is_cut_off_is_handled_as_the_service_allows(bench: Bench) -> None:
    """Cut after acceptance: asked again only where that is the same transaction; found where it can be asked for."""
    batch, before = batch_of(3), bench.consents()
    bench.service.fault("cut_after_accept", path=bench.subject.begins)
    assert isinstance(await outcome(bench.submit(batch)), port.OutcomeUnknown)
    assert bench.consents() - before == 1
    match bench.capabilities.repeat:
        case port.Repeat.IDEMPOTENT:
            assert isinstance(await bench.sign(batch), port.Signed)
            assert bench.made(batch) == [1, 1, 1]
        case port.Repeat.QUERYABLE:
            provider = cast(port.QueryableProvider, bench.provider)
            found = await provider.find(bench.account, bench.credential, batch)
            assert found is not None
            assert isinstance(await bench.settle(batch, found), port.Signed)
            assert bench.made(batch) == [1, 1, 1]
            assert await provider.find(bench.account, bench.credential, batch_of(1)) is None
        case port.Repeat.BLIND:
            assert bench.made(batch) == [0, 0, 0]
    assert bench.consents() - before == 1


async def test_what_a_service_declares_of_repeated_calls_is_true(bench: Bench) -> None:
    """Idempotent: the same transaction. Queryable: refused. Blind: a second one, which is why we never do it."""
    batch, before = batch_of(2), bench.consents()
    first = await bench.sign(batch)
    again = await outcome(bench.sign(batch))
    asked = bench.consents() - before
    match bench.capabilities.repeat:
        case port.Repeat.IDEMPOTENT:
            assert (again, asked, bench.made(batch)) == (first, 1, [1, 1])
        case port.Repeat.QUERYABLE:
            assert isinstance(again, port.RequestRefused)
            assert (asked, bench.made(batch)) == (1, [1, 1])
        case port.Repeat.BLIND:
            assert (asked, bench.made(batch)) == (2, [2, 2])


@only(lambda one: one.on_the_telephone and one.make().capabilities.async_result)
async def test_polling_for_ever_signs_once(bench: Bench) -> None:
    batch = batch_of(5)
    result = await bench.submit(batch)
    assert isinstance(result, port.Pending)
    await asyncio.sleep(0.2)
    results = await asyncio.gather(*(bench.settle(batch, result) for _ in range(8)))
    assert len(set(results)) == 1
    assert bench.made(batch) == [1] * 5


@only(lambda one: one.tokens)
async def test_a_token_that_ran_out_is_renewed_once_for_all_who_wait(bench: Bench) -> None:
    await bench.sign(batch_of(1))
    bench.service.forget_tokens()
    if bench.subject.on_the_telephone:
        results = await asyncio.gather(*(bench.sign(batch_of(1)) for _ in range(6)))
        assert all(isinstance(one, port.Signed) for one in results)
    else:
        await asyncio.gather(*(bench.provider.list_credentials(bench.account) for _ in range(6)))
    assert bench.service.ledger()["tokens"] == 1


async def test_a_wrong_secret_of_ours_is_named(bench: Bench) -> None:
    secret = next(name for name in bench.account.parameters if "secret" in name or "password" in name)
    wrong = msgspec.structs.replace(bench.account, parameters={**bench.account.parameters, secret: "sai"})
    before = bench.consents()
    refused = await outcome(
        bench.provider.sign_hashes(wrong, bench.credential, batch_of(1))
        if not bench.capabilities.challenges
        else cast(Awaitable[port.SubmitResult], bench.provider.list_credentials(wrong))
    )
    assert isinstance(refused, port.LoginRefused)
    assert bench.consents() == before


@only(lambda one: bool(one.out_of_turns))
async def test_turns_that_are_used_up_are_the_accounts_matter(bench: Bench) -> None:
    batch = batch_of(1)
    bench.service.fault("out_of_turns", path=bench.subject.out_of_turns)
    assert isinstance(await outcome(bench.sign(batch)), port.AccountProblem)


@only(lambda one: not one.make().capabilities.webhook)
async def test_who_sends_no_notices_is_not_listened_to(bench: Bench) -> None:
    assert bench.provider.read_webhook({}, b"{}") is None


@only(lambda one: one.make().capabilities.webhook)
async def test_a_notice_is_a_hint_and_nothing_more(bench: Bench) -> None:
    batch = batch_of(2)
    result = await bench.submit(batch)
    assert isinstance(result, port.Pending)
    signed = await bench.settle(batch, result)
    posted = msgspec.json.encode(
        bench.service.get(f"/sandbox/webhook/{bench.subject.webhook}/{result.provider_tx}")
    )
    for _ in range(2):
        assert bench.provider.read_webhook({}, posted) == port.WebhookHint(provider_tx=result.provider_tx)
    for forged in (b"", b"[]", b"{}", b'{"transaction_id": 7}', b"\xff", posted[:-4]):
        assert bench.provider.read_webhook({}, forged) is None
    assert isinstance(signed, port.Signed)
    assert bench.made(batch) == [1, 1]


async def test_a_certificate_that_was_revoked_signs_nothing(service: SigningService, bench: Bench) -> None:
    user = f"revoked-{bench.subject}"
    bench.subject.enrol(service, user)
    account = bench.subject.account(service, user)
    [found] = await bench.provider.list_credentials(account)
    service.post(
        "/sandbox/revoke", {"credentialID": service.enrol(user, auth=bench.subject.auth).credential_id}
    )
    [after] = await bench.provider.list_credentials(account)
    assert (found.usable, after.usable) == (True, False)
    handle = port.CredentialHandle(credential_id=found.credential_id, certificate=found.certificate)
    theirs = Bench(bench.subject, service, bench.provider, account, handle)
    batch = batch_of(1)
    if bench.subject.on_the_telephone:
        assert isinstance(await outcome(theirs.sign(batch)), port.AccountProblem)
    assert theirs.made(batch) == [0]


async def test_nothing_secret_can_be_printed(bench: Bench) -> None:
    wrong = msgspec.structs.replace(
        bench.account, parameters=dict.fromkeys(bench.account.parameters, "rat-bi-mat")
    )
    refused = await outcome(cast(Awaitable[port.SubmitResult], bench.provider.list_credentials(wrong)))
    said = f"{wrong!r} {refused!r} {refused} {getattr(refused, 'detail', '')} {bench.provider!r}"
    assert "rat-bi-mat" not in said
