"""The words of factors: what a person can prove with that it is they."""

import hashlib
import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

PasskeyId = NewType("PasskeyId", uuid.UUID)

#: SHA-256 of the empty statement: the question is only who asks.
NOTHING = hashlib.sha256(b"").hexdigest()


class Factor(StrEnum):
    """What somebody has proved themselves with."""

    PASSWORD = "password"
    PASSKEY = "passkey"
    ONE_TIME_CODE = "one_time_code"
    RECOVERY_CODE = "recovery_code"
    ELSEWHERE = "elsewhere"


FACTOR_NAMES = {
    Factor.PASSWORD: "mật khẩu",
    Factor.PASSKEY: "khóa truy cập",
    Factor.ONE_TIME_CODE: "mã xác minh",
    Factor.RECOVERY_CODE: "mã khôi phục",
    Factor.ELSEWHERE: "tài khoản ở nơi khác",
}


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """One passkey of a person, under the name that they gave it. It may sign from `signing_from` on."""

    id: PasskeyId
    credential_id: bytes
    name: str
    added_at: datetime
    signing_from: datetime
    used_at: datetime | None


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer of a passkey is checked against; `public_key` is a COSE key."""

    id: PasskeyId
    account_id: uuid.UUID
    public_key: bytes
    sign_count: int
    signing_from: datetime


class Authenticator(msgspec.Struct, frozen=True, kw_only=True):
    """The app that shows one-time codes: in use since `confirmed_at`, for signing from `signing_from` on."""

    confirmed_at: datetime
    signing_from: datetime


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed seed of one-time codes; not in use before it is confirmed."""

    sealed: bytes
    confirmed_at: datetime | None
    signing_from: datetime | None


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has, beside the password."""

    passkeys: tuple[Passkey, ...]
    authenticator: Authenticator | None
    recovery_codes: int

    @property
    def strong(self) -> bool:
        """Whether there is anything that a stolen password does not open."""
        return bool(self.signing_from)

    @property
    def signing_from(self) -> list[datetime]:
        """From when on each of them signs."""
        app = self.authenticator
        return [key.signing_from for key in self.passkeys] + ([app.signing_from] if app else [])


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that has just been made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A factor that was checked and found right. `signs_from`: before that moment it does not count for signing.

    `evidence` lets anybody check a passkey's answer again: base64url parts of it, its key, and the challenge's nonce.
    """

    account_id: uuid.UUID
    factor: Factor
    signs_from: datetime | None = None
    evidence: dict[str, str] | None = None
