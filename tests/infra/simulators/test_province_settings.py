"""What the simulator of a province is known by outlives its versions."""

from pathlib import Path

import msgspec

from backend.integrations.profiles import catalog
from infra.simulators.province.settings import FILE_NAME, load_or_create
from tests.factories.editions import profile_of

PROFILE = profile_of(catalog.path_of("vn.ha-noi.hocba/1"))


def test_secrets_stay_where_a_later_version_asks_for_more(tmp_path: Path) -> None:
    first = load_or_create(tmp_path, PROFILE)
    assert load_or_create(tmp_path, PROFILE) == first
    (tmp_path / FILE_NAME).write_bytes(msgspec.json.encode({"secrets": first.secrets}))
    later = load_or_create(tmp_path, PROFILE)
    assert later.secrets == first.secrets
    assert later.platform.startswith("-----BEGIN")
    assert later.parameters == first.parameters
    assert load_or_create(tmp_path, PROFILE) == later
