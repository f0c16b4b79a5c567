"""Access tokens of a service: kept while they last, fetched once for all who wait."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import msgspec

from backend.remote_signing.providers.port import NotReached, OutcomeUnknown, ProviderAccount

#: A token is renewed so many seconds before its end.
_MARGIN = 60.0
_Key = tuple[str, str, bytes]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """`life` in seconds from now."""

    text: str
    life: float


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    good_until: float


class TokenCache:
    """Tokens by service and account. Shared by threads; one refresh at a time in each event loop."""

    def __init__(
        self, fetch: Callable[[ProviderAccount], Awaitable[Token]], *, per_user: bool = False
    ) -> None:
        """`per_user`: the service gives each of its users a token, not each application."""
        self._fetch = fetch
        self._per_user = per_user
        self._kept: dict[_Key, _Kept] = {}
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, asyncio.Lock]] = (
            WeakKeyDictionary()
        )
        self._guard = threading.Lock()

    async def get(self, account: ProviderAccount, refused: str | None = None) -> str:
        """A token that is still good and is not the `refused` one. Raises what the fetch raises.

        A log-in without an answer is `NotReached`: asking for a token signs nothing, so whatever it was wanted for was
        certainly not touched.
        """
        key = self._key(account)
        known = self._usable(key, refused)
        if known is not None:
            return known
        async with self._lock(key):
            known = self._usable(key, refused)
            if known is not None:
                return known
            try:
                token = await self._fetch(account)
            except OutcomeUnknown as error:
                raise NotReached(error.message, error.detail) from error
            self._kept[key] = _Kept(text=token.text, good_until=time.monotonic() + token.life - _MARGIN)
            return token.text

    def _key(self, account: ProviderAccount) -> _Key:
        """Whoever does not know the same secrets does not get the same token."""
        known = repr(sorted(account.parameters.items())).encode()
        user = account.user_id if self._per_user else ""
        return account.base_url, user, hashlib.sha256(known).digest()

    def _usable(self, key: _Key, refused: str | None) -> str | None:
        kept = self._kept.get(key)
        if kept is None or kept.text == refused or kept.good_until <= time.monotonic():
            return None
        return kept.text

    def _lock(self, key: _Key) -> asyncio.Lock:
        with self._guard:
            locks = self._locks.setdefault(asyncio.get_running_loop(), {})
            return locks.setdefault(key, asyncio.Lock())
