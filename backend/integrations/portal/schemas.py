"""The words of portals that people use."""

from collections.abc import Mapping

import msgspec

from backend.integrations.deliveries.schemas import CarriedFile, Sending, ToCarry


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """One portal: whose it is, what a person does there, what is to be carried, and which files have no receipt yet."""

    authority: str
    name: str
    steps: tuple[str, ...]
    waiting: tuple[ToCarry, ...]
    files: tuple[CarriedFile, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A học bạ as a line of the file: its cells by column; `key` is the cell by which the receipt names it."""

    sending: Sending
    key: str
    cells: Mapping[str, str]
