"""The same class 1A as the gradebook's tests have."""

from tests.records.gradebook.conftest import book

__all__ = ["book"]
