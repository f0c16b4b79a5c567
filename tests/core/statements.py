"""What is sent to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from backend.core.database import engine


@contextmanager
def statements() -> Iterator[list[str]]:
    """Statements that are sent to the database; one that writes many rows counts once."""
    asked: list[str] = []

    def listen(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine().sync_engine, "before_cursor_execute", listen)
    try:
        yield asked
    finally:
        event.remove(engine().sync_engine, "before_cursor_execute", listen)
