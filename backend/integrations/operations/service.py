"""The operator's console: the platform at a glance for the people who run it, and how they come in.

Whoever has the operator's address of the database runs `hocba console-link`: the link is their proof, once and for ten
minutes. Who is in is remembered by the one process of the console, and forgotten when it ends.
"""

import base64
import binascii
from datetime import datetime, timedelta

import msgspec

from backend.core import clock, platform_view, settings
from backend.core.crypto import keyed_digest, same, sha256_hex
from backend.core.errors import Unauthenticated
from backend.core.ids import new_token
from backend.core.text import check_text
from backend.integrations.authorities import service as authorities
from backend.integrations.operations import rules
from backend.integrations.operations.schemas import Overview, SignedIn, Ticket
from backend.remote_signing.credentials import service as credentials
from backend.tenants.openings import service as openings
from backend.tenants.openings.schemas import ApplicationState

#: A link counts for so long after it was made; whoever came in by it, stays for so long.
LINK_LASTS, VISIT_LASTS = timedelta(minutes=10), timedelta(minutes=30)
_PURPOSE = "console link"
_WORN = "Đường dẫn này đã dùng, đã quá 10 phút hoặc không đúng; hãy lấy đường dẫn mới bằng lệnh hocba console-link."


class Door:
    """Who is in this console, and which links have been used: in the memory of its process."""

    def __init__(self) -> None:
        self._since = clock.now()
        self._used: dict[str, datetime] = {}
        self._inside: dict[str, SignedIn] = {}

    def look_at(self, token: str) -> Ticket:
        """Who a link is for; using it is another step. Raises Unauthenticated for one that does not count."""
        ticket = _read(token)
        if ticket is None or ticket.nonce in self._used:
            raise Unauthenticated(_WORN)
        if not rules.is_fresh(ticket.made_at, self._since, clock.now(), LINK_LASTS):
            raise Unauthenticated(_WORN)
        return ticket

    def enter(self, token: str) -> str:
        """Come in by a link, once; returns the value of the cookie. Raises Unauthenticated."""
        ticket, now = self.look_at(token), clock.now()
        self._used = {nonce: at for nonce, at in self._used.items() if now - at <= LINK_LASTS}
        self._used[ticket.nonce] = now
        cookie = new_token()
        self._inside[sha256_hex(cookie.encode())] = SignedIn(
            operator=ticket.operator, until=now + VISIT_LASTS
        )
        return cookie

    def who(self, cookie: str) -> SignedIn:
        """Who comes with a cookie. Raises Unauthenticated."""
        found = self._inside.get(sha256_hex(cookie.encode()))
        if found is None or clock.now() > found.until:
            raise Unauthenticated(
                "Phiên vận hành đã hết; hãy lấy đường dẫn mới bằng lệnh hocba console-link."
            )
        return found

    def leave(self, cookie: str) -> None:
        """Forget somebody."""
        self._inside.pop(sha256_hex(cookie.encode()), None)


def new_link(operator: str) -> str:
    """The end of an address that lets an operator in once. Raises Invalid for a name that cannot be written down."""
    name = check_text(operator, field="Người vận hành", person="người vận hành", limit=100)
    ticket = msgspec.json.encode(Ticket(operator=name, made_at=clock.now(), nonce=new_token()))
    body = base64.urlsafe_b64encode(ticket).decode().rstrip("=")
    return f"{body}.{_signature(body)}"


def _read(token: str) -> Ticket | None:
    body, _, signature = token.partition(".")
    if not body or not same(signature, _signature(body)):
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Ticket)
    except (binascii.Error, msgspec.MsgspecError):
        return None


def _signature(body: str) -> str:
    return keyed_digest(settings.get().secret_key, _PURPOSE, body)


async def overview(operator: str) -> Overview:
    """The platform now. That the operator looked at the list of schools is written into the platform's log."""
    config = settings.get()
    view = await platform_view.look(config.database_dispatcher_url)
    return Overview(
        schools=tuple(await openings.listed(operator, ApplicationState.APPROVED)),
        pending=tuple(await openings.listed(operator, ApplicationState.PENDING)),
        platform=view,
        providers=tuple(credentials.providers().values()),
        authorities=tuple(sorted(one.authority.name for one in authorities.offered())),
        alarms=rules.alarms(view, locks_files=config.locks_files),
    )
