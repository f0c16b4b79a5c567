"""The user of a service who lets us in on its page (OAuth 2.0, RFC 6749 4.1), by a browser of their own."""

from urllib.parse import parse_qsl, urlsplit

import httpx

from backend.remote_signing.providers import port
from backend.remote_signing.providers.smartca_oauth import SmartCaOauthProvider

_BACK = "https://hocba.example/cap-quyen"


def decide(address: str, user: str, answer: str = "yes") -> dict[str, str]:
    """Somebody signs in there as `user` and decides; what the redirect brings back."""
    with httpx.Client() as browser:
        page = browser.get(address)
        assert "Đồng ý" in page.text
        hidden = page.text.split('name="asked" value="')[1].split('"')[0].replace("&amp;", "&")
        decided = browser.post(
            address.partition("?")[0].replace("authorize", "decide"),
            data={"asked": hidden, "user": user, "answer": answer},
        )
        return dict(parse_qsl(urlsplit(decided.headers["location"]).query))


def let_in(account: port.ProviderAccount) -> str:
    """The refresh token that is left of it. A code is good once."""
    address = SmartCaOauthProvider().access_url(account, redirect_uri=_BACK, state="s")
    brought = decide(address, account.user_id)
    form = {"grant_type": "authorization_code", "code": brought["code"], **account.parameters}
    with httpx.Client(base_url=account.base_url) as browser:
        answer = browser.post("/auth/token", data=form)
        assert browser.post("/auth/token", data=form).status_code == 400
        found: str = answer.json()["refresh_token"]
        return found
