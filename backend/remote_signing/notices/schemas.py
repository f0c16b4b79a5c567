"""The words of notices: what signing services post to us when a person has answered."""

import msgspec


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to every notice, whatever it says: who sends one learns nothing of what we know."""

    status_code: str = "00"
