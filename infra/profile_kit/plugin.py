"""`pytest --hocba-profile FILE`: a profile held to everything that the platform holds it to, in whoever's repository.

A test per golden file, one that breaks the profile everywhere, and one that delivers to an Authority that acts from it.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backend.integrations.profiles.catalog import Edition

_OPTION = "hocba_profile"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The profiles that are to be tested."""
    parser.getgroup("hocba").addoption(
        "--hocba-profile", dest=_OPTION, action="append", type=Path, default=[], metavar="FILE",
        help="a profile of an Authority: check, golden files, sabotage and a delivery to its simulator",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Profiles are what is collected; beside tests that were named, if there were any."""
    chosen = [str(path) for path in config.getoption(_OPTION)]
    if chosen and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = chosen
    elif chosen:
        config.args += chosen


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The profiles among what is collected."""
    chosen = {path.resolve() for path in parent.config.getoption(_OPTION)}
    return ProfileFile.from_parent(parent, path=file_path) if file_path.resolve() in chosen else None


class Unfit(Exception):
    """What a person reads when a test of a profile fails."""


class ProfileFile(pytest.File):
    """One profile."""

    def collect(self) -> Iterator[pytest.Item]:
        """A profile that cannot be used has one test: that it can be checked."""
        from backend.integrations.profiles import breaking, catalog
        from backend.integrations.profiles.reading import BadProfile

        yield Check.from_parent(self, name="check")
        try:
            edition = catalog.load(self.path, {})
        except BadProfile:
            return
        for sample in breaking.goldens(edition.profile):
            yield Golden.from_parent(self, name=f"golden[{sample}]", edition=edition, sample=sample)
        yield Sabotage.from_parent(self, name="sabotage", edition=edition)
        if edition.profile.transport.kind != "manual_portal":
            yield Delivery.from_parent(self, name="delivery", edition=edition)


class _Item(pytest.Item):
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Without a stack: nobody who writes profiles reads Python."""
        if excinfo.errisinstance(Unfit):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """The profile."""
        return self.path, 0, f"{self.path.name}: {self.name}"


class Check(_Item):
    """What `hocba profile check` says."""

    def runtest(self) -> None:
        from backend.integrations.profiles import catalog
        from backend.integrations.profiles.reading import BadProfile

        try:
            catalog.load(self.path, {})
        except BadProfile as error:
            raise Unfit(str(error)) from error


class _OfEdition(_Item):
    def __init__(self, *, edition: "Edition", **known: object) -> None:
        super().__init__(**known)  # type: ignore[arg-type]
        self.edition = edition


class Golden(_OfEdition):
    """One sample against its golden file."""

    def __init__(self, *, sample: str, **known: object) -> None:
        super().__init__(**known)  # type: ignore[arg-type]
        self._sample = sample

    def runtest(self) -> None:
        from backend.integrations.profiles import breaking, comparing

        golden = comparing.golden_of(self.path, self._sample)
        if not golden.is_file():
            raise Unfit(f"chưa có tệp mẫu {golden}; hãy đọc kết quả của render rồi chạy keep")
        if golden.read_bytes() != breaking.rendered(self.edition.profile, self._sample):
            raise Unfit(f"hồ sơ ghi khác tệp mẫu {golden}")


class Sabotage(_OfEdition):
    """Every breakage is noticed."""

    def runtest(self) -> None:
        from backend.integrations.profiles import breaking, comparing

        names = breaking.goldens(self.edition.profile)
        goldens = {name: comparing.golden_of(self.path, name) for name in names}
        expected = {name: path.read_bytes() if path.is_file() else b"" for name, path in goldens.items()}
        unnoticed = [
            f"{self.path.name}:{self.edition.text.line(broken.place)}: {broken.what}"
            for broken in breaking.breakages(self.edition.text.document)
            if not breaking.is_noticed(self.edition, broken, expected)
        ]
        if unnoticed:
            raise Unfit("không ai nhận ra khi phá:\n" + "\n".join(unnoticed))


class Delivery(_OfEdition):
    """Each action, carried to an Authority that acts from the profile, is accepted there."""

    def runtest(self) -> None:
        import tempfile

        from backend.core import http_client
        from backend.integrations.deliveries.schemas import DeliveryState
        from infra.profile_kit import running

        async def life() -> dict[str, list[DeliveryState]]:
            try:
                return await running.whole_life(endpoint)
            finally:
                await http_client.aclose()

        with (
            pytest.MonkeyPatch.context() as patch,
            tempfile.TemporaryDirectory() as folder,
            running.authority(self.edition, Path(folder)) as endpoint,
        ):
            # The simulator is on this machine, where the product connects to nothing that is not named.
            patch.setenv("HOCBA_EGRESS_TUNNELS", "127.0.0.1=127.0.0.1/32")
            went = asyncio.run(life())
        for action, states in went.items():
            if states[-1] != DeliveryState.ACCEPTED:
                raise Unfit(f"{action} không được chấp nhận: {' → '.join(states)}")
