"""Each provider with what the suite must know of it: how its simulator is reached, how its person answers."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from backend.remote_signing.providers import csc, misa, mysign, port, rssp, smartca
from backend.remote_signing.providers.csc import Authorization, CscProvider, CscSettings
from backend.remote_signing.providers.csc_spelling import V1, V2
from tests.fakes.processes import PIN, SigningService
from tests.fakes.relying_party import relying_party


@dataclass(frozen=True)
class Subject:
    """One provider. Paths are parts of addresses at its simulator: where a transaction begins, where values come from."""

    name: str
    make: Callable[[], port.SignatureProvider]
    begins: str
    answers: str
    #: what the adapter's account fields hold, from the simulator's client id and secret
    parameters: Callable[[str, str], Mapping[str, str]]
    auth: str = "app"
    #: what follows the simulator's own address
    base: str = ""
    #: with access tokens, which run out
    tokens: bool = True
    #: the name under which the simulator tells what it would post
    webhook: str = ""
    #: where it says that a service pack is used up, and where that a certificate was revoked since
    out_of_turns: str = ""

    def __str__(self) -> str:
        return self.name

    def user(self) -> str:
        """An account that only this subject uses; its key is made once."""
        return f"conformance-{self.auth}"

    def account(self, service: SigningService, user: str | None = None) -> port.ProviderAccount:
        """Of that user, at the simulator."""
        ours = service.account("").parameters
        return port.ProviderAccount(
            base_url=service.url + self.base,
            user_id=user or self.user(),
            parameters=self.parameters(ours["client_id"], ours["client_secret"]),
        )

    def enrol(self, service: SigningService, user: str | None = None) -> None:
        """Give the user a key there."""
        service.enrol(user or self.user(), auth=self.auth)

    @property
    def on_the_telephone(self) -> bool:
        """Whether the person can refuse, or not answer, at the service itself."""
        return self.auth == "app"

    def person(self, service: SigningService, challenge: port.Challenge) -> Mapping[str, str]:
        """What the person gives for a question."""
        given = {"pin": PIN}
        if port.Ask.OTP in challenge.asks:
            given["otp"] = service.otp(service.enrol(self.user(), auth=self.auth).credential_id)["code"]
        return {name: given[name] for name in challenge.asks}


def _client(client_id: str, secret: str) -> Mapping[str, str]:
    return {"client_id": client_id, "client_secret": secret}


def _csc(
    spelling: type[V1] | type[V2], authorization: Authorization, repeat: port.Repeat
) -> port.SignatureProvider:
    adapter = csc.V1_ADAPTER if spelling is V1 else csc.V2_ADAPTER
    capabilities = msgspec.structs.replace(adapter.capabilities, repeat=repeat, poll_interval=0.05)
    return CscProvider(capabilities, CscSettings(authorization=authorization), spelling())


SUBJECTS = (
    Subject(
        name="csc_v2-app",
        make=lambda: _csc(V2, Authorization.APP, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
    ),
    Subject(
        name="csc_v2-pin",
        make=lambda: _csc(V2, Authorization.EXPLICIT, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="pin",
    ),
    Subject(
        name="csc_v2-pin-otp",
        make=lambda: _csc(V2, Authorization.EXPLICIT, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/credentials/authorize",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="pin+otp",
    ),
    Subject(
        name="csc_v2-oauth",
        make=lambda: _csc(V2, Authorization.OAUTH2CODE, port.Repeat.IDEMPOTENT),
        begins="/csc/v2/oauth2/token",
        answers="/csc/v2/signatures/signHash",
        parameters=_client,
        auth="oauth2code",
    ),
    Subject(
        name="csc_v1-app",
        make=lambda: _csc(V1, Authorization.APP, port.Repeat.BLIND),
        begins="/csc/v1/credentials/authorize",
        answers="/csc/v1/signatures/signHash",
        parameters=_client,
    ),
    Subject(
        name="csc_v1-otp",
        make=lambda: _csc(V1, Authorization.EXPLICIT, port.Repeat.BLIND),
        begins="/csc/v1/credentials/authorize",
        answers="/csc/v1/signatures/signHash",
        parameters=_client,
        auth="otp",
    ),
    Subject(
        name="csc_v1-oauth",
        make=lambda: _csc(V1, Authorization.OAUTH2CODE, port.Repeat.BLIND),
        begins="/csc/v1/oauth2/token",
        answers="/csc/v1/signatures/signHash",
        parameters=_client,
        auth="oauth2code",
    ),
    Subject(
        name="smartca",
        make=smartca.SmartCaProvider,
        begins="/sca/sp769/v1/signatures/sign",
        answers="/status",
        parameters=lambda client_id, secret: {"sp_id": client_id, "sp_password": secret},
        tokens=False,
        webhook="sp769",
        out_of_turns="/signatures/sign",
    ),
    Subject(
        name="mysign",
        make=mysign.MySignProvider,
        begins="/vtss/service/signHash",
        answers="/requests/status",
        parameters=_client,
        webhook="mysign",
        out_of_turns="/requests/status",
    ),
    Subject(
        name="rssp-app",
        make=lambda: rssp.RsspProvider(settings=rssp.RsspSettings(explicit=False)),
        begins="/rssp/v2/credentials/authorize",
        answers="/rssp/v2/signatures/signHash",
        parameters=relying_party,
        base="/rssp/v2",
    ),
    Subject(
        name="rssp-pin",
        make=rssp.RsspProvider,
        begins="/rssp/v2/credentials/authorize",
        answers="/rssp/v2/signatures/signHash",
        parameters=relying_party,
        auth="pin",
        base="/rssp/v2/",
    ),
    Subject(
        name="rssp-otp",
        make=rssp.RsspProvider,
        begins="/rssp/v2/credentials/authorize",
        answers="/rssp/v2/signatures/signHash",
        parameters=relying_party,
        auth="otp",
        base="/rssp/v2",
    ),
    Subject(
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
)


def batch_of(count: int) -> port.HashBatch:
    """So many hashes that nobody has signed before, under a transaction id of ours."""
    name = uuid.uuid4().hex
    digests = tuple(hashlib.sha256(f"{name}/{number}".encode()).digest() for number in range(count))
    description = f"Giáo viên chủ nhiệm: ký {count} học bạ, lô 0A1B2C3D-1"
    return port.HashBatch(transaction_id=name, hashes=digests, description=description)
