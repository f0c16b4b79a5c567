"""The stack as a whole: which servers there are, and what the product must know to use them."""

import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.integrations.profiles import catalog
from infra.embedded import programs
from infra.embedded.child import ChildSpec
from infra.embedded.cluster_roles import APP, AUDITOR, DISPATCHER, MIGRATOR, OPERATOR
from infra.embedded.instance import only_one
from infra.embedded.interrupt import whole
from infra.embedded.layout import DataDir
from infra.embedded.ports import LOOPBACK, Place, Say
from infra.embedded.ports import choose as choose_ports
from infra.embedded.ports import recall as remembered_ports
from infra.embedded.postgres import DATABASE, Postgres
from infra.embedded.s3 import BUCKET, S3
from infra.embedded.secrets import SecretStore
from infra.embedded.supervisor import Supervisor
from infra.embedded.valkey import Valkey
from infra.simulators.province import settings as province_settings
from infra.simulators.province.__main__ import SANDBOX
from infra.simulators.signing_service import settings as signing_settings

PID_FILE = "hocba.pid"
_PORTS_FILE = "ports.json"
SERVICES = ("postgres", "valkey", "s3", "signing", "province", "oidc", "mail", "smtp", "web")


def print_line(line: str) -> None:
    """Say it on standard error, so that output meant for other programs stays clean."""
    print(line, file=sys.stderr, flush=True)


class EmbeddedStack:
    """PostgreSQL, Valkey and S3 while the `async with` block lasts; more children can be started inside it.

    `data_dir` holds everything. `say` gets one Vietnamese line per thing worth knowing. `durable=False` is
    for tests. Entering raises `StartRefused`: another stack on the same data, a taken port, a server down.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        say: Say = print_line,
        durable: bool = True,
        configured: Mapping[str, str] = os.environ,
    ) -> None:
        self._folder = data_dir
        self._say = say
        self._durable = durable
        self._configured = configured

    @classmethod
    def running(cls, data_dir: Path, database: str) -> Self:
        """The servers that another process runs on that folder, with a database of one's own: not to be entered."""
        stack = cls(data_dir, durable=False, configured={})
        stack.data = DataDir.open(data_dir)
        stack.ports = remembered_ports(stack.data.run / _PORTS_FILE)
        stack.secrets = SecretStore(stack.data.secrets)
        stack._declare(database)
        return stack

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            self.data = DataDir.open(self._folder)
            exits.enter_context(only_one(self.data.run / PID_FILE, self._say))
            self.ports = choose_ports(SERVICES, self.data.run / _PORTS_FILE, self._configured, self._say)
            self.secrets = SecretStore(self.data.secrets)
            self.supervisor = Supervisor(self.data.logs, self._say)
            exits.push_async_callback(self.supervisor.stop)
            self._declare()
            await self.supervisor.start(self.postgres.child(), self.valkey.child(), self.s3.child())
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await whole(self._exits.aclose())

    async def start(self, *children: ChildSpec) -> None:
        """Start further children together, return when all are ready; they stop with the stack."""
        await self.supervisor.start(*children)

    async def start_simulators(self) -> None:
        """Start the signing service, the province, the identity provider and the e-mail server."""
        await self.start(
            programs.simulator("signing_service", self._signing_folder, self._place("signing")),
            programs.simulator("province", self._province_folder, self._place("province")),
            programs.simulator("oidc", self.data.folder("oidc"), self._place("oidc")),
            programs.mail(self.data.folder("mail"), self._place("mail"), self.ports["smtp"]),
        )
        # `hocba verify` looks for anchors in this folder by itself.
        for root in (self._signing_folder / "trust").glob("*.pem"):
            shutil.copy(root, self.data.folder("trust"))

    async def start_product(self, workers: int = 2) -> None:
        """Start web, dispatcher and workers. The migrations must have run."""
        settings = self.environment()
        hands = (programs.worker(settings, number) for number in range(1, workers + 1))
        await self.start(programs.web(settings), programs.dispatcher(settings), *hands)

    def environment(self) -> dict[str, str]:
        """The HOCBA_* variables of the product, for the servers that run here."""
        web = self.ports["web"]
        signing = f"http://{LOOPBACK}:{self.ports['signing']}"
        elsewhere = f"http://{LOOPBACK}:{self.ports['oidc']}"
        party = signing_settings.load_or_create(self._signing_folder).relying_parties[0]
        return {
            "HOCBA_ENVIRONMENT": "development",
            "HOCBA_SECRET_KEY": self.secrets.get("product", size=32),
            "HOCBA_LOG_KEY": self.secrets.get("log", size=32),
            "HOCBA_PORT": str(web),
            "HOCBA_PUBLIC_URL": f"http://{LOOPBACK}:{web}",
            "HOCBA_DATABASE_URL": self.postgres.url(APP),
            "HOCBA_DATABASE_MIGRATOR_URL": self.postgres.url(MIGRATOR),
            "HOCBA_DATABASE_DISPATCHER_URL": self.postgres.url(DISPATCHER),
            "HOCBA_DATABASE_AUDITOR_URL": self.postgres.url(AUDITOR),
            "HOCBA_DATABASE_OPERATOR_URL": self.postgres.url(OPERATOR),
            "HOCBA_REDIS_URL": self.valkey.url,
            "HOCBA_S3_ENDPOINT": self.s3.endpoint,
            "HOCBA_S3_ACCESS_KEY": self.s3.access_key,
            "HOCBA_S3_SECRET_KEY": self.s3.secret_key,
            "HOCBA_S3_BUCKET": BUCKET,
            "HOCBA_SIGNING_URL": signing,
            "HOCBA_SIGNING_CLIENT_ID": party.client_id,
            "HOCBA_SIGNING_CLIENT_SECRET": party.client_secret,
            "HOCBA_TSA_URL": f"{signing}/tsa",
            "HOCBA_TRUST_DIR": str(self.data.folder("trust")),
            "HOCBA_PROVINCE_URL": f"http://{LOOPBACK}:{self.ports['province']}",
            "HOCBA_PROVINCE_API_KEY": self._province_key,
            "HOCBA_GOOGLE_ISSUER": f"{elsewhere}/google",
            "HOCBA_ENTRA_ISSUER": f"{elsewhere}/entra/{{tid}}/v2.0",
            "HOCBA_MAIL_URL": f"smtp://{LOOPBACK}:{self.ports['smtp']}",
            "HOCBA_OTHER_ISSUERS": f"{elsewhere}/vneid",
            "HOCBA_EGRESS_TUNNELS": f"{LOOPBACK}={LOOPBACK}/32",
        }

    def write_environment(self) -> Path:
        """Write `environment()` as NAME=value lines for a shell; returns the path of the file, mode 0600."""
        path = self.data.run / "hocba.env"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in self.environment().items()))
        return path

    def _place(self, service: str) -> Place:
        return Place(service, self.ports[service])

    @property
    def _signing_folder(self) -> Path:
        return self.data.folder("signing_service")

    @cached_property
    def _province_key(self) -> str:
        profile = catalog.load(catalog.path_of(SANDBOX), {}).profile
        return province_settings.load_or_create(self._province_folder, profile).secrets["api_key"]

    @property
    def _province_folder(self) -> Path:
        return self.data.folder("province")

    def _declare(self, database: str = DATABASE) -> None:
        data, secrets, durable = self.data, self.secrets, self._durable
        self.postgres = Postgres(
            folder=data.folder("postgres"),
            port=self.ports["postgres"],
            secrets=secrets,
            durable=durable,
            database=database,
        )
        self.valkey = Valkey(
            folder=data.folder("valkey"), port=self.ports["valkey"], secrets=secrets, durable=durable
        )
        self.s3 = S3(folder=data.folder("s3"), port=self.ports["s3"], secrets=secrets)
