"""What is sent to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import event

from backend.core.database import engine
from backend.core.questions import Question


@contextmanager
def statements() -> Iterator[list[str]]:
    """Statements that are sent to the database, questions among them; one that writes many rows counts once."""
    asked: list[str] = []

    def listen(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    answer, write = Question.answer, Question.write

    async def answered(question: Question, *values: Any) -> Any:
        asked.append(question.sql)
        return await answer(question, *values)

    async def written(question: Question, *values: Any) -> None:
        asked.append(question.sql)
        await write(question, *values)

    event.listen(engine().sync_engine, "before_cursor_execute", listen)
    try:
        with mock.patch.object(Question, "answer", answered), mock.patch.object(Question, "write", written):
            yield asked
    finally:
        event.remove(engine().sync_engine, "before_cursor_execute", listen)
