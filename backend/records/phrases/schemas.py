"""The words of the phrase bank: sentences that teachers put into comments."""

import uuid
from typing import NewType

import msgspec

PhraseId = NewType("PhraseId", uuid.UUID)

#: Stands for the pupil's given name; put in when the phrase is.
NAME = "{tên}"
#: Longest phrase, in characters, and most phrases of one person, and of the school.
MAX_PHRASE, MAX_PHRASES = 300, 300


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """One phrase. "" and 0 mean any subject, level and grade; `id` is None for one that comes with the product."""

    id: PhraseId | None
    text: str
    subject_code: str = ""
    grade_level: int = 0
    level: str = ""
    #: of the whole school, not of one person
    shared: bool = True


class NewPhrase(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase as it was typed."""

    text: str
    subject_code: str = ""
    grade_level: str = ""
    level: str = ""
    shared: bool = False
