"""How our own programs run as children: the simulators, and the product's web, dispatcher and workers."""

import os
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from infra.embedded import ready
from infra.embedded.child import ChildSpec
from infra.embedded.ports import LOOPBACK, Place

_PROJECT = Path(__file__).parents[2]
#: Loopback is never reached through a proxy, whatever the machine is set to.
_DIRECT = {"NO_PROXY": f"{LOOPBACK},localhost", "no_proxy": f"{LOOPBACK},localhost"}


def simulator(module: str, folder: Path, place: Place) -> ChildSpec:
    """`signing_service`, `province` or `oidc` of `infra.simulators`, with its records in `folder`."""
    return ChildSpec(
        name=module,
        command=(
            sys.executable,
            "-m",
            f"infra.simulators.{module}",
            "--data",
            str(folder),
            "--port",
            str(place.port),
        ),
        environment={**os.environ, **_DIRECT, "PYTHONPATH": str(_PROJECT)},
        place=place,
        ready=ready.answers_http(place.port, "/health"),
    )


def mail(folder: Path, place: Place, smtp_port: int) -> ChildSpec:
    """An e-mail server that keeps what it gets in `folder` and shows it on a page."""
    spec = simulator("mail", folder, place)
    return replace(spec, command=(*spec.command, "--smtp-port", str(smtp_port)))


def web(settings: Mapping[str, str]) -> ChildSpec:
    """`hocba serve`. Ready means: it says itself that it is."""
    place = Place("web", int(settings["HOCBA_PORT"]))
    return ChildSpec(
        name="web",
        command=(_hocba(), "serve"),
        environment=_environment(settings),
        place=place,
        ready=ready.answers_http(place.port, "/readyz"),
    )


def dispatcher(settings: Mapping[str, str]) -> ChildSpec:
    """`hocba dispatch`: the outbox relay and the job dispatcher."""
    return ChildSpec(name="dispatch", command=(_hocba(), "dispatch"), environment=_environment(settings))


def worker(settings: Mapping[str, str], number: int) -> ChildSpec:
    """`hocba work`; `number` tells several apart in logs."""
    return ChildSpec(name=f"work-{number}", command=(_hocba(), "work"), environment=_environment(settings))


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **_DIRECT, **settings}


def _hocba() -> str:
    return str(Path(sysconfig.get_path("scripts")) / "hocba")
