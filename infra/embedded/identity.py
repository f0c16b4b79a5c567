"""Who PostgreSQL runs as. Its programs refuse root, so root needs a disguise; everybody else needs none."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.errors import StartRefused

_USER_NAMESPACE = ("unshare", "-U", "--map-user=1000", "--map-group=1000", "--")


@dataclass(frozen=True)
class Identity:
    """A prefix for commands, and the uid that then owns the files on disk."""

    prefix: tuple[str, ...]
    uid: int
    gid: int

    def command(self, *words: str | Path) -> tuple[str, ...]:
        """The command line that runs `words` under this identity."""
        return (*self.prefix, *(str(word) for word in words))

    def own(self, folder: Path) -> None:
        """Hand `folder` and all in it to this identity if somebody else has it; only root needs this."""
        if os.getuid() != 0 or folder.stat().st_uid == self.uid:
            return
        for parent, _, files in os.walk(folder):
            os.chown(parent, self.uid, self.gid)
            for name in files:
                os.chown(os.path.join(parent, name), self.uid, self.gid, follow_symlinks=False)


def current() -> Identity:
    """The identity for this process: itself, or for root a user namespace, or else the user `nobody`."""
    if os.getuid() != 0:
        return Identity((), os.getuid(), os.getgid())
    for candidate in (in_user_namespace(), as_nobody()):
        if candidate is not None and _works(candidate):
            return candidate
    raise StartRefused(
        "PostgreSQL không chạy được dưới quyền root trên máy này; hãy chạy lại bằng một tài khoản thường."
    )


def in_user_namespace() -> Identity | None:
    """Root in disguise: uid 1000 inside, still root outside, so files stay root's and need no new modes."""
    return Identity(_USER_NAMESPACE, 0, 0) if shutil.which("unshare") else None


def as_nobody() -> Identity | None:
    """The user `nobody`, who keeps the one capability that lets it through folders closed to others."""
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return None
    if not shutil.which("setpriv"):
        return None
    words = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    keep = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig=INT", "--")
    return Identity((*words, *keep), nobody.pw_uid, nobody.pw_gid)


def _works(identity: Identity) -> bool:
    trial = subprocess.run(identity.command("true"), check=False, capture_output=True, timeout=10)
    return trial.returncode == 0
