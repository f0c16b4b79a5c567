"""What an event is. Apart from the outbox, so that the words of a slice reach no database."""

import uuid

import msgspec


class Event(msgspec.Struct, frozen=True):
    """Something that happened to one subject, in the past tense. Subclasses say what; ids only, no personal data."""

    subject_id: uuid.UUID
