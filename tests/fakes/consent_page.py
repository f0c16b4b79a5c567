"""The person on the page of a signing service that asks whether something may be signed (OAuth 2.0, code flow)."""

import base64
import hashlib
import http.client
import re
import urllib.parse
import urllib.request
from html import unescape


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def decide(address: str, answer: str) -> dict[str, str]:
    """The person on the provider's page; what the redirect brings back."""
    parts = urllib.parse.urlsplit(address)
    with urllib.request.urlopen(address) as page:
        grant = re.search(r'name="grant" value="([^"]+)"', page.read().decode())
    assert grant is not None
    form = urllib.parse.urlencode({"grant": unescape(grant[1]), "answer": answer}).encode()
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("POST", f"{parts.path.rpartition('/')[0]}/decide", form)
    location = connection.getresponse().headers["location"]
    connection.close()
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
