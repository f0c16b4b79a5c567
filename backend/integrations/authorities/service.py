"""Which Authority a school reports to, through which profile. Addresses are the platform's; a school writes none."""

import uuid
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from backend.core import audit, clock, settings, vault
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession, platform_session
from backend.core.errors import Conflict, Invalid, NotFound, Unavailable
from backend.core.ids import new_id
from backend.integrations.authorities import queries, rules
from backend.integrations.authorities.models import AuthorityBinding
from backend.integrations.authorities.schemas import (
    BindingId,
    BindingView,
    BoundAuthority,
    BoundSchool,
    Endpoint,
    Trial,
)
from backend.integrations.profiles import catalog, signature
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.reading import BadProfile
from backend.integrations.profiles.schemas import ErrorEntry, Profile
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.accounts.schemas import Closed, KeyId
from backend.tenants.schools import service as schools

#: What a school reports through that has bound nothing, outside of production: with the platform's own key.
SANDBOX_PROFILE = "vn.sandbox.hocba/2"


async def bound_authority(session: TenantSession) -> BoundAuthority:
    """The Authority that new messages of this school go to. Raises Conflict where a school has none."""
    rows = await queries.bindings(session)
    current = next((row for row in rows if row.ended_at is None), None)
    return await _authority(session, current.profile if current else SANDBOX_PROFILE, current)


async def authority_of(session: TenantSession, profile_id: str) -> BoundAuthority:
    """The Authority that messages went to through this profile, as it was bound last. Raises Conflict."""
    rows = await queries.bindings(session)
    return await _authority(
        session, profile_id, next((row for row in rows if row.profile == profile_id), None)
    )


async def name_of_current(session: TenantSession) -> str:
    """What people read of whom the school reports to; a sentence where it has nobody yet."""
    rows = [row.profile for row in await queries.bindings(session) if row.ended_at is None]
    if not rows and not settings.get().is_sandbox:
        return "Trường chưa kết nối cơ quan tiếp nhận"
    return name_of(rows[0] if rows else SANDBOX_PROFILE)


def name_of(profile_id: str) -> str:
    """What people read of an Authority; the id of a profile that is here no more."""
    profile = profile_of(profile_id)
    return profile.title if profile else profile_id


def profile_of(profile_id: str) -> Profile | None:
    """A profile that messages went through; None when it is here no more."""
    try:
        return published_profile(profile_id)
    except Unavailable:
        return None


def errors_of(profile_id: str) -> Mapping[str, ErrorEntry]:
    """What the codes of an Authority mean; nothing of a profile that is here no more."""
    profile = profile_of(profile_id)
    return profile.errors if profile else {}


async def open_binding(session: TenantSession) -> BindingView | None:
    """What the school has bound."""
    for row in await queries.bindings(session):
        if row.ended_at is None:
            return BindingView(
                id=BindingId(row.id),
                profile=published_profile(row.profile),
                parameters=row.parameters,
                bound_by=row.bound_by,
                bound_at=row.bound_at,
                tried_at=row.tried_at,
                trial=Trial(row.trial) if row.trial else None,
            )
    return None


async def require_binding(session: TenantSession, binding_id: BindingId) -> None:
    """Raises NotFound for a binding that this school never had."""
    if all(row.id != binding_id for row in await queries.bindings(session)):
        raise NotFound("Không tìm thấy kết nối này với cơ quan tiếp nhận.")


def offered() -> list[Profile]:
    """The profiles that a school may bind today: published, in force, with an address, of several editions the newest."""
    found = []
    for profile_id in catalog.ids():
        try:
            profile = catalog.published(profile_id, trusted_keys()).profile
        except BadProfile:
            continue
        if rules.is_in_force(profile, clock.today()) and _reachable(profile):
            found.append(profile)
    followed = {former for one in found for former in one.authority.successor_of}
    return [one for one in found if one.profile not in followed]


async def bind(
    session: TenantSession,
    actor: Actor,
    profile_id: str,
    parameters: Mapping[str, str],
    secrets: Mapping[str, str],
) -> BindingId:
    """Report through this profile from now on. A secret that is left empty stays as it was with the same profile.

    Raises Invalid for a profile that is not offered and for what is not filled in.
    """
    profile = next((one for one in offered() if one.profile == profile_id), None)
    if profile is None:
        raise Invalid("Cơ quan tiếp nhận này không có trong danh sách; hãy chọn lại.")
    former = next((row for row in await queries.bindings(session) if row.profile == profile_id), None)
    kept = await _opened(session, former) if former else {}
    binding_id = BindingId(new_id())
    filled = rules.secrets(profile, secrets, kept)
    closed = await _closed(session, profile_id, filled)
    values = {
        "id": binding_id,
        "profile": profile_id,
        "parameters": rules.parameters(profile, parameters),
        "secrets": closed.content,
        "key_id": closed.key_id,
        "bound_by": actor.staff_id,
        "bound_at": clock.now(),
    }
    await queries.end_open(session, clock.now())
    await queries.add(session, values)
    await queries.publish(session, profile_id, (await schools.get_school(session)).name)
    await audit.record(session, actor, Action.AUTHORITY_BOUND, binding_id, profile.title)
    return binding_id


async def bound_schools(operator: str) -> list[BoundSchool]:
    """Who reports through what, for the operator of the platform, whose look is written down."""
    async with platform_session() as session:
        return await queries.bound_schools(session, operator)


async def close_anew(session: TenantSession, key_id: uuid.UUID) -> None:
    """Close what was bound under the school's newest key. What does not open stays: the school fills it in again.

    `key_id` is the key that was made. Raises NotFound where that is none of the school's.
    """
    await accounts.require_key(session, key_id)
    for row in await queries.bindings(session):
        try:
            secrets = await _opened(session, row)
        except Conflict:
            continue
        closed = await _closed(session, row.profile, secrets)
        await queries.close_anew(session, row.id, closed.key_id, closed.content)


async def record_trial(session: TenantSession, binding_id: uuid.UUID, trial: Trial) -> None:
    """What came of a look at the Authority."""
    await queries.record_trial(session, binding_id, trial, clock.now())


def published_profile(profile_id: str) -> Profile:
    """A profile that the platform has signed. Raises Unavailable where it is not there or not whole."""
    return _edition(profile_id).profile


def _edition(profile_id: str) -> Edition:
    try:
        return catalog.published(profile_id, trusted_keys())
    except BadProfile as error:
        raise Unavailable(f"Hồ sơ kết nối {profile_id} không dùng được: {error}") from error


def editions_of(profile_id: str) -> list[str]:
    """All editions of a profile: what went to an Authority through an earlier one is with the same Authority."""
    return [one for one in catalog.ids() if catalog.family(one) == catalog.family(profile_id)]


def trusted_keys() -> tuple[tuple[str, str], ...]:
    """Who may publish profiles: the platform's keys, and outside production the sandbox."""
    config = settings.get()
    named = tuple(
        (name, key) for name, _, key in (pair.partition("=") for pair in config.profile_keys.split())
    )
    sandbox = ((signature.SANDBOX, signature.public_of(signature.sandbox_key())),)
    return (*named, *(sandbox if config.is_sandbox else ()))


async def _authority(
    session: TenantSession, profile_id: str, binding: AuthorityBinding | None
) -> BoundAuthority:
    config = settings.get()
    if binding is None and not (config.is_sandbox and _is_of_sandbox(profile_id)):
        raise Conflict(
            "Trường chưa kết nối cơ quan tiếp nhận; chủ trường hoặc giáo viên phụ trách CNTT hãy kết nối ở trang Kết nối "
            "cơ quan tiếp nhận."
        )
    edition = _edition(profile_id)
    profile = edition.profile
    timeouts = profile.transport.timeouts
    return BoundAuthority(
        profile=profile.profile,
        name=profile.title,
        sender_code=(await schools.get_school(session)).code,
        endpoint=Endpoint(
            profile=profile,
            base_url=_address_of(profile),
            parameters=binding.parameters if binding else {},
            secrets=await _opened(session, binding) if binding else {"api_key": config.province_api_key},
            files=edition.files,
            platform=_sending_identity(),
            connect_timeout=timeouts.connect,
            total_timeout=timeouts.total,
            in_the_open=_is_waived(profile),
        ),
    )


def _reachable(profile: Profile) -> bool:
    """Whether the platform has what messages of this profile need: a key that signs, an address (a portal needs none)."""
    if (profile.transport.address or "").startswith("http://") and not _is_waived(profile):
        return False
    sent = profile.operations.send.body
    signed = sent.sign if sent is not None else None
    if signed is not None and signed.key is None and _sending_identity() is None:
        return False
    return profile.transport.kind == "manual_portal" or bool(_address_of(profile))


def _is_waived(profile: Profile) -> bool:
    """Whether the platform has consented in writing to a wire without TLS, and says so in its settings, too."""
    waiver = profile.transport.waiver
    named = profile.profile in settings.get().plain_http.split()
    return waiver is not None and named and clock.today() <= waiver.until


def _sending_identity() -> bytes | None:
    path = settings.get().sending_identity
    return _read_once(path) if path else None


@lru_cache(maxsize=4)
def _read_once(path: str) -> bytes:
    return Path(path).read_bytes()


def trial_address(profile: Profile) -> str:
    """Where the Authority takes what is only tried; empty where the platform knows of no such place."""
    return _named(settings.get().trial_urls).get(profile.profile, "").rstrip("/")


def _named(pairs: str) -> dict[str, str]:
    return {name: address for name, _, address in (pair.partition("=") for pair in pairs.split())}


def _address_of(profile: Profile) -> str:
    """The Authority's own, or of a sandbox what the platform says; empty where it says nothing."""
    config = settings.get()
    if profile.transport.address is not None:
        return profile.transport.address
    own = config.province_url if _is_of_sandbox(profile.profile) else ""
    return _named(config.authority_urls).get(profile.profile, own).rstrip("/")


def _is_of_sandbox(profile_id: str) -> bool:
    """A message keeps to the edition with which it began, also where nothing was bound."""
    return catalog.family(profile_id) == catalog.family(SANDBOX_PROFILE)


async def _closed(session: TenantSession, profile_id: str, secrets: Mapping[str, str]) -> Closed:
    return await accounts.close(session, msgspec.json.encode(secrets), _purpose(session, profile_id))


async def _opened(session: TenantSession, binding: AuthorityBinding) -> dict[str, str]:
    closed = Closed(KeyId(binding.key_id) if binding.key_id else None, binding.secrets)
    try:
        opened = await accounts.open_closed(session, closed, _purpose(session, binding.profile))
    except vault.Unsealable as error:
        raise Conflict(
            "Khóa kết nối cơ quan tiếp nhận không mở được nữa; hãy điền lại ở trang Kết nối cơ quan tiếp nhận."
        ) from error
    return msgspec.json.decode(opened, type=dict[str, str])


def _purpose(session: TenantSession, profile_id: str) -> str:
    return f"authority {session.tenant_id} {profile_id}"
