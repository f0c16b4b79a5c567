"""`python -m infra.simulators.province --data DIR --port N`: an Authority's database, from its profile alone."""

import argparse
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from backend.integrations.profiles import catalog
from backend.integrations.profiles.schemas import Mtls, SftpKey
from infra.simulators.province import identities
from infra.simulators.province.app import build
from infra.simulators.province.settings import load_or_create
from infra.simulators.web import Tls, bind, serve

#: The province's days begin and end there.
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
#: File in DIR with the address of SFTP, its fingerprint included.
ADDRESS = "sftp.txt"
SANDBOX = "vn.sandbox.hocba/2"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="province", description="An Authority's database for tests.")
    parser.add_argument("--profile", type=Path, default=catalog.path_of(SANDBOX), help="file of the profile")
    parser.add_argument("--data", type=Path, required=True, help="folder for settings and records")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--processing", type=float, default=0.3, metavar="SECONDS", help="time until the business answer"
    )
    parser.add_argument(
        "--closes", type=date.fromisoformat, metavar="DAY", help="all is locked from this day on (2026-06-30)"
    )
    options = parser.parse_args(arguments)
    edition = catalog.load(options.profile, {})
    profile = edition.profile
    settings = load_or_create(options.data, profile)
    listener = bind(options.host, options.port)
    closes = datetime.combine(options.closes, time(), VIETNAM).timestamp() if options.closes else None
    if isinstance(profile.auth, SftpKey):
        # Loaded where it is needed: asyncssh is large, and most provinces have none of it.
        from infra.simulators.province import files

        inside = f"http://{options.host}:{listener.getsockname()[1]}"
        address = files.start(options.data, options.host, settings.secrets[profile.auth.secret], inside)
        (options.data / ADDRESS).write_text(address, "utf-8")
    app = build(options.data, edition, settings, options.processing, closes)
    tls = _server_identity(options.data, options.host) if isinstance(profile.auth, Mtls) else None
    scheme = "https" if tls else "http"
    print(f"{profile.profile} on {scheme}://{options.host}:{listener.getsockname()[1]}", flush=True)
    serve(app, listener, tls)


def _server_identity(folder: Path, host: str) -> Tls:
    """Callers must show a certificate of the sandbox's authority."""
    file = folder / "server.pem"
    file.write_bytes(identities.issue("province", host))
    return Tls(file, identities.AUTHORITY)


if __name__ == "__main__":
    main()
