"""A real store with versions and object lock: the Ceph RADOS gateway of Debian with one monitor and one OSD in memory.

    with start_gateway(tmp_path) as store:
        store.client().create_bucket(Bucket="hocba", ObjectLockEnabledForBucket=True)

It needs no root, no cephx and no manager. Each process dies with the tests.
"""

import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.embedded.leash import leashed

PACKAGES = ("radosgw", "ceph-mon", "ceph-osd")
_START_LIMIT = 60.0

_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor_port}
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
run dir = {folder}
admin socket =
pid file =
crash dir = {folder}
log file = {folder}/$name.log
paxos propose interval = 0.05
paxos min wait = 0.01
osd objectstore = memstore
memstore device bytes = 536870912
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon data avail crit = 0
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw.a]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
"""


@dataclass(frozen=True)
class Gateway:
    """Where it answers, and the keys of the account that the product uses there."""

    port: int
    access_key: str = "HOCBATEST"
    secret_key: str = "khoa-cua-kho-thu-nghiem"

    @property
    def url(self) -> str:
        """Address of its S3 interface."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self, name: str) -> dict[str, str]:
        """The product's settings for a bucket of that name here, with locks."""
        return {
            "HOCBA_S3_ENDPOINT": self.url,
            "HOCBA_S3_ACCESS_KEY": self.access_key,
            "HOCBA_S3_SECRET_KEY": self.secret_key,
            "HOCBA_S3_BUCKET": name,
            "HOCBA_S3_OBJECT_LOCK": "required",
        }

    def client(self) -> Any:
        """An S3 client with the product's keys, past the product."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )


@contextmanager
def start_gateway(folder: Path) -> Iterator[Gateway]:
    """Start an empty store in that folder; it is gone when the block ends."""
    fsid, monitor_port, port = str(uuid.uuid4()), _free_port(), _free_port()
    for part in ("mon", "osd", "rgw"):
        (folder / part).mkdir(parents=True)
    configuration = folder / "ceph.conf"
    configuration.write_text(
        _CONFIGURATION.format(fsid=fsid, folder=folder, monitor_port=monitor_port, port=port)
    )
    common = ("-c", str(configuration))
    gateway = Gateway(port)
    with ExitStack() as running:
        monmap = str(folder / "monmap")
        _run(
            "monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{monitor_port}]", monmap
        )
        _run("ceph-mon", *common, "--mkfs", "-i", "a", "--monmap", monmap)
        running.enter_context(_child(folder, "ceph-mon", *common, "-f", "-i", "a"))
        _run("ceph", *common, "--connect-timeout", "30", "osd", "new", fsid, "0")
        _run("ceph-osd", *common, "--mkfs", "-i", "0", "--osd-uuid", fsid)
        running.enter_context(_child(folder, "ceph-osd", *common, "-f", "-i", "0"))
        running.enter_context(_child(folder, "radosgw", *common, "-f", "-n", "client.rgw.a"))
        _wait_for(port)
        keys = ("--access-key", gateway.access_key, "--secret-key", gateway.secret_key)
        account = ("--uid", "hocba", "--display-name", "hocba")
        _run("radosgw-admin", *common, "-n", "client.rgw.a", "user", "create", *account, *keys)
        yield gateway


@contextmanager
def _child(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    with (folder / f"{name}.out").open("wb") as log:
        child = subprocess.Popen(leashed(signal.SIGKILL, name, *arguments), stdout=log, stderr=log)
    try:
        yield
    finally:
        child.kill()
        child.wait()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_START_LIMIT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the gateway does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
