"""What `make run` says at the end works as it stands."""

from pathlib import Path

from infra.demo.run import verify_command

ROOT = Path(__file__).resolve().parents[3]


def test_the_installation_s_own_anchors_need_no_name() -> None:
    assert verify_command(ROOT / ".hocba", Path("a.pdf")) == ".venv/bin/hocba verify a.pdf"


def test_anchors_elsewhere_are_named(tmp_path: Path) -> None:
    command = verify_command(tmp_path / "thử", tmp_path / "a.pdf")
    assert command == f".venv/bin/hocba verify {tmp_path / 'a.pdf'} --trust '{tmp_path / 'thử' / 'trust'}'"
