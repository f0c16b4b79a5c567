"""`python -m infra.simulators.signing_service --data DIR --port N`: the signing service as a process."""

import argparse
from pathlib import Path

from infra.simulators.signing_service.app import build
from infra.simulators.web import bind, serve


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="signing_service", description="Remote signing service for tests (CSC v2)."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder for keys, settings and records")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--auto-confirm", type=float, default=1.0, metavar="SECONDS",
        help="the telephone confirms by itself after so long; below 0: never",
    )  # fmt: skip
    options = parser.parse_args()
    listener = bind(options.host, options.port)
    base_url = f"http://{options.host}:{listener.getsockname()[1]}"
    auto_confirm = options.auto_confirm if options.auto_confirm >= 0 else None
    app = build(options.data, base_url, auto_confirm)
    print(f"signing service on {base_url}", flush=True)
    serve(app, listener)


if __name__ == "__main__":
    main()
