"""AWS Signature Version 4, the checking side: written from the documents, shares nothing with botocore."""

import datetime as dt
import hashlib
import hmac
import re
from urllib.parse import quote

from infra.simulators.web import Request

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)
#: A request older or younger than this is refused.
_MOST_SKEW = dt.timedelta(minutes=5)
_MUST_BE_SIGNED = {"host", "x-amz-date", "x-amz-target"}


class Refused(Exception):
    """`kind` is the service's word for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def check(request: Request, secrets: dict[str, str], region: str, service: str, now: dt.datetime) -> str:
    """The access key that has signed exactly this request. Raises Refused."""
    header = request.headers.get("authorization", "")
    if not header:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = _HEADER.fullmatch(header)
    if found is None:
        raise Refused("IncompleteSignatureException", "Authorization header is malformed")
    access_key, day, named_region, named_service, signed, signature = found.groups()
    if access_key not in secrets:
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    names = signed.split(";")
    moment = request.headers.get("x-amz-date", "")
    if not set(names) >= _MUST_BE_SIGNED or not _is_fresh(moment, day, now):
        raise Refused("InvalidSignatureException", "Signature expired, or not over the headers that matter")
    if (named_region, named_service) != (region, service):
        raise Refused("InvalidSignatureException", "Credential should be scoped to a valid region")
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(
        ("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(_canonical(request, names)).hexdigest())
    )
    key = f"AWS4{secrets[access_key]}".encode()
    for part in (day, region, service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(key.hex(), signature):
        raise Refused("InvalidSignatureException", "The request signature we calculated does not match")
    return access_key


def _canonical(request: Request, names: list[str]) -> bytes:
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(request.query.items()))
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names]
    body = hashlib.sha256(request.body).hexdigest()
    return "\n".join(
        (request.method, quote(request.path), query, "".join(headers), ";".join(names), body)
    ).encode()


def _is_fresh(moment: str, day: str, now: dt.datetime) -> bool:
    try:
        made = dt.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return False
    return moment.startswith(day) and abs(now - made) <= _MOST_SKEW
