"""`@pytest.mark.needs("chromium")`: skipped by name where the Debian package is missing, failed in CI.

In CI every skip is a failure, whatever its reason: a test that nobody runs proves nothing.
"""

import ctypes.util
import os
import shutil
from collections import defaultdict
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

#: A program, a file by its whole path, or a library with `lib:` before it, that shows that the package is installed.
EVIDENCE: Mapping[str, str] = {
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "chromium": "chromium",
    "libpango-1.0-0": "lib:pango-1.0",
    "libpangoft2-1.0-0": "lib:pangoft2-1.0",
    "opensc-pkcs11": "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
    "poppler-utils": "pdfsig",
    "qpdf": "qpdf",
    "radosgw": "radosgw",
    "softhsm2": "softhsm2-util",
    "xmlsec1": "xmlsec1",
}

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

_REASON = "system packages missing: "


def is_installed(package: str) -> bool:
    """Whether the Debian package is there. Raises KeyError for one that `EVIDENCE` does not know."""
    evidence = EVIDENCE[package]
    if evidence.startswith("lib:"):
        return ctypes.util.find_library(evidence.removeprefix("lib:")) is not None
    if evidence.startswith("/"):
        return Path(evidence).exists()
    return shutil.which(evidence) is not None


def in_ci() -> bool:
    """Whether skips count as failures."""
    return os.environ.get("CI", "").lower() == "true"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose packages are not there."""
    wanted = [package for mark in item.iter_markers("needs") for package in mark.args]
    missing = [package for package in wanted if not is_installed(package)]
    if missing:
        pytest.skip(_REASON + ", ".join(missing))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failed one."""
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself."""
    return _strict((yield))


def _strict(report: Report) -> Report:
    if report.skipped and in_ci() and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and CI=true: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name and count what was not tested for want of a package, in whichever process it was skipped."""
    tests: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        for package in reason.partition(_REASON)[2].split(", "):
            tests[package].append(report.nodeid)
    tests.pop("", None)
    names = sorted({name for skipped in tests.values() for name in skipped})
    if not names:
        return
    terminalreporter.section(f"{len(names)} not run: system packages missing")
    for package, skipped in sorted(tests.items()):
        terminalreporter.line(f"{package}: {len(skipped)}")
    for name in names:
        terminalreporter.line(f"  {name}")
