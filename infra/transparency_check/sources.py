"""Where a log is read from: an address, or a folder into which somebody has copied one."""

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

#: A part of the log by its path. Raises Missing.
Fetch = Callable[[str], bytes]
#: No part is larger: 256 entries of 65535 bytes.
_MOST = 17_000_000


class Missing(Exception):
    """A part of the log is not there, or the place does not answer. The message says which, in Vietnamese."""


def source(place: str) -> Fetch:
    """How parts of the log at an address (http…) or in a folder are fetched."""
    if place.startswith(("https://", "http://")):
        return _from_address(place.rstrip("/"))
    folder = Path(place)
    if not folder.is_dir():
        raise Missing(f"không có thư mục “{place}”")
    return _from_folder(folder)


def copying(fetch: Fetch, folder: Path) -> Fetch:
    """The same, and every part that was fetched is kept in a folder."""

    def kept(path: str) -> bytes:
        content = fetch(path)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return content

    return kept


def _from_folder(folder: Path) -> Fetch:
    def fetch(path: str) -> bytes:
        try:
            return (folder / path).read_bytes()
        except OSError:
            raise Missing(f"không có tệp “{path}” trong thư mục") from None

    return fetch


def _from_address(address: str) -> Fetch:
    def fetch(path: str) -> bytes:
        try:
            with urllib.request.urlopen(f"{address}/{path}", timeout=30) as answer:
                content: bytes = answer.read(_MOST + 1)
        except (OSError, urllib.error.URLError) as error:
            raise Missing(f"không lấy được “{path}” ({error})") from None
        if len(content) > _MOST:
            raise Missing(f"tệp “{path}” lớn bất thường")
        return content

    return fetch
