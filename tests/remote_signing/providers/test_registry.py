"""Which providers an installation has: declared in a file, and what is wrong there stops the start with a name."""

from pathlib import Path

import msgspec
import pytest

from backend.core import settings
from backend.remote_signing.providers import gateway, port, registry
from tests.factories.signing_school import changed_settings

TWO = """
[[provider]]
name = "toan_he_thong"
kind = "csc_v2"
label = "Nhà cung cấp chung"
base_url = "https://ky.example/csc/v2"
parameters = { client_id = "hocba", client_secret = "bi-mat-cua-he-thong" }
capabilities = { max_hashes = 7, repeat = "queryable" }

[[provider]]
name = "cua_truong"
kind = "csc_v2"
label = "Nhà cung cấp của trường"
base_url = "https://ky.example"
parameters = { client_id = "hocba" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "providers.toml"
    path.write_text(TWO)
    return path


def config(product: settings.Settings, path: Path | str, environment: str = "test") -> settings.Settings:
    return msgspec.structs.replace(product, signing_providers=str(path), environment=environment)


def test_declared_ones_come_after_the_sandbox_and_alone_in_production(
    product: settings.Settings, file: Path
) -> None:
    assert list(registry.installed(config(product, file))) == ["sandbox", "toan_he_thong", "cua_truong"]
    assert list(registry.installed(config(product, file, "production"))) == ["toan_he_thong", "cua_truong"]
    assert registry.installed(config(product, "", "production")) == {}


def test_a_declaration_says_where_a_service_differs(product: settings.Settings, file: Path) -> None:
    found = registry.installed(config(product, file))
    ours = found["toan_he_thong"].provider.capabilities
    assert (ours.max_hashes, ours.repeat, ours.poll_interval) == (7, port.Repeat.QUERYABLE, 2.0)
    assert found["cua_truong"].provider.capabilities.repeat is port.Repeat.BLIND


def test_a_school_fills_in_only_what_is_its_own(product: settings.Settings, file: Path) -> None:
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(file)):
        assert gateway.names()["cua_truong"] == "Nhà cung cấp của trường"
        assert gateway.label("chua_co") == "chua_co"
        assert gateway.fields("toan_he_thong") == ()
        [field] = gateway.fields("cua_truong")
        assert (field.name, field.secret) == ("client_secret", True)
        own = gateway.account("cua_truong", "001", {"client_secret": "cua-truong", "client_id": "khac"})
        assert own.parameters == {"client_id": "hocba", "client_secret": "cua-truong"}
        with pytest.raises(port.NotInstalled, match="còn thiếu Khóa bí mật của ứng dụng"):
            gateway.account("cua_truong", "001")
        with pytest.raises(port.NotInstalled, match="“chua_co”"):
            gateway.provider("chua_co")


def test_nothing_of_an_account_can_be_read_off_what_is_printed(
    product: settings.Settings, file: Path
) -> None:
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(file)):
        account = gateway.account("toan_he_thong", "001199000001")
    printed = repr(account) + repr(registry.installed(config(product, file)))
    assert "bi-mat-cua-he-thong" not in printed
    assert "001199000001" not in printed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "csc_v2"', 'kind = "fax"', "toan_he_thong: kind must be one of .*csc_v2"),
        ("max_hashes = 7", "most = 7", "toan_he_thong: .*most"),
        ("max_hashes = 7", 'max_hashes = "bi-mat"', "toan_he_thong: Expected `int`"),
        ("client_id =", "khac =", "toan_he_thong: csc_v2 takes no parameter khac"),
        ('name = "cua_truong"', 'name = "toan_he_thong"', "declares a provider twice"),
        ('name = "cua_truong"', 'name = "sandbox"', "declares a provider twice"),
        ('name = "cua_truong"', 'name = "Của trường"', "regex"),
        ("label =", "nhan =", "unknown field `nhan`"),
        ("[[provider]]", "[[provider", "HOCBA_SIGNING_PROVIDERS: "),
    ],
)
def test_what_is_wrong_is_named_without_a_value(
    product: settings.Settings, file: Path, old: str, new: str, said: str
) -> None:
    file.write_text(TWO.replace(old, new, 1))
    with pytest.raises(settings.SettingsError, match=said) as refused:
        registry.installed(config(product, file))
    assert "bi-mat" not in str(refused.value)


def test_a_file_that_is_not_there_stops_the_start(product: settings.Settings, tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="cannot be read"):
        registry.installed(config(product, tmp_path / "none.toml"))


def test_production_speaks_to_providers_over_tls_only(product: settings.Settings, file: Path) -> None:
    file.write_text(TWO.replace("https://ky.example/csc", "http://ky.example/csc"))
    with pytest.raises(settings.SettingsError, match="toan_he_thong: addresses must be https"):
        registry.installed(config(product, file, "production"))
