"""Settings: what is wrong is named, in one sentence, before anything starts."""

import re
from pathlib import Path

import pytest

from backend.core import settings

ROOT = Path(__file__).resolve().parents[2]
#: As `.env.example` sets them, and as production could.
EXAMPLE = dict(re.findall(r"^(HOCBA_\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
SAFE = {
    f"HOCBA_{name}": "https://hocba.example"
    for name in ("PUBLIC_URL", "S3_ENDPOINT", "SIGNING_URL", "TSA_URL", "PROVINCE_URL")
}
PRODUCTION = (
    EXAMPLE
    | SAFE
    | {
        "HOCBA_ENVIRONMENT": "production",
        "HOCBA_TRUST_DIR": str(ROOT),
        "HOCBA_S3_OBJECT_LOCK": "required",
        "HOCBA_EGRESS_TUNNELS": "csdl.example.vn=10.20.0.0/24",
    }
)


def test_the_example_and_a_safe_production_are_taken() -> None:
    assert settings.read(EXAMPLE).port == 8000
    assert settings.read(PRODUCTION).environment == "production"


def test_the_auditor_needs_no_secret_of_the_product() -> None:
    names = ("DATABASE_AUDITOR_URL", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "TRUST_DIR")
    own = {name: PRODUCTION[name] for name in (f"HOCBA_{name}" for name in names)}
    assert settings.read_auditor(own).environment == "production"
    with pytest.raises(settings.SettingsError, match="HOCBA_S3_ENDPOINT must be https"):
        settings.read_auditor(own | {"HOCBA_S3_ENDPOINT": "http://s3.example"})


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "abc", "a whole number from 1 to 65535"),
        ("PORT", "99999", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("WORKER_THREADS", "-3", "a whole number from 1 to 1000"),
        ("ENVIRONMENT", "staging", "development, test or production"),
        ("DATABASE_URL", "x", "an address postgresql://role:password@host:port/database"),
        (
            "DATABASE_URL",
            "postgresql://a:b@h:port/d",
            "an address postgresql://role:password@host:port/database",
        ),
        ("DATABASE_MIGRATOR_URL", "mysql://h/d", "an address postgresql://role:password@host:port/database"),
        ("REDIS_URL", "localhost:6379", "an address redis://:password@host:port/number"),
        ("S3_ENDPOINT", "s3", "an address http(s)://host:port/…"),
        ("S3_OBJECT_LOCK", "on", "off or required"),
        ("S3_LOCK_YEARS", "0", "a whole number from 1 to 100"),
        ("TSA_URL", "http://", "an address http(s)://host:port/…"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(name: str, value: str, wanted: str) -> None:
    with pytest.raises(settings.SettingsError) as refusal:
        settings.read(EXAMPLE | {f"HOCBA_{name}": value})
    assert str(refusal.value) == f"HOCBA_{name} must be {wanted}"


@pytest.mark.parametrize(
    "value", ["csdl.example.vn", "csdl.example.vn=x", "*=10.0.0.0/8", "a b=10.0.0.0/8", "a=10.0.0.1/8"]
)
def test_a_tunnel_that_is_none_is_named(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="HOCBA_EGRESS_TUNNELS must be pairs host=network"):
        settings.read(EXAMPLE | {"HOCBA_EGRESS_TUNNELS": value})


@pytest.mark.parametrize(
    "network", ["127.0.0.1/32", "169.254.169.254/32", "0.0.0.0/0", "::1/128", "::/0", "fd00:ec2::254/128"]
)
def test_in_production_no_tunnel_leads_to_this_machine(network: str) -> None:
    tunnel = {"HOCBA_EGRESS_TUNNELS": f"csdl.example.vn={network}"}
    assert settings.read(EXAMPLE | tunnel).egress_tunnels
    with pytest.raises(settings.SettingsError, match="HOCBA_EGRESS_TUNNELS must not lead to this machine"):
        settings.read(PRODUCTION | tunnel)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///hocba",
        "postgresql://hocba_app@[::1]:5432/hocba",
        "postgresql://hocba_app:p%40ss@db.hocba.example/hocba?sslmode=require",
    ],
)
def test_every_address_that_postgresql_has_is_taken(address: str) -> None:
    assert settings.read(EXAMPLE | {"HOCBA_DATABASE_URL": address}).database_url == address


@pytest.mark.parametrize("name", SAFE)
def test_production_refuses_addresses_that_anybody_can_listen_to(name: str) -> None:
    with pytest.raises(settings.SettingsError, match=rf"^{name} must be https:// in production$"):
        settings.read(PRODUCTION | {name: "http://hocba.example"})


def test_production_refuses_a_folder_of_anchors_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match=r"^HOCBA_TRUST_DIR must be a folder that exists"):
        settings.read(PRODUCTION | {"HOCBA_TRUST_DIR": str(tmp_path / "none")})


def test_a_sending_key_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match=r"^HOCBA_SENDING_IDENTITY must be a file that exists"):
        settings.read(PRODUCTION | {"HOCBA_SENDING_IDENTITY": str(tmp_path / "none.pem")})


def test_production_refuses_a_store_that_locks_nothing() -> None:
    with pytest.raises(
        settings.SettingsError, match=r"^HOCBA_S3_OBJECT_LOCK must be required in production$"
    ):
        settings.read(PRODUCTION | {"HOCBA_S3_OBJECT_LOCK": "off"})
