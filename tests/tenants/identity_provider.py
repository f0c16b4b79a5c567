"""The identity provider as a process, and somebody who walks from the site to it and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from lxml import html

from tests.core.browser import Browser
from tests.fakes.processes import Process


class IdentityProvider(Process):
    """The provider, with what a test needs of it."""

    def walk(self, address: str, sub: str) -> str:
        """Be `sub` at the provider; returns the path with which it sends the browser back."""
        with httpx.Client(trust_env=False) as client:
            page = html.document_fromstring(client.get(address).text)
            [choice] = [str(link) for link in page.xpath("//a/@href") if f"sub={sub}" in str(link)]
            sent = client.get(self.url + choice).headers["location"]
        parts = urlsplit(sent)
        return f"{parts.path}?{parts.query}"

    def add_person(self, **claims: str) -> None:
        """Somebody more: sub, name, email, hd, tid."""
        self.post("/sandbox/people", claims)


@contextmanager
def start_identity_provider(directory: Path) -> Iterator[IdentityProvider]:
    """Its data lie in `directory`/oidc."""
    provider = IdentityProvider("infra.simulators.oidc", directory / "oidc", {})
    try:
        yield provider.start()
    finally:
        provider.stop()


async def to_and_fro(browser: Browser, provider: IdentityProvider, path: str, sub: str) -> httpx.Response:
    """Leave from a page of the site, be `sub` elsewhere, come back."""
    left = await browser.http.get(path)
    assert left.status_code == 303, left.text
    return await browser.get(provider.walk(left.headers["location"], sub))
