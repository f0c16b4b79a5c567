"""Which browser asks, as far as a person may want to know of their own sessions."""

from backend.core import cookies
from backend.core.actor import Browser
from backend.core.visit import host_of
from backend.core.web import Request, network_of

_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(request: Request) -> Browser:
    """The browser of a request."""
    device = device_of(request.headers.get("user-agent", ""))
    known = cookies.read(request, "known")
    return Browser(host=host_of(request), network=network_of(request), device=device, known=known)


def device_of(user_agent: str) -> str:
    """A browser in words: "Chrome, Windows"; empty for what nobody knows."""
    names = [
        next((name for sign, name in known if sign in user_agent), "") for known in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, names))
