"""The registration desk of the sandbox signing service: what a provider does on paper, here by a call."""

from urllib.parse import urlsplit

import msgspec

from backend.core import http_client, settings


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks for a certificate: a person, or a school for its seal."""

    account: str
    name: str
    organisation: str
    seal: bool = False
    tax_code: str | None = None


async def enrol(application: Application) -> None:
    """Have a key and certificate made; the same account gets the same one again."""
    body = {
        "account": application.account,
        "kind": "seal" if application.seal else "person",
        "subject": {
            "common_name": application.name,
            "organisation": application.organisation,
            "tax_code": application.tax_code,
        },
    }
    service = urlsplit(settings.get().signing_url)
    url = f"{service.scheme}://{service.netloc}/sandbox/enrol"
    answer = await http_client.request("POST", url, json=body)
    if answer.status != 200:
        raise RuntimeError(f"the sandbox refused to enrol {application.account}: {answer.status}")
