"""One suite for every provider: what the port promises, against the simulator of each, counted in its own records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest
import pytest_asyncio
from cryptography import x509
from litestar import Litestar

from backend.core import http_client
from backend.remote_signing.providers import port
from backend.remote_signing.providers.values import require_genuine
from backend.remote_signing.token_helpers import api as helper_api
from infra.simulators.signing_service.authority import Authority
from tests.fakes import relying_party
from tests.fakes.consent_page import decide, s256
from tests.fakes.kms_keys import KmsWorld, kms_world
from tests.fakes.processes import SigningService, start_signing_service
from tests.fakes.softhsm import SoftHsm, watched_token_in
from tests.remote_signing.conformance.at_school import AtSchool
from tests.remote_signing.conformance.places import AtService, InKms, InToken, Place
from tests.remote_signing.conformance.subjects import (
    SUBJECTS,
    Kms,
    Remote,
    Subject,
    Token,
    UsbToken,
    batch_of,
)

#: What the person's refusal, and nobody's answer, may come back as.
DECLINED = (port.Declined,)
EXPIRED = (port.Expired, port.Failed, port.NewAuthorizationNeeded)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningService]:
    with start_signing_service(tmp_path_factory.mktemp("conformance"), auto_confirm=0.05) as running:
        relying_party.register(running)
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KmsWorld]:
    with kms_world(tmp_path_factory.mktemp("kms")) as world:
        yield world


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    with watched_token_in(tmp_path_factory.mktemp("hsm")) as token:
        yield token


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(site: Litestar) -> AsyncIterator[dict[str, Place]]:
    """By subject, each made when its first test comes."""
    made: dict[str, Place] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(helper_api, "LOOK", 0.05)
        patch.setattr(helper_api, "MOST_WAIT", 1.0)
        yield made
    for place in made.values():
        if isinstance(place, InToken):
            place.pool.close()
        elif isinstance(place, AtSchool):
            await place.close()


def _place_of(subject: Subject, request: pytest.FixtureRequest) -> Place:
    match subject:
        case Remote():
            return AtService(request.getfixturevalue("service"), subject.auth)
        case Kms():
            kms, authority = (request.getfixturevalue(name) for name in ("kms", "authority"))
            return InKms.of(kms, authority, subject.kind)
        case Token():
            hsm, authority = (request.getfixturevalue(name) for name in ("hsm", "authority"))
            return InToken.of(hsm, authority, subject.kind)
        case UsbToken():
            names = ("site", "service", "hsm")
            site, service, hsm = (request.getfixturevalue(name) for name in names)
            return AtSchool(site, service, hsm, request.getfixturevalue("tmp_path_factory").mktemp("school"))
    raise AssertionError(subject)


@pytest_asyncio.fixture(scope="module", autouse=True, loop_scope="session")
async def closed_connections() -> AsyncIterator[None]:
    yield
    await http_client.aclose()


@dataclass
class Bench:
    """A provider with an account that has one key, and the place that has recorded what it did."""

    subject: Subject
    place: Place
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
                given = dict(self.subject.person(self.place, result))
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
        """How often each hash was signed, by the place's records."""
        signed = self.place.signed()
        return [signed[digest.hex()] for digest in batch.hashes]

    def consents(self) -> int:
        """How often a person was, or would be, asked."""
        return self.place.consents()

    @property
    def questions(self) -> int:
        """How often a person is asked for one transaction."""
        return 1 if self.capabilities.interactive else 0

    @property
    def service(self) -> SigningService:
        """The simulator, of a subject whose keys are there."""
        assert isinstance(self.place, AtService)
        return self.place.service


def marked(subject: Subject, *others: str) -> Any:
    """A case of a test; where its place cannot be, the case is skipped by name."""
    marks = [pytest.mark.needs(*subject.packages)] if subject.packages else []
    return pytest.param(subject, *others, marks=marks, id="-".join((subject.name, *others)))


@pytest_asyncio.fixture(params=[marked(one) for one in SUBJECTS], loop_scope="session")
async def bench(request: pytest.FixtureRequest, places: dict[str, Place]) -> Bench:
    subject: Subject = request.param
    place = places.get(subject.name) or places.setdefault(subject.name, _place_of(subject, request))
    place.clear_faults()
    return await on_bench(subject, place, subject.user())


async def on_bench(subject: Subject, place: Place, user: str) -> Bench:
    """The provider with a user's key."""
    await place.enrol(user)
    provider, account = subject.provider(place), subject.account(place, user)
    [found] = await provider.list_credentials(account)
    handle = port.CredentialHandle(credential_id=found.credential_id, certificate=found.certificate)
    return Bench(subject, place, provider, account, handle)


def only(fits: Callable[[Subject], bool]) -> pytest.MarkDecorator:
    """A test of the providers of which something can be said at all."""
    cases = [marked(one) for one in SUBJECTS if fits(one)]
    return pytest.mark.parametrize("bench", cases, indirect=True)


def of_each(name: str, several: Callable[[Subject], Sequence[str]]) -> pytest.MarkDecorator:
    """A test of each provider with each of several things."""
    cases = [marked(one, other) for one in SUBJECTS for other in several(one)]
    return pytest.mark.parametrize(("bench", name), cases, indirect=["bench"])


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
    stranger = bench.subject.account(bench.place, "nobody")
    assert await bench.provider.list_credentials(stranger) == []


@pytest.mark.parametrize("count", [1, 7, 50])
async def test_so_many_hashes_under_one_confirmation(bench: Bench, count: int) -> None:
    batch, before = batch_of(count), bench.consents()
    result = await bench.sign(batch)
    assert isinstance(result, port.Signed)
    require_genuine(bench.credential.certificate, batch.hashes, result.values)
    assert bench.made(batch) == [1] * count
    assert bench.consents() - before == bench.questions


async def test_what_is_too_much_or_no_digest_never_leaves(bench: Bench) -> None:
    before = bench.consents()
    with pytest.raises(ValueError, match="a batch holds"):
        await bench.submit(batch_of(bench.capabilities.max_hashes + 1))
    with pytest.raises(ValueError, match="a batch holds"):
        await bench.submit(batch_of(0))
    with pytest.raises(ValueError, match="SHA-256"):
        await bench.submit(msgspec.structs.replace(batch_of(1), hashes=(b"short",)))
    assert bench.consents() == before


@of_each("lie", lambda one: one.lies)
async def test_an_answer_that_lies_raises_the_alarm(bench: Bench, lie: str) -> None:
    batch = batch_of(3)
    bench.place.fault(lie, path=bench.subject.answers)
    assert isinstance(await outcome(bench.sign(batch)), port.UntrustedAnswer)
    assert bench.made(batch) == [1, 1, 1]


@only(lambda one: one.capabilities.interactive)
async def test_values_are_matched_as_the_service_names_them(bench: Bench) -> None:
    """Named by document they may come in any order; named by position a swapped order is another content."""
    batch = batch_of(3)
    if bench.capabilities.result_key is port.ResultKey.POSITION:
        bench.place.fault("wrong_order", path=bench.subject.answers)
        assert isinstance(await outcome(bench.sign(batch)), port.UntrustedAnswer)
    else:
        bench.place.fault("shuffled", path=bench.subject.answers)
        result = await bench.sign(batch)
        assert isinstance(result, port.Signed)
        require_genuine(bench.credential.certificate, batch.hashes, result.values)


@on_the_telephone
async def test_the_person_says_no(bench: Bench) -> None:
    """A PIN that is not given: tests/remote_signing/requests/test_challenges.py."""
    batch = batch_of(2)
    bench.place.fault("reject", path=bench.subject.begins)
    assert isinstance(await outcome(bench.sign(batch)), DECLINED)
    assert bench.made(batch) == [0, 0]


@on_the_telephone
async def test_nobody_answers(bench: Bench) -> None:
    batch = batch_of(2)
    bench.place.fault("expire", path=bench.subject.begins)
    assert isinstance(await outcome(bench.sign(batch)), EXPIRED)
    assert bench.made(batch) == [0, 0]


@only(lambda one: bool(one.unreadable))
async def test_too_many_requests_certainly_did_nothing(bench: Bench) -> None:
    batch, before = batch_of(2), bench.consents()
    bench.place.fault("rate_limit", path=bench.subject.begins)
    refused = await outcome(bench.submit(batch))
    assert isinstance(refused, port.NotReached)
    assert refused.retry_after == bench.subject.retry_after
    assert (bench.consents(), bench.made(batch)) == (before, [0, 0])
    bench.place.clear_faults()
    assert isinstance(await bench.sign(batch), port.Signed)


@of_each("fault", lambda one: one.unreadable)
async def test_of_what_cannot_be_read_nothing_is_known(bench: Bench, fault: str) -> None:
    batch = batch_of(2)
    bench.place.fault(fault, path=bench.subject.begins)
    assert isinstance(await outcome(bench.submit(batch)), port.OutcomeUnknown)


@only(lambda one: bool(one.unreadable))
async def test_an_answer_that_is_cut_off_is_handled_as_the_service_allows(bench: Bench) -> None:
    """Cut after acceptance: asked again only where that is the same transaction; found where it can be asked for."""
    batch, before = batch_of(3), bench.consents()
    bench.place.fault("cut_after_accept", path=bench.subject.begins)
    assert isinstance(await outcome(bench.submit(batch)), port.OutcomeUnknown)
    assert bench.consents() - before == bench.questions
    bench.place.clear_faults()
    match bench.capabilities.repeat:
        case port.Repeat.IDEMPOTENT:
            assert isinstance(await bench.sign(batch), port.Signed)
            # Where nobody is asked and nothing is charged, the same hash may be signed again.
            assert bench.made(batch) == [1, 1, 1] or not bench.capabilities.interactive
        case port.Repeat.QUERYABLE:
            provider = cast(port.QueryableProvider, bench.provider)
            found = await provider.find(bench.account, bench.credential, batch)
            assert found is not None
            assert isinstance(await bench.settle(batch, found), port.Signed)
            assert bench.made(batch) == [1, 1, 1]
            assert await provider.find(bench.account, bench.credential, batch_of(1)) is None
        case port.Repeat.BLIND:
            assert bench.made(batch) == [0, 0, 0]
    assert bench.consents() - before == bench.questions


async def test_what_a_service_declares_of_repeated_calls_is_true(bench: Bench) -> None:
    """Idempotent: the same transaction, or where nobody is asked another value for the same hash at most. Queryable:
    refused. Blind: a second one, which is why we never do it."""
    batch, before = batch_of(2), bench.consents()
    first = await bench.sign(batch)
    again = await outcome(bench.sign(batch))
    asked = bench.consents() - before
    match bench.capabilities.repeat:
        case port.Repeat.IDEMPOTENT if bench.capabilities.interactive:
            assert (again, asked, bench.made(batch)) == (first, 1, [1, 1])
        case port.Repeat.IDEMPOTENT:
            assert isinstance(again, port.Signed)
            assert (asked, bench.made(batch)) == (0, [2, 2])
        case port.Repeat.QUERYABLE:
            assert isinstance(again, port.RequestRefused)
            assert (asked, bench.made(batch)) == (1, [1, 1])
        case port.Repeat.BLIND:
            assert (asked, bench.made(batch)) == (2, [2, 2])


@only(lambda one: one.on_the_telephone and one.capabilities.async_result)
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


@only(lambda one: one.secret)
async def test_a_wrong_secret_of_ours_is_named(bench: Bench) -> None:
    provider, account = bench.subject.wrong(bench.place, bench.account)
    batch, before = batch_of(1), bench.consents()
    refused = await outcome(
        provider.sign_hashes(account, bench.credential, batch)
        if not bench.capabilities.challenges
        else cast(Awaitable[port.SubmitResult], provider.list_credentials(account))
    )
    assert isinstance(refused, port.LoginRefused)
    assert (bench.consents(), bench.made(batch)) == (before, [0])


@only(lambda one: bool(one.out_of_turns))
async def test_turns_that_are_used_up_are_the_accounts_matter(bench: Bench) -> None:
    batch = batch_of(1)
    bench.place.fault("out_of_turns", path=bench.subject.out_of_turns)
    assert isinstance(await outcome(bench.sign(batch)), port.AccountProblem)


@only(lambda one: not one.capabilities.webhook)
async def test_who_sends_no_notices_is_not_listened_to(bench: Bench) -> None:
    assert bench.provider.read_webhook({}, b"{}") is None


@only(lambda one: one.capabilities.webhook)
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


async def test_a_key_that_was_withdrawn_signs_nothing(bench: Bench) -> None:
    """Its certificate is revoked, or the key itself is disabled or gone."""
    user = bench.subject.user(f"withdrawn-{bench.subject}")
    theirs = await on_bench(bench.subject, bench.place, user)
    await bench.place.withdraw(user)
    [after] = await theirs.provider.list_credentials(theirs.account)
    assert not after.usable
    batch = batch_of(1)
    if bench.subject.on_the_telephone or not bench.capabilities.interactive:
        assert isinstance(await outcome(theirs.sign(batch)), port.AccountProblem)
    assert theirs.made(batch) == [0]


@only(lambda one: one.on_the_telephone and one.capabilities.async_result)
async def test_a_certificate_revoked_while_the_person_is_asked_signs_nothing(bench: Bench) -> None:
    user = bench.subject.user(f"between-{bench.subject}")
    theirs, batch = await on_bench(bench.subject, bench.place, user), batch_of(2)
    asked = await theirs.submit(batch)
    assert isinstance(asked, port.Pending)
    await bench.place.withdraw(user)
    ended = await outcome(theirs.settle(batch, asked))
    assert isinstance(ended, port.AccountProblem)
    assert theirs.made(batch) == [0, 0]


async def test_nothing_secret_can_be_printed(bench: Bench) -> None:
    wrong = msgspec.structs.replace(
        bench.account, parameters=dict.fromkeys(bench.account.parameters, "rat-bi-mat")
    )
    refused = await outcome(cast(Awaitable[port.SubmitResult], bench.provider.list_credentials(wrong)))
    said = f"{wrong!r} {refused!r} {refused} {getattr(refused, 'detail', '')} {bench.provider!r}"
    assert "rat-bi-mat" not in said
