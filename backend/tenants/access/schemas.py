"""The words of signing in and of proving once more who one is."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, NewType

import msgspec

from backend.core.actor import SignIn, StaffId
from backend.tenants.factors.schemas import NOTHING, Factor

AccountId = NewType("AccountId", uuid.UUID)

#: What somebody types, and what somebody else may guess.
TYPED = frozenset({Factor.PASSWORD, Factor.ONE_TIME_CODE, Factor.RECOVERY_CODE})
#: For so long a proof counts for deeds that need one.
PROOF_LASTS = timedelta(minutes=5)


#: So many deeds about an account are listed for its person.
MOST_DEEDS = 50


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a signed-in person works: the school and who they are there."""

    tenant_id: uuid.UUID
    staff_id: StaffId


class Counted(msgspec.Struct, frozen=True):
    """What a try brought: until when the login is locked unless it proves right; whether an earlier lock refuses it.

    `told`: the refusal is to be written down, which is so once a minute.
    """

    locked_until: datetime | None
    refused: bool
    told: bool


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that lasts: where its holder works, and how they are signed in."""

    place: Place
    sign_in: SignIn


class Entered(msgspec.Struct, frozen=True):
    """The person is in: the token of their session, for its cookie, and whether there are several schools to choose.

    `known` is the browser's cookie, by which it is known from now on. `news` says what became of the account since its
    person last looked, empty where nothing did.
    """

    token: str
    known: str
    has_choice: bool = False
    news: str = ""


class AccountDeed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that became of an account, in the words of the audit, and by whom."""

    at: datetime
    what: str
    by: str


class AccountNews(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an account, for its person; whether some of it waits for their word that they have seen it.

    What is too young for that is `fresh`.
    """

    deeds: tuple[AccountDeed, ...]
    waits: bool
    fresh: bool


class CodeWanted(msgspec.Struct, frozen=True):
    """The password was right and a code is still wanted: the ticket to send with it."""

    ticket: str


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One of a person's sessions, for themselves."""

    id: uuid.UUID
    opened_at: datetime
    seen_at: datetime
    network: str
    device: str
    factor: Factor


class SignInForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the sign-in form sends; `tiep` is the page to go to afterwards."""

    login: str = ""
    password: str = ""
    tiep: str = ""


class CodeForm(msgspec.Struct, frozen=True, kw_only=True):
    """The code after the password; `ticket` stands for the password."""

    ticket: str = ""
    code: str = ""
    tiep: str = ""


class PasskeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's answer (JSON) to the question of the sign-in page."""

    passkey: str = ""
    tiep: str = ""


class QuestionForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a passkey is to agree to: SHA-256 in hex."""

    statement: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] = NOTHING


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a form sends to prove who asks: one of the three."""

    passkey: str = ""
    code: str = ""
    password: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may prove themselves with, for the deed of `statement`.

    When nothing may, what they have counts for signing from `waits_until` on; None: they have nothing yet.
    """

    passkey: bool = False
    code: bool = False
    recovery: bool = False
    password: bool = False
    statement: str = NOTHING
    waits_until: datetime | None = None

    @property
    def possible(self) -> bool:
        """Whether there is any way at all."""
        return self.passkey or self.code or self.recovery or self.password


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A person has proved who they are, for what `statement` (SHA-256, hex) says; `evidence` only with a passkey."""

    factor: Factor
    at: datetime
    statement: str
    evidence: dict[str, str] | None = None


class VerifyForm(Proof, frozen=True, kw_only=True):
    """A proof, the page to go to afterwards, and whether the deed is about the person's own factors ("1")."""

    tiep: str = ""
    yeu_to: str = ""

    @property
    def proof(self) -> Proof:
        """What is shown."""
        return Proof(passkey=self.passkey, code=self.code, password=self.password)
