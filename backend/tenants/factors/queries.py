"""Calls of the directory's functions about factors: each answers about the account that the transaction speaks for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from backend.core.database import PublicSession, TenantSession
from backend.core.ids import new_id
from backend.tenants.factors.schemas import KnownKey, NewKey, Passkey, PasskeyId, Seed

AnySession = PublicSession | TenantSession

_PASSKEYS = text("select * from directory.passkeys()")
_FIND_PASSKEY = text("select * from directory.find_passkey(:credential)")
_ADD_PASSKEY = text("select directory.add_passkey(:id, :credential, :key, :counter, :name, :at, :signs_from)")
_USE_PASSKEY = text("select directory.use_passkey(:id, :counter, :at)")
_REMOVE_PASSKEY = text("select directory.remove_passkey(:id)")
_TOTP = text("select * from directory.totp()")
_PUT_TOTP = text("select directory.put_totp(:sealed)")
_CONFIRM_TOTP = text("select directory.confirm_totp(:step, :at, :signs_from)")
_USE_TOTP = text("select directory.use_totp(:step, :sealed)")
_REMOVE_TOTP = text("select directory.remove_totp()")
_SET_RECOVERY_CODES = text("select directory.set_recovery_codes(:digests)")
_RECOVERY_CODES_LEFT = text("select directory.recovery_codes_left()")
_USE_RECOVERY_CODE = text("select directory.use_recovery_code(:digest, :at)")
_LAST_RESET = text("select directory.last_reset()")


async def passkeys(session: AnySession) -> tuple[Passkey, ...]:
    """The account's passkeys, oldest first."""
    rows = await session.execute(_PASSKEYS)
    return tuple(
        Passkey(
            id=PasskeyId(row.id),
            credential_id=row.credential_id,
            name=row.name,
            added_at=row.added_at,
            signing_from=row.signing_from,
            used_at=row.used_at,
        )
        for row in rows
    )


async def find_passkey(session: AnySession, credential_id: bytes) -> KnownKey | None:
    """The passkey that a browser names, whoever's it is."""
    row = (await session.execute(_FIND_PASSKEY, {"credential": credential_id})).first()
    return KnownKey(**row._mapping) if row else None


async def add_passkey(
    session: AnySession, key: NewKey, name: str, at: datetime, signs_from: datetime
) -> PasskeyId:
    """Keep a new passkey."""
    passkey_id = PasskeyId(new_id())
    values = {
        "id": passkey_id,
        "credential": key.credential_id,
        "key": key.public_key,
        "counter": key.sign_count,
        "name": name,
        "at": at,
        "signs_from": signs_from,
    }
    await session.execute(_ADD_PASSKEY, values)
    return passkey_id


async def use_passkey(session: AnySession, passkey_id: PasskeyId, counter: int, at: datetime) -> bool:
    """Remember the counter; False when it has not grown."""
    values = {"id": passkey_id, "counter": counter, "at": at}
    return bool(await session.scalar(_USE_PASSKEY, values))


async def remove_passkey(session: AnySession, passkey_id: PasskeyId) -> str | None:
    """Forget a passkey; returns its name, None when the account has no such key."""
    name: str | None = await session.scalar(_REMOVE_PASSKEY, {"id": passkey_id})
    return name


async def seed(session: AnySession) -> Seed | None:
    """The seed of the account's one-time codes."""
    row = (await session.execute(_TOTP)).first()
    if row is None:
        return None
    return Seed(sealed=row.sealed_seed, confirmed_at=row.confirmed_at, signing_from=row.signing_from)


async def put_seed(session: AnySession, sealed: bytes) -> bool:
    """Keep a seed that waits for its first code; False when one is in use."""
    return bool(await session.scalar(_PUT_TOTP, {"sealed": sealed}))


async def confirm_seed(session: AnySession, step: int, at: datetime, signs_from: datetime) -> bool:
    """Take the seed into use; False when none waits."""
    values = {"step": step, "at": at, "signs_from": signs_from}
    return bool(await session.scalar(_CONFIRM_TOTP, values))


async def use_step(session: AnySession, step: int, sealed: bytes) -> bool:
    """Use up the codes up to a step; False when that one or a later one was used before."""
    return bool(await session.scalar(_USE_TOTP, {"step": step, "sealed": sealed}))


async def remove_seed(session: AnySession) -> bool:
    """Forget the seed; False when there was none."""
    return bool(await session.scalar(_REMOVE_TOTP))


async def set_recovery_codes(session: AnySession, digests: Sequence[str]) -> None:
    """Replace all recovery codes."""
    await session.execute(_SET_RECOVERY_CODES, {"digests": list(digests)})


async def recovery_codes_left(session: AnySession) -> int:
    """How many were not used yet."""
    return int(await session.scalar(_RECOVERY_CODES_LEFT) or 0)


async def use_recovery_code(session: AnySession, digest: str, at: datetime) -> bool:
    """Use one up, which lets the account in as a reset does; False when there is no such code."""
    return bool(await session.scalar(_USE_RECOVERY_CODE, {"digest": digest, "at": at}))


async def last_reset(session: AnySession) -> datetime | None:
    """When the account was last let in by a reset or a recovery code."""
    found: datetime | None = await session.scalar(_LAST_RESET)
    return found
