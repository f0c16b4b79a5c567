"""Browsers in which a person has signed in before: their wrong tries are counted apart from those of strangers.

The cookie opens nothing. It is good for one account and one password, so a new password makes it worthless.
"""

import uuid

from backend.core import settings
from backend.core.crypto import keyed_digest, same
from backend.core.ids import new_token


def cookie_of(known: str, account_id: uuid.UUID, password_hash: str) -> str:
    """The cookie of a browser in which the account has just signed in; a good one stays as it is."""
    number = number_of(known, account_id, password_hash) or new_token()
    return f"{number}.{_seal(number, account_id, password_hash)}"


def number_of(known: str, account_id: uuid.UUID, password_hash: str) -> str:
    """Which of the account's browsers sent the cookie `known`; empty for a stranger's."""
    number, _, seal = known.partition(".")
    return number if number and same(seal, _seal(number, account_id, password_hash)) else ""


def _seal(number: str, account_id: uuid.UUID, password_hash: str) -> str:
    return keyed_digest(settings.get().secret_key, "known browser", f"{account_id} {password_hash} {number}")
