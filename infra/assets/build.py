"""The build itself: collect, fingerprint, write what changed, remove what is no longer named."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.assets.icons import icon_names, sprite
from infra.assets.node import find_npm
from infra.assets.purge import purge, words_in

ROOT = Path(__file__).resolve().parents[2]
TINOS = {
    "Regular": "400Regular",
    "Italic": "400Regular_Italic",
    "Bold": "700Bold",
    "BoldItalic": "700Bold_Italic",
}
FONTS = [
    f"be-vietnam-pro-{script}-{weight}-normal.woff2"
    for script in ("latin", "vietnamese")
    for weight in (400, 600)
]
LICENSES = {
    "tabler": "@tabler/core/LICENSE",
    "tabler-icons": "@tabler/icons/LICENSE",
    "htmx": "htmx.org/LICENSE",
    "be-vietnam-pro": "@fontsource/be-vietnam-pro/LICENSE",
    "tinos": "@expo-google-fonts/tinos/LICENSE_FONT",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the build reads and writes, all under one project root."""

    root: Path = ROOT

    @property
    def templates(self) -> Path:
        return self.root / "frontend_templates"

    @property
    def source(self) -> Path:
        return self.templates / "static" / "src"

    @property
    def dist(self) -> Path:
        return self.templates / "static" / "dist"

    @property
    def modules(self) -> Path:
        return self.root / "node_modules"


def build(place: Place | None = None) -> bool:
    """Bring `dist` up to date; True if something was written, False if nothing had changed.

    Raises `NodeMissing` if npm is needed and cannot be had, FileNotFoundError for an unknown icon.
    """
    place = place or Place()
    stamp, digest = place.dist / ".stamp", _digest(place)
    if stamp.exists() and stamp.read_text() == digest and _complete(place.dist):
        return False
    _install_packages(place)
    _write(place.dist, dict(_named_once(place)), dict(_fingerprinted(place)))
    stamp.write_text(digest)
    return True


def _inputs(place: Place) -> Iterator[Path]:
    yield place.root / "package-lock.json"
    yield from sorted(p for p in place.source.rglob("*") if p.is_file())
    yield from sorted(place.templates.rglob("*.html"))
    yield from sorted(Path(__file__).parent.glob("*.py"))


def _digest(place: Place) -> str:
    total = hashlib.sha256()
    for path in _inputs(place):
        total.update(f"{path.parent.name}/{path.name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def _complete(dist: Path) -> bool:
    manifest = dist / "manifest.json"
    if not manifest.exists():
        return False
    names = json.loads(manifest.read_text(encoding="utf-8")).values()
    return all((dist / name).exists() for name in names)


def _install_packages(place: Place) -> None:
    lock = (place.root / "package-lock.json").read_bytes()
    wanted, mark = hashlib.sha256(lock).hexdigest(), place.modules / ".installed-lock"
    if mark.exists() and mark.read_text() == wanted:
        return
    find_npm().run("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=place.root)
    mark.write_text(wanted)


def _named_once(place: Place) -> Iterator[tuple[str, bytes]]:
    """Files whose names stay: typst and licence readers look for them by name."""
    fonts = place.modules / "@expo-google-fonts" / "tinos"
    for style, folder in TINOS.items():
        yield f"fonts/tinos/Tinos-{style}.ttf", (fonts / folder / f"Tinos_{folder}.ttf").read_bytes()
    for name, path in LICENSES.items():
        if (place.modules / path).exists():
            yield f"licenses/{name}.txt", (place.modules / path).read_bytes()


def _fingerprinted(place: Place) -> Iterator[tuple[str, bytes]]:
    woff = place.modules / "@fontsource" / "be-vietnam-pro" / "files"
    fonts = {f"fonts/{name}": (woff / name).read_bytes() for name in FONTS}
    yield from fonts.items()
    yield "hocba.css", _style_sheet(place, fonts)
    htmx = (place.modules / "htmx.org" / "dist" / "htmx.min.js").read_bytes()
    yield "htmx.js", htmx.split(b"\n//# sourceMappingURL")[0]
    names = icon_names((place.source / "icons.txt").read_text(encoding="utf-8"))
    yield "icons.svg", sprite(names, place.modules / "@tabler" / "icons" / "icons" / "outline").encode()
    for folder in ("js", "img"):
        for path in sorted((place.source / folder).glob("*.*")):
            yield path.name, path.read_bytes()


def _style_sheet(place: Place, fonts: dict[str, bytes]) -> bytes:
    """Tabler's own notice, its rules that are used, then ours, with fonts by their fingerprinted names."""
    tabler = _read(place.modules / "@tabler" / "core" / "dist" / "css" / "tabler.min.css")
    own = "\n".join(map(_read, sorted((place.source / "css").glob("*.css"))))
    used = words_in(
        *map(_read, (place.source / "js").glob("*.js")), *map(_read, place.templates.rglob("*.html"))
    )
    notice = "".join(re.findall(r"/\*!.*?\*/", tabler, flags=re.S)[:1])
    whole = f"{notice}\n{purge(tabler, used, own)}\n{own}"
    return re.sub(
        r'url\("(fonts/[^"]+)"\)', lambda m: f'url("{fingerprint(m[1], fonts[m[1]])}")', whole
    ).encode()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def fingerprint(name: str, content: bytes) -> str:
    """``app.js`` → ``app.<first 10 hex digits of SHA-256>.js``; the folder stays."""
    path = Path(name)
    return str(path.with_name(f"{path.stem}.{hashlib.sha256(content).hexdigest()[:10]}{path.suffix}"))


def _write(dist: Path, named_once: dict[str, bytes], hashed: dict[str, bytes]) -> None:
    manifest = {name: fingerprint(name, content) for name, content in hashed.items()}
    files = named_once | {manifest[name]: content for name, content in hashed.items()}
    for name, content in files.items():
        target = dist / name
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    fresh = dist / "manifest.json.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(dist / "manifest.json")
    _remove_others(dist, set(files) | {"manifest.json", ".stamp"})


def _remove_others(dist: Path, wanted: set[str]) -> None:
    for path in list(dist.rglob("*")):
        if path.is_file() and str(path.relative_to(dist)) not in wanted:
            path.unlink()
    for folder in [p for p in dist.iterdir() if p.is_dir() and not any(p.rglob("*"))]:
        shutil.rmtree(folder)
