"""The garbage collector looks at what tests make, not at what was imported and collected before the first of them."""

import gc

import pytest


def pytest_configure() -> None:
    """Thousands of modules and tests are made now, and all of them stay."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """As the site does it (`backend.cli`); asked in the process that shares out the tests, too, which collects none."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()
