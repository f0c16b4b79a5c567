"""The cookies of the site. Over https they carry the `__Host-` prefix; plain http is for development."""

from typing import Literal

from litestar.datastructures import Cookie

from backend.core import settings
from backend.core.visit import Connection

#: session: who is signed in. form: binds forms of people who are not. flash: one message for the next page.
#: elsewhere: what a browser that went to sign in elsewhere must bring back.
#: known: who has signed in here before. operator: who is in the console, which is a site of its own.
CookieName = Literal["session", "form", "flash", "elsewhere", "known", "operator"]
_SUFFIX: dict[CookieName, str] = {
    "session": "",
    "form": "-form",
    "flash": "-flash",
    "elsewhere": "-elsewhere",
    "known": "-known",
    "operator": "-operator",
}


class _PlainCookie(Cookie):
    """Written by itself: the standard library's writer costs as much as a query. Values need no quotes."""

    def to_encoded_header(self) -> tuple[bytes, bytes]:
        """The Set-Cookie header."""
        parts = [f"{self.key}={self.value}", "HttpOnly", "Path=/", "SameSite=lax"]
        if self.max_age is not None:
            parts.append(f"Max-Age={self.max_age}")
        if self.secure:
            parts.append("Secure")
        return b"set-cookie", "; ".join(parts).encode("ascii")


def name_of(cookie: CookieName) -> str:
    """The name on the wire."""
    prefix = "__Host-hocba" if _is_secure() else "hocba"
    return prefix + _SUFFIX[cookie]


def read(connection: Connection, cookie: CookieName) -> str:
    """The value sent by the browser; empty when there is none. Of several the last counts.

    Read where it stands: to ask the framework is to have all headers of the request unfolded.
    """
    wanted, found = f"{name_of(cookie)}=".encode("ascii"), b""
    for name, value in connection.scope["headers"]:
        if name == b"cookie":
            for pair in value.split(b";"):
                if (pair := pair.strip()).startswith(wanted):
                    found = pair[len(wanted) :]
    return found.decode("latin-1")


def write(cookie: CookieName, value: str, *, max_age: int | None = None) -> Cookie:
    """A cookie for a response: HttpOnly, SameSite=Lax. Without `max_age` (s) it ends with the browser."""
    return _PlainCookie(key=name_of(cookie), value=value, max_age=max_age, secure=_is_secure())


def clear(cookie: CookieName) -> Cookie:
    """A cookie that removes itself."""
    return write(cookie, "", max_age=0)


def _is_secure() -> bool:
    return settings.get().public_url.startswith("https://")
