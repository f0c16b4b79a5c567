"""The document that describes the interface (OpenAPI 3.1), made from its handlers and from nothing else."""

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OAuthFlow, OAuthFlows, SecurityScheme

from backend.core.api_document import GUIDE_PATH, ROOT, TOKEN_PATH
from backend.tenants.api_clients.schemas import SCOPE_NAMES
from backend.tenants.guards import public

OPENAPI = OpenAPIConfig(
    title="Hocba",
    version="1",
    description=(
        "Read a school's classes, pupils, results, transcripts and deliveries, write its roster and marks, and follow "
        f"what happens, with a key that the school has given. Guide: {GUIDE_PATH}. / Đọc lớp, học sinh, kết quả, học bạ, "
        "kết quả gửi; ghi danh sách học sinh và điểm; theo dõi các việc đã xảy ra, bằng mã truy cập do nhà trường cấp."
    ),
    use_handler_docstrings=True,
    components=Components(
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", description="A fixed token of the school."),
            "oauth2": SecurityScheme(
                type="oauth2",
                flows=OAuthFlows(
                    client_credentials=OAuthFlow(
                        token_url=TOKEN_PATH,
                        scopes={scope.value: name for scope, name in SCOPE_NAMES.items()},
                    )
                ),
            ),
        }
    ),
    openapi_router=Router(path=ROOT, guards=[public()], route_handlers=[]),
    render_plugins=[JsonRenderPlugin()],
)
