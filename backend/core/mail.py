"""The only way to an e-mail server: one plain message at a time, over TLS in production.

Nothing personal goes out: whoever writes a message puts counts and links into it, and names only the address.
"""

import asyncio
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from backend.core import clock, egress, settings

#: Seconds for each step of talking to the server.
_PATIENCE = 20


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `key` makes its Message-ID: sent twice, it is recognised as the same one."""

    to: str
    subject: str
    text: str
    key: str


class MailRefused(Exception):
    """The server will not take this message, now or later: the address is wrong, or the message is."""


class MailUnavailable(Exception):
    """The server did not take it now; whether it got the message is not known. Later, under the same id."""


def is_configured() -> bool:
    """Whether the platform has an e-mail server."""
    return bool(settings.get().mail_url)


async def send(mail: Mail) -> None:
    """Hand one message to the server, at an address that `egress` has checked.

    Raises MailRefused, MailUnavailable with a word of what went wrong.
    """
    message, parts = written(mail), urlsplit(settings.get().mail_url)
    try:
        port = egress.permit(parts.scheme, parts.hostname or "", parts.port, settings.outlets())
        found = await egress.addresses(parts.hostname or "", port, settings.outlets())
    except (egress.Refused, OSError) as error:
        raise MailUnavailable(type(error).__name__) from error
    await asyncio.to_thread(_send, parts, found[0], port, message)


def written(mail: Mail) -> EmailMessage:
    """The message as it leaves. Raises MailRefused for an address that is none."""
    config = settings.get()
    host = urlsplit(config.public_url).hostname or "localhost"
    message = EmailMessage()
    try:
        message["To"] = Address(addr_spec=mail.to)
    except (ValueError, IndexError) as error:
        raise MailRefused("address") from error
    message["From"] = Address(display_name="Học bạ số", addr_spec=config.mail_from or f"hoc-ba-so@{host}")
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail.key}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, charset="utf-8")
    return message


def _send(parts: SplitResult, at: str, port: int, message: EmailMessage) -> None:
    try:
        with _connected(parts, at, port) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        raise _failure(code) from error
    except smtplib.SMTPResponseException as error:
        raise _failure(error.smtp_code) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailUnavailable(type(error).__name__) from error


def _failure(code: int) -> Exception:
    """What a reply means: 5xx about this message is final, all else may be otherwise later."""
    final = 500 <= code < 600 and code not in _OF_THE_SERVER
    return MailRefused(str(code)) if final else MailUnavailable(str(code))


#: Permanent replies about us and not about the message: an operator mends them, and then it goes.
_OF_THE_SERVER = frozenset({530, 534, 535, 538, 554})


def _connected(parts: SplitResult, at: str, port: int) -> smtplib.SMTP:
    """A connection that is signed in; TLS from the first byte, or before anything is said where it is offered."""
    host, trusted = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = _Wrapped(at, host, port, timeout=_PATIENCE, context=trusted)
    else:
        server = _Plain(at, host, port, timeout=_PATIENCE)
        server.ehlo()
        if settings.get().environment == "production" or server.has_extn("starttls"):
            server.starttls(context=trusted)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


class _Plain(smtplib.SMTP):
    """Connects to the checked address; the certificate is held to the host's name."""

    def __init__(self, at: str, *args: Any, **named: Any) -> None:
        self._at = at
        super().__init__(*args, **named)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return super()._get_socket(self._at, port, timeout)  # type: ignore[misc]


class _Wrapped(smtplib.SMTP_SSL):
    """The same, with TLS from the first byte."""

    def __init__(self, at: str, *args: Any, **named: Any) -> None:
        self._at = at
        super().__init__(*args, **named)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return super()._get_socket(self._at, port, timeout)  # type: ignore[misc]
