"""One small world for all tests of the formats: a PKI, three signers, a transcript that they signed."""

from pathlib import Path

import pytest

from tests.factories.pki import Pki
from tests.remote_signing.formats.world import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(Pki())


@pytest.fixture(scope="session")
def signed_b_t(world: World) -> bytes:
    return world.sign_all()


@pytest.fixture(scope="session")
def signed(world: World, signed_b_t: bytes) -> bytes:
    """Three signatures, B-LT."""
    return world.add_material(signed_b_t)


@pytest.fixture(scope="session")
def trust_dir(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.trust_folder(tmp_path_factory.mktemp("trust"))
