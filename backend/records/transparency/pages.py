"""The public log as anybody may read and mirror it: a page about it, its checkpoint, its tiles (c2sp.org/tlog-tiles)."""

import re

from litestar import Response, get
from litestar.params import FromPath

from backend.core import admission, public_log, rate_limit
from backend.core.admission import RouteClass
from backend.core.errors import NotFound
from backend.core.web import Html, Request, network_of, page
from backend.tenants.guards import public

#: Files that never change, of digests: neither data nor secrets. A mirror takes many.
_FILES = {admission.OPTION: RouteClass.FREE}
FILES = rate_limit.Limit(name="log-files", burst=1200, per_seconds=60)
_PATH = re.compile(r"(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?")
_FOREVER = "public, max-age=31536000, immutable"


@get("/minh-bach", guards=[public()])
async def show_log(request: Request) -> Html:
    """What the log is for, how far it is, and how it is checked."""
    checkpoint = await public_log.newest()
    head = public_log.head_of(checkpoint) if checkpoint else None
    return page(request, "records/transparency/log.html", checkpoint=checkpoint, head=head)


@get("/minh-bach/checkpoint", guards=[public()], opt=_FILES)
async def show_checkpoint(request: Request) -> Response[bytes]:
    """The newest signed head."""
    await rate_limit.take(FILES, network_of(request))
    checkpoint = await public_log.newest()
    if checkpoint is None:
        raise NotFound("Nhật ký minh bạch chưa có mục nào.")
    return Response(
        checkpoint.note.encode(),
        media_type="text/plain",
        headers={"Cache-Control": "public, max-age=5"},
    )


@get("/minh-bach/tile/{path:path}", guards=[public()], opt=_FILES)
async def show_tile(request: Request, path: FromPath[str]) -> Response[bytes]:
    """A tile of hashes, or a bundle of entries."""
    await rate_limit.take(FILES, network_of(request))
    asked = path.removeprefix("/")
    if not _PATH.fullmatch(asked):
        raise NotFound("Nhật ký minh bạch không có tệp này.")
    content = await public_log.read(f"tile/{asked}")
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": _FOREVER})


@get("/minh-bach/noi-tiep/{size:int}", guards=[public()], opt=_FILES)
async def show_growth(request: Request, size: FromPath[int]) -> Response[bytes]:
    """That the log of today begins with its first `size` entries, for who has noted the checkpoint of then."""
    await rate_limit.take(FILES, network_of(request))
    proof = await public_log.growth_since(size)
    if proof is None:
        raise NotFound("Nhật ký minh bạch chưa có ngần ấy mục.")
    return Response(proof.encode(), media_type="text/plain")
