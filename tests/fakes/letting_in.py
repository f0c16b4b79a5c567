"""The user of a service who lets us in on its page (OAuth 2.0, RFC 6749 4.1), by a browser of their own."""

from urllib.parse import parse_qs, urlsplit

import httpx

from backend.remote_signing.providers import port

_BACK = "https://hocba.example/cap-quyen"


def let_in(account: port.ProviderAccount) -> str:
    """The refresh token that is left of it. A code is good once."""
    asked = {
        "response_type": "code",
        "client_id": account.parameters["client_id"],
        "redirect_uri": _BACK,
        "scope": "sign offline_access",
        "state": "s",
    }
    with httpx.Client(base_url=account.base_url) as browser:
        page = browser.get("/auth/authorize", params=asked)
        assert "Đồng ý" in page.text
        hidden = page.text.split('name="asked" value="')[1].split('"')[0].replace("&amp;", "&")
        decided = browser.post(
            "/auth/decide", data={"asked": hidden, "user": account.user_id, "answer": "yes"}
        )
        brought = parse_qs(urlsplit(decided.headers["location"]).query)
        form = {"grant_type": "authorization_code", "code": brought["code"][0], **account.parameters}
        answer = browser.post("/auth/token", data=form)
        assert browser.post("/auth/token", data=form).status_code == 400
        found: str = answer.json()["refresh_token"]
        return found
