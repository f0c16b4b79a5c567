"""No dependency below the version that closed a known hole (S11); the lock is what gets installed.

Finding new holes needs an advisory database: infra/runbooks/check-dependencies.md.
"""

import re
import tomllib
from importlib.metadata import packages_distributions

import asyncpg
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from backend.core import settings
from tests.architecture.source import PROJECT, backend

#: Package → the first version without its advisories, and which they are.
FLOORS = {
    "litestar": ("2.25", "CVE-2025-59152, CVE-2026-25478, -25479, -25480, -48060, PYSEC-2026-2603"),
    "authlib": ("1.9.0", "PYSEC-2026-25, CVE-2026-28498, -44681, -114617, -114619"),
    "jinja2": ("3.1.6", "CVE-2019-10906, CVE-2024-56326, the |attr bypass of 2025"),
    "dramatiq": ("2.2.0", "messages stuck in prefetch"),
}
#: Major version → first one in which row security was not got round (CVE-2025-8713).
POSTGRES = {18: 180000, 17: 170006, 16: 160010, 15: 150014}
LOCKS = ("requirements.lock", "requirements-dev.lock")


def locked(text: str) -> dict[str, Version]:
    """Package → version, as a lock says it."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {name.lower(): Version(version) for name, version in found}


def too_old(versions: dict[str, Version]) -> list[str]:
    """Packages below their floor, and those that are not there at all."""
    return [name for name, (floor, _) in FLOORS.items() if versions.get(name, Version("0")) < Version(floor)]


def test_no_dependency_has_a_known_hole() -> None:
    for lock in LOCKS:
        assert too_old(locked((PROJECT / lock).read_text(encoding="utf-8"))) == [], lock


def test_an_old_one_is_named() -> None:
    assert too_old(locked("litestar==2.19.0 \\\nauthlib==1.9.9\njinja2==3.1.6\n")) == ["litestar", "dramatiq"]


def test_what_we_import_is_a_dependency_of_ours() -> None:
    """Not only of something else that may do without it tomorrow."""
    said = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    direct = {canonicalize_name(Requirement(one).name) for one in said}
    owners = packages_distributions()
    imported = {found.target.partition(".")[0] for one in backend().values() for found in one.imports}
    foreign = {name for name in imported - {"backend", "infra"} if name in owners}
    assert {"litestar", "joserfc", "sqlalchemy"} <= foreign
    missing = {name for name in foreign if not direct & {canonicalize_name(one) for one in owners[name]}}
    assert missing == set()


async def test_the_database_keeps_its_fences(product: settings.Settings) -> None:
    connection = await asyncpg.connect(product.database_url)
    version = int(await connection.fetchval("show server_version_num"))
    await connection.close()
    assert version >= POSTGRES[version // 10000]
