"""Time stamps and revocation data over HTTP:

DER out, DER back. Reading and judging them is the formats' business.
"""

from backend.core import http_client
from backend.remote_signing.providers.port import NotReached, OutcomeUnknown

#: Largest accepted answers, in bytes: lists of big authorities have some megabytes.
_MAX_TOKEN = 64 * 1024
_MAX_OCSP = 64 * 1024
_MAX_CRL = 20 * 1024 * 1024
_TIMEOUT = 20.0


async def fetch_timestamp(url: str, request_der: bytes) -> bytes:
    """A TimeStampResp for a TimeStampReq (RFC 3161 3.4).

    Raises `NotReached` or `OutcomeUnknown`; repeat freely.
    """
    return await _exchange("POST", url, "timestamp", request_der, _MAX_TOKEN)


async def fetch_ocsp(url: str, request_der: bytes) -> bytes:
    """An OCSPResponse for an OCSPRequest (RFC 6960 A.1). Raises like `fetch_timestamp`."""
    return await _exchange("POST", url, "ocsp", request_der, _MAX_OCSP)


async def fetch_crl(url: str) -> bytes:
    """A CertificateList, DER (RFC 5280 5). Raises like `fetch_timestamp`."""
    return await _exchange("GET", url, "crl", None, _MAX_CRL)


async def fetch_certificate(url: str) -> bytes:
    """An issuer's certificate, DER, from the address in AIA (RFC 5280 4.2.2.1).

    Raises like `fetch_timestamp`.
    """
    return await _exchange("GET", url, "certificate", None, _MAX_TOKEN)


_NAMES = {
    "timestamp": "Máy chủ dấu thời gian",
    "ocsp": "Máy chủ tra cứu trạng thái chứng thư số (OCSP)",
    "crl": "Máy chủ danh sách chứng thư số bị thu hồi (CRL)",
    "certificate": "Máy chủ phát hành chứng thư số",
}
_TYPES = {"timestamp": "timestamp-query", "ocsp": "ocsp-request"}


async def _exchange(method: str, url: str, kind: str, content: bytes | None, max_bytes: int) -> bytes:
    headers = {"content-type": f"application/{_TYPES[kind]}"} if content is not None else {}
    try:
        answer = await http_client.request(
            method,
            url,
            headers=headers,
            content=content,
            total_timeout=_TIMEOUT,
            max_bytes=max_bytes,
            in_the_open=True,
        )
    except http_client.NotSent as error:
        raise NotReached(f"{_NAMES[kind]} không kết nối được; hệ thống sẽ tự thử lại.", str(error)) from error
    except http_client.NoAnswer as error:
        raise OutcomeUnknown(f"{_NAMES[kind]} không trả lời; hệ thống sẽ tự thử lại.", str(error)) from error
    if answer.status != 200 or not answer.body.startswith(b"\x30"):
        raise OutcomeUnknown(
            f"{_NAMES[kind]} trả lời không đọc được; hệ thống sẽ tự thử lại.", f"HTTP {answer.status}"
        )
    return answer.body
