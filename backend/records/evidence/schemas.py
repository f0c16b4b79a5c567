"""The words of evidence packs."""

import msgspec

from backend.records.transparency.schemas import Opening
from backend.remote_signing.formats.schemas import EvidenceManifest


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack is made of: files that are at hand, and digests of those in the store, by name.

    `logged` is what the public log was told of the version.
    """

    name: str
    manifest: EvidenceManifest
    files: dict[str, bytes]
    stored: dict[str, str]
    checkpoint: tuple[int, str] | None
    logged: tuple[Opening, ...] = ()
