"""What is recorded of a file in the store: words without I/O, for schemas and rules."""

import msgspec


class File(msgspec.Struct, frozen=True):
    """A file that has been written; `size` in bytes."""

    sha256: str
    size: int
    content_type: str


class Packed(File, frozen=True):
    """A file that lies within another object, at `pack_offset` of the archive with that digest."""

    pack_sha256: str
    pack_offset: int


class Recorded(File, frozen=True):
    """A file with the version that the store gave it."""

    version_id: str | None = None
