"""`python -m infra.simulators.mail --data DIR --port N --smtp-port M`: an e-mail server that delivers nothing."""

import argparse
import threading
from pathlib import Path

from infra.simulators.mail.app import build
from infra.simulators.mail.inbox import Inbox, Server
from infra.simulators.web import bind, serve


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="mail", description="An e-mail server for tests.")
    parser.add_argument("--data", type=Path, required=True, help="folder for what comes in")
    parser.add_argument("--port", type=int, required=True, help="of the page")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    inbox = Inbox(options.data)
    with Server((options.host, options.smtp_port), inbox) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"mail on {options.host}:{options.smtp_port}, page on {options.port}", flush=True)
        serve(build(inbox), bind(options.host, options.port))
        server.shutdown()


if __name__ == "__main__":
    main()
