"""The words of the operator's console."""

from datetime import datetime

import msgspec

from backend.core.platform_facts import PlatformView
from backend.tenants.openings.schemas import FiledApplication


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a link to the console says: who goes in, when it was made; `nonce` makes it one of its kind."""

    operator: str
    made_at: datetime
    nonce: str


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """An operator in the console, until when."""

    operator: str
    until: datetime


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the console shows: the schools that the operator opened and those that wait, the view over all of
    them, the services and Authorities that this installation has; `alarms` are what somebody must look at now."""

    schools: tuple[FiledApplication, ...]
    pending: tuple[FiledApplication, ...]
    platform: PlatformView
    providers: tuple[str, ...]
    authorities: tuple[str, ...]
    alarms: tuple[str, ...]
