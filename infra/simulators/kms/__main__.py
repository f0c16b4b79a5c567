"""`python -m infra.simulators.kms --data DIR --port N`: a key management service as a process."""

import argparse
from pathlib import Path

from infra.simulators.kms.app import build
from infra.simulators.web import bind, serve


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="kms", description="AWS KMS's interface for tests.")
    parser.add_argument("--data", type=Path, required=True, help="folder for keys and records")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    listener = bind(options.host, options.port)
    print(f"kms on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    serve(build(options.data), listener)


if __name__ == "__main__":
    main()
