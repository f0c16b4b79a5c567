"""`python -m infra.simulators.oidc --data DIR --port N`: an identity provider as a process."""

import argparse
from pathlib import Path

from infra.simulators.oidc.app import build
from infra.simulators.web import bind, serve


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="oidc", description="An OpenID provider for tests.")
    parser.add_argument("--data", type=Path, required=True, help="folder for settings and keys")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    listener = bind(options.host, options.port)
    address = f"http://{options.host}:{listener.getsockname()[1]}"
    app = build(options.data, address)
    print(f"oidc on {address}", flush=True)
    serve(app, listener)


if __name__ == "__main__":
    main()
