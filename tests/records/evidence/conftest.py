"""The season of a class, as the tests of transcripts have it."""

from tests.records.transcripts.conftest import season

__all__ = ["season"]
