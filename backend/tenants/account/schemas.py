"""The words of a person's own account."""

from datetime import datetime

import msgspec

from backend.tenants.access.schemas import AccountNews, SessionView
from backend.tenants.factors.schemas import Means


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """What a person sees of their own account; until `waits_until` their new factors do not count for heavy deeds."""

    login: str
    means: Means
    sessions: tuple[SessionView, ...]
    news: AccountNews
    waits_until: datetime | None


class WaitingApp(msgspec.Struct, frozen=True, kw_only=True):
    """A code app that is being set up: the seed in base32 for typing, and its picture for the camera (a data address)."""

    seed: str
    picture: str


class NewPasskeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that the browser has made (JSON), and what the person calls it."""

    passkey: str = ""
    name: str = ""


class FirstCodeForm(msgspec.Struct, frozen=True, kw_only=True):
    """The first code of a new app."""

    code: str = ""


class PasswordForm(msgspec.Struct, frozen=True, kw_only=True):
    """The password of now, and twice the one to come."""

    current: str = ""
    chosen: str = ""
    again: str = ""


class NewPasswordForm(msgspec.Struct, frozen=True, kw_only=True):
    """Twice the password to come."""

    chosen: str = ""
    again: str = ""
