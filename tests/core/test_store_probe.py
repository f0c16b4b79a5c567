"""The probe of the store: passes on a store that keeps its promise, and names what a store that cheats does not keep."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from backend.core import bucket, clock, store_probe
from backend.core.bucket import Lock, LockForgotten, LockMode, StoreDown
from backend.core.settings import Settings
from backend.core.store_probe import Finding
from infra.simulators.cheating_store import CHEATS, cheating_store
from tests.factories.signing_school import changed_settings
from tests.fakes.radosgw import PACKAGES, Gateway

#: What each cheat must be found by; it may be found by more.
FOUND_BY = {
    "forget_lock": "lock_taken",
    "forget_lock_and_lie": "delete_version",
    "serve_other_bytes": "lock_taken",
    "let_overwrite": "overwrite",
    "let_copy_over": "copy_over",
    "let_multipart_over": "multipart_over",
    "let_marker_delete": "delete_marker",
    "let_delete": "delete_version",
    "let_bypass": "delete_with_bypass",
    "let_batch_delete": "delete_in_batch",
    "let_shorten": "shorten",
    "let_downgrade": "downgrade",
    "let_lift": "lift",
    "hold_lifts_lock": "legal_hold",
    "let_suspend": "suspend_versions",
    "let_unlock_bucket": "lock_configuration",
    "refuse_raise": "raise_mode",
}


@contextmanager
def store_of(environment: dict[str, str]) -> Iterator[None]:
    with changed_settings(**environment):
        bucket.close()
        bucket.ensure()
        yield
        bucket.close()


def broken(findings: list[Finding]) -> dict[str, str]:
    return {one.name: one.seen for one in findings if not one.held}


@pytest.mark.needs(*PACKAGES)
def test_a_store_that_keeps_its_promise_passes_and_is_left_as_it_was(
    product: Settings, locking_store: Gateway
) -> None:
    with store_of(locking_store.environment("giu-loi")):
        findings = store_probe.probe()
        assert broken(findings) == {}
        assert len(findings) == 18
        assert store_probe.probe()[0].held, "it can be done again"
    client = locking_store.client()
    assert client.get_bucket_versioning(Bucket="giu-loi")["Status"] == "Enabled"
    configuration = client.get_object_lock_configuration(Bucket="giu-loi")["ObjectLockConfiguration"]
    assert configuration == {"ObjectLockEnabled": "Enabled"}
    keys = {one["Key"] for one in client.list_objects_v2(Bucket="giu-loi").get("Contents", [])}
    assert all(key.startswith("probe/") for key in keys)


@pytest.mark.needs(*PACKAGES)
def test_the_proxy_without_a_cheat_passes(product: Settings, locking_store: Gateway) -> None:
    with cheat(locking_store, set()):
        assert broken(store_probe.probe()) == {}


@pytest.mark.needs(*PACKAGES)
@pytest.mark.parametrize("name", CHEATS)
def test_a_store_that_cheats_is_named(product: Settings, locking_store: Gateway, name: str) -> None:
    with cheat(locking_store, {name}):
        found = broken(store_probe.probe())
    assert FOUND_BY[name] in found, f"{CHEATS[name]}: {found}"


@pytest.mark.needs(*PACKAGES)
def test_a_lock_that_the_store_forgets_is_noticed_when_a_file_is_written(
    product: Settings, locking_store: Gateway
) -> None:
    """Whatever the probe of the day has seen: the file of a school itself must be held."""
    lock = Lock(LockMode.GOVERNANCE, clock.now() + timedelta(minutes=5))
    with cheat(locking_store, {"forget_lock"}), pytest.raises(LockForgotten):
        bucket.put(f"t/{uuid.uuid4()}/ab/tep", b"noi dung", 8, lock)


@pytest.mark.needs(*PACKAGES)
def test_a_bucket_without_locks_is_said_to_have_none(product: Settings, locking_store: Gateway) -> None:
    locking_store.client().create_bucket(Bucket="khong-khoa")
    with store_of(locking_store.environment("khong-khoa")):
        assert broken(store_probe.probe()) == {"object_lock": "kho không giữ các phiên bản của tệp"}


def test_the_store_of_the_local_stack_is_said_to_have_none(product: Settings) -> None:
    found = broken(store_probe.probe())
    assert list(found) == ["object_lock"]


def test_a_store_that_is_away_has_broken_nothing(product: Settings) -> None:
    bucket.close()
    with changed_settings(HOCBA_S3_ENDPOINT="http://127.0.0.1:1"):
        with pytest.raises(StoreDown):
            store_probe.probe()
        bucket.close()


@contextmanager
def cheat(store: Gateway, cheats: set[str]) -> Iterator[None]:
    with (
        cheating_store(store.url, store.access_key, store.secret_key, cheats) as url,
        store_of(store.environment("doi-tra") | {"HOCBA_S3_ENDPOINT": url}),
    ):
        yield
