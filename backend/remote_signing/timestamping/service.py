"""A time stamp for any bytes, from the authority of this installation."""

from backend.core import settings
from backend.core.errors import Unavailable
from backend.remote_signing.formats import timestamps as tokens
from backend.remote_signing.providers import port, timestamps


async def stamp(data: bytes) -> bytes:
    """An RFC 3161 token over SHA-256 of `data`, checked against it. Raises Unavailable; repeat freely."""
    try:
        answer = await timestamps.fetch_timestamp(settings.get().tsa_url, tokens.timestamp_request(data))
        return tokens.read_timestamp(answer, data)
    except (port.NotReached, port.OutcomeUnknown) as error:
        raise Unavailable(error.message) from error
    except tokens.TimestampRefused as error:
        raise Unavailable("Máy chủ dấu thời gian từ chối; hệ thống sẽ tự thử lại.") from error
