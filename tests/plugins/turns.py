"""How `make test` shares the tests out between its processes.

A file stays in one process, and so does a folder whose files share what takes long to make. What takes longest begins
first, so that no process is alone with it at the end.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: One stack with its season, two schools full of rows, a signing service, the whole source as a tree: made once each.
TOGETHER = ("tests/journeys/", "tests/tenancy/", "tests/remote_signing/requests/", "tests/architecture/")
#: In the order in which they begin; all others follow as they were found.
LONGEST = (
    *TOGETHER[:3],
    "tests/infra/bench/test_groups.py",
    "tests/crash/",
    "tests/core/jobs/test_processes.py",
    "tests/integrations/restoring/",
    "tests/integrations/deliveries/",
    "tests/core/test_store_probe.py",
    "tests/architecture/",
)


class Turns(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out files and whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Turns:
    """Asked only where there are several processes."""
    return Turns(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest to the front."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    return next((place for place, start in enumerate(LONGEST) if nodeid.startswith(start)), len(LONGEST))
