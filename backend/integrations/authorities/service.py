"""Which Authority a school reports to, through which profile. Addresses are the platform's; a school writes none."""

from backend.core import settings
from backend.core.database import TenantSession
from backend.core.errors import Unavailable
from backend.integrations.authorities.schemas import BoundAuthority, Endpoint
from backend.integrations.profiles import catalog, signature
from backend.integrations.profiles.reading import BadProfile
from backend.integrations.profiles.schemas import Profile
from backend.tenants.schools import service as schools

#: What a school reports through that has bound nothing: the sandbox, with the platform's own key.
SANDBOX_PROFILE = "vn.sandbox.hocba/1"


async def bound_authority(session: TenantSession) -> BoundAuthority:
    """The Authority of this school: its province's database, through the profile that is bound."""
    school = await schools.get_school(session)
    config = settings.get()
    profile = published_profile(SANDBOX_PROFILE)
    timeouts = profile.transport.timeouts
    return BoundAuthority(
        profile=profile.profile,
        name=profile.title,
        sender_code=school.code,
        endpoint=Endpoint(
            profile=profile,
            base_url=config.province_url.rstrip("/"),
            parameters={},
            secrets={"api_key": config.province_api_key},
            connect_timeout=timeouts.connect,
            total_timeout=timeouts.total,
        ),
    )


def published_profile(profile_id: str) -> Profile:
    """A profile that the platform has signed. Raises Unavailable where it is not there or not whole."""
    try:
        return catalog.published(profile_id, trusted_keys()).profile
    except BadProfile as error:
        raise Unavailable(f"Hồ sơ kết nối {profile_id} không dùng được: {error}") from error


def trusted_keys() -> tuple[tuple[str, str], ...]:
    """Who may publish profiles: the platform's keys, and outside production the sandbox."""
    config = settings.get()
    named = tuple(tuple(pair.partition("=")[::2]) for pair in config.profile_keys.split())
    sandbox = ((signature.SANDBOX, signature.public_of(signature.sandbox_key())),)
    return (*named, *(sandbox if config.is_sandbox else ()))
