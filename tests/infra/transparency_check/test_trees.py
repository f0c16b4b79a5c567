"""Tiles, roots and proofs against a tree written down as the RFC defines it, and against the checker of others."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend import cli
from backend.core import merkle_tiles, signed_notes
from backend.core.merkle_tiles import Edge
from infra.transparency_check import notes, trees
from infra.transparency_check.check import Whole, Wrong, path
from infra.transparency_check.sources import Missing

#: Around the widths at which tiles fill.
SIZES = st.one_of(st.integers(1, 40), st.integers(250, 262), st.integers(505, 520), st.just(700))
KEY = signed_notes.NoteKey("hocba.example/minh-bach", bytes(range(32)))


def naive(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + naive(entries[:k]) + naive(entries[k:])).digest()


def entries_of(size: int) -> list[bytes]:
    return [hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(size)]


class Log(dict[str, bytes]):
    """A log as the keeper publishes it, with a checkpoint after each of some sizes."""

    def __init__(self, entries: list[bytes], *steps: int) -> None:
        super().__init__()
        self.edge = Edge()
        for entry in entries:
            self.update((tile.path, tile.content) for tile in self.edge.add(entry))
            if self.edge.size in {*steps, len(entries)}:
                self.update((tile.path, tile.content) for tile in self.edge.partial())
        self["checkpoint"] = self.note().encode()

    def note(self) -> str:
        head = signed_notes.Head(origin=KEY.name, size=self.edge.size, root=self.edge.root())
        return KEY.signed(head.text())

    def tiles(self, size: int) -> merkle_tiles.Tiles:
        return lambda level, number: self[
            merkle_tiles.path_of(level, number, merkle_tiles.width_of(level, number, size))
        ]

    def fetch(self, name: str) -> bytes:
        if name not in self:
            raise Missing(name)
        return self[name]

    def checked(self, *seen: str) -> int:
        verifier = notes.read_verifier(KEY.verifier)
        before = [notes.read_checkpoint(one.encode(), verifier) for one in seen]
        return Whole(notes.read_checkpoint(self["checkpoint"], verifier), self.fetch, before).check()


@given(SIZES, st.data())
@example(257, None)
def test_roots_and_proofs_are_those_of_the_rfc(size: int, data: Any) -> None:
    entries = entries_of(size)
    old = data.draw(st.integers(1, size)) if data else 256
    index = data.draw(st.integers(0, size - 1)) if data else 256
    log = Log(entries, old)
    root = naive(entries)
    assert log.edge.root() == root
    way = merkle_tiles.inclusion(index, size, log.tiles(size))
    assert trees.root_by_inclusion(trees.leaf(entries[index]), index, size, way) == root
    other = trees.leaf(b"other")
    assert trees.root_by_inclusion(other, index, size, way) != root
    if size > 1:
        assert trees.root_by_inclusion(trees.leaf(entries[index]), (index + 1) % size, size, way) != root
    grown = merkle_tiles.consistency(old, size, log.tiles(size))
    assert trees.is_continued((old, naive(entries[:old])), (size, root), grown)
    assert not trees.is_continued((old, hashlib.sha256(b"forged").digest()), (size, root), grown)
    assert not trees.is_continued((old, naive(entries[:old])), (size, root), [*grown, root])
    assert log.checked() == size


@given(st.integers(0, 2_000_000_000))
@example(1_234_067)
def test_both_call_a_tile_the_same(number: int) -> None:
    assert merkle_tiles.path_of(0, number) == path("0", number, 256)
    assert merkle_tiles.path_of(None, number, 7) == path("entries", number, 7)
    assert merkle_tiles.path_of(0, 1_234_067) == "tile/0/x001/x234/067", "the example of the specification"


def test_a_log_of_seventy_thousand_has_the_tiles_of_the_specification() -> None:
    """c2sp.org/tlog-tiles: 273 full tiles and one of 112; one full and one of 17 above; one of width 1 above that."""
    log = Log(entries_of(70_000))
    levels = {level: [name for name in log if name.startswith(f"tile/{level}/")] for level in (0, 1, 2)}
    assert [len(levels[level]) for level in (0, 1, 2)] == [274, 2, 1]
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= log.keys()
    assert log.checked() == 70_000


def test_whatever_is_changed_is_found() -> None:
    size = 300
    whole = Log(entries_of(size), 100)
    early = Log(entries_of(100)).note()
    assert whole.checked(early) == size
    for name in [one for one in whole if one != "checkpoint" and ".p/100" not in one]:
        damaged = Log(entries_of(size))
        damaged[name] = damaged[name][:-1] + bytes([damaged[name][-1] ^ 1])
        with pytest.raises(Wrong):
            damaged.checked()
    rewritten = Log([b"inserted", *entries_of(size - 1)])
    assert rewritten.checked() == size, "by itself it is a log like any other"
    with pytest.raises(Wrong, match="gốc của 100 mục đầu"):
        rewritten.checked(early)
    with pytest.raises(Wrong, match="đuôi đã bị cắt"):
        Log(entries_of(50)).checked(early)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda note: note.replace("\n300\n", "\n301\n"), "chữ ký của điểm kiểm không đúng"),
        (lambda note: note.replace("hocba.example/minh-bach ", "other.example "), "không do khóa này ký"),
        (lambda note: note.partition("\n\n")[0], "không đúng dạng"),
        (lambda note: note.replace("\n\n", "\nthêm\x00\n\n"), "không đúng dạng"),
    ],
)
def test_a_checkpoint_that_was_touched_is_not_believed(spoil: Any, says: str) -> None:
    note = Log(entries_of(300)).note()
    verifier = notes.read_verifier(KEY.verifier)
    assert notes.read_checkpoint(note.encode(), verifier).size == 300
    with pytest.raises(notes.BadNote, match=says):
        notes.read_checkpoint(spoil(note).encode(), verifier)


#: From the documentation of golang.org/x/mod/sumdb/note: a key, and a note that it has signed.
_GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
_GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""


def test_a_note_is_signed_as_others_sign_it() -> None:
    assert signed_notes.opened(_GO_NOTE, _GO_KEY).startswith("If you think")
    assert notes.read_verifier(_GO_KEY).name == "PeterNeumann"
    assert signed_notes.opened(KEY.signed("a\nb\n"), KEY.verifier) == "a\nb\n"
    strangers = KEY.verifier.replace("hocba", "nobody"), signed_notes.NoteKey(KEY.name, bytes(32)).verifier
    for verifier in strangers:
        with pytest.raises(ValueError, match="not signed"):
            signed_notes.opened(KEY.signed("a\nb\n"), verifier)


def test_the_command_reads_a_copy_and_says_in_words_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, copy, mirror = Log(entries_of(300)), tmp_path / "log", tmp_path / "mirror"
    for name, content in log.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
    early = tmp_path / "early"
    early.write_text(Log(entries_of(100)).note())
    ask = ["transparency", "check", str(copy), "--key", KEY.verifier, "--seen", str(early)]
    assert cli.main([*ask, "--mirror", str(mirror)]) == 0
    assert "Đã kiểm 300 mục: đúng với điểm kiểm đã ký, nối tiếp đúng 1 điểm kiểm" in capsys.readouterr().out
    assert {str(path.relative_to(mirror)) for path in mirror.rglob("*") if path.is_file()} == set(log)
    (mirror / "tile/0/000").write_bytes(bytes(8192))
    assert cli.main(["transparency", "check", str(mirror), "--key", KEY.verifier]) == 1
    (mirror / "tile/0/000").unlink()
    assert cli.main(["transparency", "check", str(mirror), "--key", KEY.verifier]) == 2
    assert cli.main(["transparency", "check", str(copy), "--key", "abc"]) == 1
    said = capsys.readouterr().out
    assert "phần cây băm mức 0 số 0 khác với các mục của nó" in said
    assert "không có tệp “tile/0/000” trong thư mục" in said
    assert "khóa kiểm tra không đúng dạng" in said
