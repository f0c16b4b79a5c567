"""The build: repeatable, fingerprinted, from a lock that names no host."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from infra.assets import node
from infra.assets.build import ROOT, TINOS, Place, build, fingerprint


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A copy of the project's sources; the installed npm packages are shared, so no npm is called."""
    build()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "frontend_templates", tmp_path / "frontend_templates", ignore=shutil.ignore_patterns("dist")
    )
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return Place(root=tmp_path)


def files(place: Place) -> dict[str, bytes]:
    return {str(p.relative_to(place.dist)): p.read_bytes() for p in place.dist.rglob("*") if p.is_file()}


def manifest(place: Place) -> dict[str, str]:
    names: dict[str, str] = json.loads((place.dist / "manifest.json").read_text(encoding="utf-8"))
    return names


def test_a_second_build_writes_nothing(place: Place) -> None:
    assert build(place) is True
    first = files(place)
    assert build(place) is False
    shutil.rmtree(place.dist)
    assert build(place) is True
    assert files(place) == first


def test_names_carry_the_content(place: Place) -> None:
    build(place)
    for logical, name in manifest(place).items():
        assert name == fingerprint(logical, (place.dist / name).read_bytes())
    css = (place.dist / manifest(place)["hocba.css"]).read_text(encoding="utf-8")
    assert "Copyright" in css.splitlines()[2], "Tabler's licence asks that its notice stays"
    for logical, name in manifest(place).items():
        assert (f'url("{name}")' in css) is logical.startswith("fonts/")


def test_a_changed_script_gets_a_new_name_and_the_old_one_goes(place: Place) -> None:
    build(place)
    before = manifest(place)["app.js"]
    script = place.source / "js" / "app.js"
    script.write_text(script.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert build(place) is True
    assert manifest(place)["app.js"] != before
    assert not (place.dist / before).exists()


def test_a_lost_file_is_built_again(place: Place) -> None:
    build(place)
    lost = place.dist / manifest(place)["htmx.js"]
    lost.unlink()
    assert build(place) is True
    assert lost.exists()


def test_typst_finds_four_styles_of_tinos_by_name(place: Place) -> None:
    build(place)
    fonts = {p.name: p.read_bytes()[:4] for p in (place.dist / "fonts" / "tinos").iterdir()}
    assert fonts == {f"Tinos-{style}.ttf": b"\x00\x01\x00\x00" for style in TINOS}


def test_an_unknown_icon_is_named(place: Place) -> None:
    (place.source / "icons.txt").write_text("home khong-co", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="khong-co"):
        build(place)


def test_the_lock_names_no_host() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for path, package in lock["packages"].items() if path]
    assert packages
    for package in packages:
        assert "resolved" not in package
        assert package["integrity"].startswith("sha512-")


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def test_an_old_node_of_the_machine_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "npm", "10")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setattr(node, "_from_wheel", lambda: None)
    program(tmp_path, "node", "v18.19.0")
    with pytest.raises(node.NodeMissing, match=r"Node\.js 20"):
        node.find_npm()
    program(tmp_path, "node", "v20.1.0")
    assert node.find_npm().command == (str(tmp_path / "npm"),)


def test_a_failing_npm_says_why(tmp_path: Path) -> None:
    program(tmp_path, "npm", "hỏng rồi; exit 3")
    npm = node.Npm(command=(str(tmp_path / "npm"),), path_first=tmp_path)
    with pytest.raises(node.NodeMissing, match="hỏng rồi"):
        npm.run("ci", cwd=tmp_path)
