"""Whether the signatures of a document hold: for whoever asks, under the trust anchors of this installation."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from backend.core import settings
from backend.remote_signing.formats import limited, validation
from backend.remote_signing.formats.schemas import Report
from backend.remote_signing.formats.trust import TrustStore


async def check_own(document: bytes, fields: Sequence[str]) -> Report:
    """A document that we stored, validated like anybody's; `fields` are the signatures that it must have, in order."""
    return await asyncio.to_thread(_validated, document, fields)


async def check_foreign(document: bytes, fields: Sequence[str]) -> Report:
    """A stranger's file, in a process of its own with hard limits; about a second.

    Raises Unreadable (formats.schemas) when it is no signed PDF, or needs too much time or memory.
    """
    return await asyncio.to_thread(
        limited.validate_in_child, document, _trust_dir(), None, expected_fields=fields
    )


def _validated(document: bytes, fields: Sequence[str]) -> Report:
    return validation.validate_pdf(document, _trust(), None, fields)


def _trust_dir() -> Path:
    return Path(settings.get().trust_dir)


@lru_cache(maxsize=1)
def _trust() -> TrustStore:
    return TrustStore.from_folder(_trust_dir())
