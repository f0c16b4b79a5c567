"""The port of every signing service: hashes go out, raw signature values come back.

An answer about the transaction is a result; a call that led to no answer is an exception whose class says
what to do next. Adapters know neither document formats nor tables.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from backend.core.errors import AppError

#: The provider that stands in for all others outside production.
SANDBOX = "sandbox"
#: SHA-256, the only digest that goes out (TT 15/2025/TT-BKHCN).
DIGEST_BYTES = 32


class Repeat(enum.StrEnum):
    """What a service does with a transaction id that it has seen before (infra/decisions/0003)."""

    IDEMPOTENT = "idempotent"  # same id, same transaction, same values: repeat freely
    QUERYABLE = "queryable"  # ask about the id first; repeat only if it does not exist
    BLIND = "blind"  # neither: a person decides


class ResultKey(enum.StrEnum):
    """How a returned value is matched to its hash."""

    POSITION = "position"
    DOC_ID = "doc_id"


class Ask(enum.StrEnum):
    """What a person gives for a `Challenge`: something typed, consent on the service's own page, or a token at hand."""

    PIN = "pin"
    OTP = "otp"
    OAUTH = "oauth"
    LOCAL_AGENT = "local_agent"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service can do. `max_hashes` per transaction; times in seconds.

    `challenges`: `sign_hashes` only says what the person must give. Nobody is asked, and nothing begins at the service,
    before `answer`, so `repeat` is about that one.
    """

    max_hashes: int
    interactive: bool
    async_result: bool
    webhook: bool
    repeat: Repeat
    result_key: ResultKey
    authorization_ttl: float
    settle: float
    poll_interval: float = 2.0
    challenges: bool = False


class AccountField(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an adapter must be told to use somebody's account: `label` is Vietnamese, for a form.

    `personal`: nobody fills it in; the account's user leaves it when letting us in (`LettingInProvider`).
    """

    name: str
    label: str
    secret: bool = False
    personal: bool = False


class ProviderAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Whose keys at which service.

    `user_id` is the person's or the seal's account there; `parameters` holds a value for each `AccountField` of the
    adapter, secrets among them.
    """

    base_url: str
    user_id: str
    parameters: Mapping[str, str]

    def __repr__(self) -> str:
        return f"ProviderAccount(base_url={self.base_url!r})"


class CredentialHandle(msgspec.Struct, frozen=True, kw_only=True):
    """Which key signs, and the certificate (DER) pinned at prepare; values are verified against it."""

    credential_id: str
    certificate: bytes


class RemoteCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A key and certificate as the service lists it.

    `certificate` and `chain` are DER, the chain without it, issuer first.
    """

    credential_id: str
    certificate: bytes
    chain: tuple[bytes, ...]
    key_algorithms: tuple[str, ...]
    key_bits: int
    usable: bool
    status: str
    max_hashes: int


class HashBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes (32 bytes each, in order) for one consent. `transaction_id` is ours, unique, committed before
    the call.

    `description` is shown to the person who confirms: count, class, short code, as on our own screen.
    """

    transaction_id: str
    hashes: tuple[bytes, ...]
    description: str


class Signed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Raw values in the order of the hashes; each verified against the pinned certificate."""

    provider_tx: str
    values: tuple[bytes, ...]


class Pending(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Accepted; a person has yet to confirm.

    Ask again after `poll_after` seconds, at the latest until `expires_at`.
    """

    provider_tx: str
    poll_after: float
    expires_at: datetime | None = None


class Challenge(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The person must give us something first, all of `asks` at once. See `answer`.

    `prompt` is a Vietnamese sentence; `sends`: the service sends the person a code when `answer` is given nothing.
    """

    provider_tx: str
    asks: tuple[Ask, ...]
    prompt: str
    sends: bool = False
    expires_at: datetime | None = None


class Declined(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The person said no. `reason` is a Vietnamese sentence."""

    provider_tx: str
    reason: str


class Expired(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nobody confirmed in time, or the authorization ended unused: the same items need a new transaction."""

    provider_tx: str
    reason: str


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The service gave this transaction up.

    `reason` is Vietnamese; `code` is the service's own word, for the record.
    """

    provider_tx: str
    reason: str
    code: str


SubmitResult = Signed | Pending | Challenge | Declined | Expired | Failed
PollResult = Signed | Pending | Declined | Expired | Failed


class WebhookHint(msgspec.Struct, frozen=True, kw_only=True):
    """Something may have happened: poll now. Never a result, since anybody can send it."""

    provider_tx: str


class ProviderError(AppError):
    """A call that led to no answer.

    `message` is Vietnamese, for people; `detail` is for the log, without secrets. A page that shows it is no fault of
    ours: the service elsewhere does not do it.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class NotReached(ProviderError):
    """Class *retry*: the service certainly did nothing (no connection, 429).

    The same call may be made again.
    """

    def __init__(self, message: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, detail)
        self.retry_after = retry_after


class OutcomeUnknown(ProviderError):
    """Class *retry* for poll and list; after `sign_hashes` it is *unknown*: act by `Capabilities.repeat`."""


class LoginRefused(ProviderError):
    """Class *retry after login*: a fresh token was refused too; client id or secret are wrong."""


class AccessEnded(LoginRefused):
    """Class *new access*: the account's user has not let us in, or no longer does; what they do about it is theirs alone.

    What the service was asked before stays with it, and can be asked about once they have let us in anew.
    """


class NewAuthorizationNeeded(ProviderError):
    """Class *new authorization*: the same items, a new batch, a new consent of the person."""


class UserActionNeeded(ProviderError):
    """Class *user action*: a wrong PIN or OTP. Stop and tell the person; never loop."""


class Locked(UserActionNeeded):
    """Too many wrong ones: only the provider can help the person now."""


class AccountProblem(ProviderError):
    """Class *account*: certificate expired or revoked, out of turns.

    Suspend the credential, tell the school.
    """


class NotInstalled(ProviderError):
    """This installation has no such provider, or the account there is not described completely."""


class RequestRefused(ProviderError):
    """The service calls the request itself wrong: a fault of ours or of the configuration.

    Never repeat it as it is.
    """


class UntrustedAnswer(ProviderError):
    """Class *alarm*: a value that does not verify, a wrong count.

    Quarantine the batch; nothing is embedded.
    """


class SignatureProvider(Protocol):
    """One signing service. Every method may raise `ProviderError`."""

    @property
    def capabilities(self) -> Capabilities:
        """Limits and habits of the service."""
        ...

    async def list_credentials(self, account: ProviderAccount) -> list[RemoteCredential]:
        """Keys of the account, with certificates and state."""
        ...

    async def sign_hashes(
        self, account: ProviderAccount, credential: CredentialHandle, batch: HashBatch
    ) -> SubmitResult:
        """Ask for signatures over the batch, at most `capabilities.max_hashes`.

        Commit the transaction id before.
        """
        ...

    async def poll(
        self, account: ProviderAccount, credential: CredentialHandle, batch: HashBatch, provider_tx: str
    ) -> PollResult:
        """How far the transaction is; fetches the values once the person has confirmed.

        Safe to repeat for ever.
        """
        ...

    async def answer(
        self,
        account: ProviderAccount,
        credential: CredentialHandle,
        batch: HashBatch,
        challenge: Challenge,
        values: Mapping[str, str],
    ) -> SubmitResult:
        """Hand on what the person gave for a `Challenge`, by the names of `Ask`; without values, have a code sent.

        For OAUTH the values are `code`, `verifier` and `redirect_uri` instead (RFC 6749 4.1.3, RFC 7636 4.5).
        """
        ...

    async def cancel(self, account: ProviderAccount, provider_tx: str) -> None:
        """Best effort: most services have no such call."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookHint | None:
        """Which transaction a notice speaks of, or None."""
        ...


class QueryableProvider(SignatureProvider, Protocol):
    """One of `Repeat.QUERYABLE`: it can be asked about our transaction id."""

    async def find(
        self, account: ProviderAccount, credential: CredentialHandle, batch: HashBatch
    ) -> SubmitResult | None:
        """How far the transaction of `batch.transaction_id` is; None when the service has none of that name."""
        ...


class AuthorizingProvider(SignatureProvider, Protocol):
    """One that asks `Ask.OAUTH`: the person agrees on a page of its own."""

    async def authorization_url(
        self,
        account: ProviderAccount,
        credential: CredentialHandle,
        batch: HashBatch,
        *,
        redirect_uri: str,
        state: str,
        code_challenge: str,
    ) -> str:
        """Where the person's browser goes; it comes back to `redirect_uri` with `state` and a code."""
        ...


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What is left when an account's user has let us in: values of the personal fields, good for `lasts`."""

    values: Mapping[str, str]
    lasts: timedelta

    def __repr__(self) -> str:
        return f"Access(lasts={self.lasts!r})"


class LettingInProvider(SignatureProvider, Protocol):
    """One whose users let us in on a page of its own before anything is asked there (RFC 6749 4.1).

    Both take the account without its personal values.
    """

    def access_url(self, account: ProviderAccount, *, redirect_uri: str, state: str) -> str:
        """Where the user's browser goes; it comes back to `redirect_uri` with `state` and a code."""
        ...

    async def access_for(self, account: ProviderAccount, code: str, redirect_uri: str) -> Access:
        """What the code is good for, once and within seconds. Raises AccessEnded for one that is good no more."""
        ...


class BareKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is held for us, whether it has a certificate or not. `public_key` is SubjectPublicKeyInfo (DER)."""

    credential_id: str
    public_key: bytes


class CertifiableProvider(SignatureProvider, Protocol):
    """One whose keys we had made there: certificates come from an authority to us (`Adapter.takes_certificates`)."""

    async def bare_keys(self, account: ProviderAccount) -> list[BareKey]:
        """Keys of the account."""
        ...

    async def put_certificates(
        self, account: ProviderAccount, credential_id: str, chain: Sequence[bytes]
    ) -> None:
        """Keep a key's certificate and its issuers' (DER, the own one first): `list_credentials` has them then."""
        ...


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of an adapter that has none."""


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """How a kind of service is spoken to: what it can do unless a declaration says otherwise, what an account there
    consists of, and how its provider is built out of capabilities and `settings`."""

    capabilities: Capabilities
    fields: tuple[AccountField, ...]
    build: Callable[[Capabilities, Any], SignatureProvider]
    settings: type[msgspec.Struct] = NoSettings
    takes_certificates: bool = False
