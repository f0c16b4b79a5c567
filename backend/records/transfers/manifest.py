"""A package's manifest as bytes, one sequence for one content: keys sorted, UTF-8, no spaces. Pure."""

import json

import msgspec

from backend.core.errors import Invalid
from backend.records.transfers.schemas import Manifest

_NOT_OURS = (
    "Tệp này không phải gói chuyển học bạ đọc được (thiếu hoặc sai bản kê manifest.json); hãy xin trường gửi lập lại "
    "gói."
)


def written(manifest: Manifest) -> bytes:
    """The canonical bytes."""
    raw = msgspec.to_builtins(manifest)
    return json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read(content: bytes | None) -> Manifest:
    """The manifest in canonical bytes. Raises Invalid for anything else."""
    if content is None:
        raise Invalid(_NOT_OURS)
    try:
        found = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(_NOT_OURS) from error
    if written(found) != content:
        raise Invalid(_NOT_OURS)
    return found
