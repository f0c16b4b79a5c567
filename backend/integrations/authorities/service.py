"""Which Authority a school reports to. Endpoints are the platform's settings; a school never writes one."""

from backend.core import settings
from backend.core.database import TenantSession
from backend.integrations.authorities.schemas import BoundAuthority, Endpoint
from backend.tenants.schools import service as schools

SANDBOX_PROFILE = "vn.sandbox.hocba/1"


async def bound_authority(session: TenantSession) -> BoundAuthority:
    """The Authority of this school: its province's database, through the profile that is bound."""
    school = await schools.get_school(session)
    config = settings.get()
    return BoundAuthority(
        profile=SANDBOX_PROFILE,
        name=f"Cơ sở dữ liệu học bạ số {school.province} (mô phỏng)",
        sender_code=school.code,
        endpoint=Endpoint(base_url=config.province_url.rstrip("/"), api_key=config.province_api_key),
    )
