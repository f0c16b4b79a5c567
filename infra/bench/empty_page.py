"""The yardstick of `web.page`: a Litestar application with one handler that answers an empty page.

python -m infra.bench.empty_page PORT
"""

import sys

import uvicorn
from litestar import Litestar, MediaType, get


@get("/", media_type=MediaType.HTML)
async def empty() -> str:
    """Nothing but what every page has."""
    return "<!DOCTYPE html><title>Trang trống</title>"


app = Litestar([empty], openapi_config=None, logging_config=None)

if __name__ == "__main__":
    # Framework and server as pip brings them: a yardstick stays as long as it is, whatever `hocba serve` gains.
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
