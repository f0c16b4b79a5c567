"""Each provider with what the suite must know of it: how its simulator is reached, how its person answers."""

import hashlib
import uuid
from collections.abc import Callable, Mapping

import msgspec

from backend.remote_signing.providers import (
    aws_kms,
    csc,
    misa,
    mysign,
    pkcs11,
    port,
    rssp,
    smartca,
    smartca_oauth,
    usb_token,
)
from backend.remote_signing.providers.csc import Authorization, CscProvider, CscSettings
from backend.remote_signing.providers.csc_spelling import V1, V2
from backend.remote_signing.providers.hsm_pool import Pool
from tests.fakes.letting_in import let_in
from tests.fakes.processes import PIN, SigningService
from tests.fakes.relying_party import relying_party
from tests.remote_signing.conformance.at_school import AtSchool, AtTheSite
from tests.remote_signing.conformance.places import AtService, InKms, InToken, Place

#: What may be wrong with an answer that carries many values.
LIES = ("garbage_signature", "foreign_signature", "half_batch", "wrong_order", "duplicate")


class Subject:
    """One provider, and where its keys are."""

    name: str
    capabilities: port.Capabilities
    #: parts of addresses at its place: where a transaction begins, where values come from
    begins: str
    answers: str
    #: how answers of its place can lie, and how they can be unreadable
    lies: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    #: whether anything of ours is secret there
    secret: bool = True
    #: with access tokens, which run out
    tokens: bool = False
    #: the name under which the simulator tells what it would post
    webhook: str = ""
    #: where it says that a service pack is used up
    out_of_turns: str = ""
    #: whether the person can refuse, or not answer, elsewhere than on our page
    on_the_telephone: bool = False
    #: the seconds to wait that a place names when it is asked too often; None where it names none
    retry_after: float | None = None
    #: Debian packages that its place needs
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def provider(self, place: Place) -> port.SignatureProvider:
        """The adapter, set to talk to the place."""
        raise NotImplementedError

    def wrong(
        self, place: Place, account: port.ProviderAccount
    ) -> tuple[port.SignatureProvider, port.ProviderAccount]:
        """The same with a secret of ours that is wrong."""
        raise NotImplementedError

    def user(self, purpose: str = "conformance") -> str:
        """An account that only this subject uses; its key is made once."""
        raise NotImplementedError

    def account(self, place: Place, user: str) -> port.ProviderAccount:
        """Of that user, at the place."""
        return port.ProviderAccount(base_url="", user_id=user, parameters={})

    def person(self, place: Place, challenge: port.Challenge) -> Mapping[str, str]:
        """What the person gives for a question."""
        raise NotImplementedError


class Remote(Subject):
    """A service that asks a person. `follows`: what comes after the simulator's own address."""

    lies = LIES
    unreadable = ("http500", "html_200")
    retry_after = 1.0

    def __init__(
        self,
        *,
        name: str,
        make: Callable[[], port.SignatureProvider],
        begins: str,
        answers: str,
        parameters: Callable[[str, str], Mapping[str, str]],
        auth: str = "app",
        base: str = "",
        tokens: bool = True,
        webhook: str = "",
        out_of_turns: str = "",
    ) -> None:
        """`parameters`: what the adapter's account fields hold, from the simulator's client id and secret."""
        self.name, self.begins, self.answers, self.tokens = name, begins, answers, tokens
        self.webhook, self.out_of_turns = webhook, out_of_turns
        self.capabilities, self.on_the_telephone = make().capabilities, auth == "app"
        self.auth = auth
        self._make, self._parameters, self._base = make, parameters, base

    def provider(self, place: Place) -> port.SignatureProvider:
        return self._make()

    def wrong(
        self, place: Place, account: port.ProviderAccount
    ) -> tuple[port.SignatureProvider, port.ProviderAccount]:
        secret = next(name for name in account.parameters if "secret" in name or "password" in name)
        parameters = {**account.parameters, secret: "sai"}
        return self._make(), msgspec.structs.replace(account, parameters=parameters)

    def user(self, purpose: str = "conformance") -> str:
        return f"{purpose}-{self.auth}"

    def account(self, place: Place, user: str) -> port.ProviderAccount:
        service = _service(place)
        ours = service.account("").parameters
        return port.ProviderAccount(
            base_url=service.url + self._base,
            user_id=user,
            parameters=self._parameters(ours["client_id"], ours["client_secret"]),
        )

    def person(self, place: Place, challenge: port.Challenge) -> Mapping[str, str]:
        service, given = _service(place), {"pin": PIN}
        if port.Ask.OTP in challenge.asks:
            given["otp"] = service.otp(service.enrol(self.user(), auth=self.auth).credential_id)["code"]
        return {name: given[name] for name in challenge.asks}


class LetIn(Remote):
    """SmartCA's OAuth interface: its user lets us in once, on a page of the service, which leaves us a refresh token."""

    def __init__(self) -> None:
        super().__init__(
            name="smartca_oauth",
            make=smartca_oauth.SmartCaOauthProvider,
            begins="/smartca/csc/signature/signhash",
            answers="/gettraninfo",
            parameters=_client,
            base="/smartca",
            webhook="smartca_oauth",
            out_of_turns="/signature/signhash",
        )
        self._left: dict[str, str] = {}

    def account(self, place: Place, user: str) -> port.ProviderAccount:
        account = super().account(place, user)
        if user not in self._left:
            self._left[user] = let_in(account)
        parameters = {**account.parameters, "refresh_token": self._left[user]}
        return msgspec.structs.replace(account, parameters=parameters)


class Kms(Subject):
    """AWS KMS: one request for each hash."""

    begins = answers = "Sign"
    lies = ("garbage_signature", "foreign_signature")
    unreadable = ("http500",)
    capabilities = aws_kms.CAPABILITIES

    def __init__(self, kind: str) -> None:
        self.name, self.kind = f"aws_kms-{kind}", kind

    def provider(self, place: Place) -> port.SignatureProvider:
        assert isinstance(place, InKms)
        return place.provider

    def wrong(
        self, place: Place, account: port.ProviderAccount
    ) -> tuple[port.SignatureProvider, port.ProviderAccount]:
        assert isinstance(place, InKms)
        wrong = place.world.folder / "wrong"
        wrong.write_text("sai")
        return place.world.provider(secret_file=str(wrong)), account

    def user(self, purpose: str = "conformance") -> str:
        return f"{purpose}/{self.kind}"


class Token(Subject):
    """An HSM through PKCS#11, in processes of the product's own."""

    begins = answers = ""
    capabilities = pkcs11.CAPABILITIES
    packages = ("softhsm2", "opensc-pkcs11")

    def __init__(self, kind: str) -> None:
        self.name, self.kind = f"pkcs11-{kind}", kind

    def provider(self, place: Place) -> port.SignatureProvider:
        assert isinstance(place, InToken)
        return pkcs11.Pkcs11Provider(pkcs11.CAPABILITIES, place.pool)

    def wrong(
        self, place: Place, account: port.ProviderAccount
    ) -> tuple[port.SignatureProvider, port.ProviderAccount]:
        assert isinstance(place, InToken)
        pool = Pool(place.hsm.opening(pin="000000"), size=1, timeout=20)
        return pkcs11.Pkcs11Provider(pkcs11.CAPABILITIES, pool), account

    def user(self, purpose: str = "conformance") -> str:
        return f"{purpose}-{self.kind}/con-dau"


class UsbToken(Subject):
    """A seal's token at the school, in the hands of a computer that fetches its work. Its PIN is no secret of ours."""

    name = "usb_token"
    begins = answers = ""
    lies = LIES
    secret = False
    capabilities = usb_token.CAPABILITIES
    on_the_telephone = True
    packages = ("softhsm2", "opensc-pkcs11")

    def provider(self, place: Place) -> port.SignatureProvider:
        assert isinstance(place, AtSchool)
        return AtTheSite(place)

    def user(self, purpose: str = "conformance") -> str:
        return f"{purpose}-token"


def _service(place: Place) -> SigningService:
    assert isinstance(place, AtService)
    return place.service


def _client(client_id: str, secret: str) -> Mapping[str, str]:
    return {"client_id": client_id, "client_secret": secret}


def _csc(
    spelling: type[V1] | type[V2],
    authorization: Authorization,
    repeat: port.Repeat,
    *,
    pushed: bool = False,
    per_call: int = 0,
) -> port.SignatureProvider:
    adapter = csc.V1_ADAPTER if spelling is V1 else csc.V2_ADAPTER
    capabilities = msgspec.structs.replace(adapter.capabilities, repeat=repeat, poll_interval=0.05)
    settings = CscSettings(authorization=authorization, pushed=pushed, per_call=per_call)
    return CscProvider(capabilities, settings, spelling())


SUBJECTS: tuple[Subject, ...] = (
    Remote(
        name="csc_v2-app",
        make=lambda: _csc(V2, Authorization.APP, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
    ),
    Remote(
        name="csc_v2-parts",
        make=lambda: _csc(V2, Authorization.APP, port.Repeat.IDEMPOTENT, per_call=20),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
    ),
    Remote(
        name="csc_v2-pin",
        make=lambda: _csc(V2, Authorization.EXPLICIT, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="pin",
    ),
    Remote(
        name="csc_v2-pin-otp",
        make=lambda: _csc(V2, Authorization.EXPLICIT, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="pin+otp",
    ),
    Remote(
        name="csc_v2-oauth",
        make=lambda: _csc(V2, Authorization.OAUTH2CODE, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/oauth2/token",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="oauth2code",
    ),
    Remote(
        name="csc_v2-oauth-pushed",
        make=lambda: _csc(V2, Authorization.OAUTH2CODE, port.Repeat.IDEMPOTENT, pushed=True),
        begins="/csc/v2/oauth2/token",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="oauth2code",
    ),
    Remote(
        name="csc_v1-app",
        make=lambda: _csc(V1, Authorization.APP, port.Repeat.BLIND),
        begins="/csc/v1/credentials/authorize",
        answers="/csc/v1/signatures/signHash",
        parameters=_client,
    ),
    Remote(
        name="csc_v1-otp",
        make=lambda: _csc(V1, Authorization.EXPLICIT, port.Repeat.BLIND),
        begins="/csc/v1/credentials/authorize",
        answers="/csc/v1/signatures/signHash",
        parameters=_client,
        auth="otp",
    ),
    Remote(
        name="csc_v1-oauth",
        make=lambda: _csc(V1, Authorization.OAUTH2CODE, port.Repeat.BLIND),
        begins="/csc/v1/oauth2/token",
        answers="/csc/v1/signatures/signHash",
        parameters=_client,
        auth="oauth2code",
    ),
    Remote(
        name="smartca",
        make=smartca.SmartCaProvider,
        begins="/sca/sp769/v1/signatures/sign",
        answers="/status",
        parameters=lambda client_id, secret: {"sp_id": client_id, "sp_password": secret},
        tokens=False,
        webhook="sp769",
        out_of_turns="/signatures/sign",
    ),
    LetIn(),
    Remote(
        name="mysign",
        make=mysign.MySignProvider,
        begins="/vtss/service/signHash",
        answers="/requests/status",
        parameters=_client,
        webhook="mysign",
        out_of_turns="/requests/status",
    ),
    Remote(
        name="rssp-app",
        make=lambda: rssp.RsspProvider(settings=rssp.RsspSettings(explicit=False)),
        begins="/rssp/v2/credentials/authorize",
        answers="/rssp/v2/signatures/signHash",
        parameters=relying_party,
        base="/rssp/v2",
    ),
    Remote(
        name="rssp-pin",
        make=rssp.RsspProvider,
        begins="/rssp/v2/credentials/authorize",
        answers="/rssp/v2/signatures/signHash",
        parameters=relying_party,
        auth="pin",
        base="/rssp/v2/",
    ),
    Remote(
        name="rssp-otp",
        make=rssp.RsspProvider,
        begins="/rssp/v2/credentials/authorize",
        answers="/rssp/v2/signatures/signHash",
        parameters=relying_party,
        auth="otp",
        base="/rssp/v2",
    ),
    Remote(
        name="misa",
        make=misa.MisaProvider,
        begins="/signing/api/v1/Signing/hash",
        answers="/Signing/status",
        parameters=lambda client_id, secret: {
            "client_id": client_id,
            "client_key": secret,
            "password": secret,
        },
        base="/misa",
    ),
    Kms("rsa"),
    Kms("ec"),
    Token("rsa"),
    Token("ec"),
    UsbToken(),
)


def batch_of(count: int) -> port.HashBatch:
    """So many hashes that nobody has signed before, under a transaction id of ours."""
    name = uuid.uuid4().hex
    digests = tuple(hashlib.sha256(f"{name}/{number}".encode()).digest() for number in range(count))
    description = f"Giáo viên chủ nhiệm: ký {count} học bạ, lô 0A1B2C3D-1"
    return port.HashBatch(transaction_id=name, hashes=digests, description=description)
