"""A software HSM: tokens in a folder, spoken to through PKCS#11 like a real one. Wants the Debian package softhsm2.

with token_in(tmp_path) as hsm:
    handle = hsm.certified(CertificateSubject(name="Trường A", tax_code="0100000000"), service.certify)
"""

import hashlib
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backend.remote_signing.formats import csr
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.providers import hsm_keys
from backend.remote_signing.providers.hsm_words import Opening
from backend.remote_signing.providers.port import CredentialHandle

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PACKAGE = "softhsm2"
#: A module that hands every call on to another and writes it down (Debian package opensc-pkcs11).
SPY, SPY_PACKAGE = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so", "opensc-pkcs11"
PIN, _OFFICER_PIN = "246810", "13579024"


@dataclass
class SoftHsm:
    """One token; its PIN lies in a file, as an installation keeps it."""

    folder: Path
    label: str
    module: str = MODULE

    @property
    def records(self) -> "Records":
        """What the token was asked, of one that is watched."""
        return Records(self.folder / "calls.log")

    @property
    def pin_file(self) -> Path:
        """The PIN and nothing else."""
        return self.folder / "pin"

    def declaration(self, name: str = "hsm") -> str:
        """This token as a provider, for the file of HOCBA_SIGNING_PROVIDERS."""
        return (
            f'[[provider]]\nname = "{name}"\nkind = "pkcs11"\nlabel = "HSM của hệ thống"\n'
            f'settings = {{ module = "{self.module}", token = "{self.label}", pin_file = "{self.pin_file}" }}\n'
        )

    def certified(
        self,
        subject: CertificateSubject,
        certify: Callable[[bytes], Sequence[bytes]],
        *,
        kind: str = hsm_keys.RSA,
    ) -> CredentialHandle:
        """A new key for an organisation's seal with its certificate beside it; `certify` is the authority."""
        with self.opened() as token:
            key_id = token.generate(f"{subject.tax_code}/con-dau", kind, 2048)

            def sign(content: bytes) -> bytes:
                return token.sign(key_id, hashlib.sha256(content).digest())

            chain = certify(csr.build(subject, token.public_key(key_id), sign))
            token.put_certificates(key_id, chain)
        return CredentialHandle(credential_id=key_id.hex(), certificate=chain[0])

    def opening(self, pin: str = PIN) -> Opening:
        """What the processes of a pool are told."""
        return Opening(module=self.module, token=self.label, pin=pin)

    def opened(self) -> AbstractContextManager[hsm_keys.Token]:
        """A session that may write, in this process."""
        return hsm_keys.opened(MODULE, self.label, PIN)


@contextmanager
def token_in(folder: Path, label: str = "hocba-thu") -> Iterator[SoftHsm]:
    """A new token. SOFTHSM2_CONF names its folder for this process and its children while the block lasts."""
    (folder / "tokens").mkdir(parents=True, exist_ok=True)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        yield _initialized(SoftHsm(folder, label))


def another_token(hsm: SoftHsm, label: str) -> SoftHsm:
    """One more in the same folder, watched like the first."""
    return _initialized(replace(hsm, label=label))


def _initialized(hsm: SoftHsm) -> SoftHsm:
    command = ["softhsm2-util", "--init-token", "--free", "--label", hsm.label, "--pin", PIN]
    subprocess.run([*command, "--so-pin", _OFFICER_PIN], check=True, capture_output=True)
    hsm.pin_file.write_text(f"{PIN}\n")
    return hsm


@contextmanager
def watched_token_in(folder: Path, label: str = "hocba-thu") -> Iterator[SoftHsm]:
    """A new token; what processes ask of it through `hsm.module` stands in `hsm.records`."""
    with token_in(folder, label), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PKCS11SPY", MODULE)
        patch.setenv("PKCS11SPY_OUTPUT", str(folder / "calls.log"))
        yield SoftHsm(folder, label, SPY)


class Records:
    """Calls of a watched token, as the watching module wrote them down: nothing of ours stands between."""

    _ROW = re.compile(r"^    [0-9A-F]{8}  ((?:[0-9A-F]{2} )+)", re.MULTILINE)

    def __init__(self, log: Path) -> None:
        self._log = log

    def signed(self) -> Counter[str]:
        """How often each SHA-256 digest (hex) got a signature. A call that only asks for its size gives none."""
        found: Counter[str] = Counter()
        for call in self._calls("C_Sign"):
            asked, _, answer = call.partition("[out] pSignature")
            if " NULL " not in answer.partition("\n")[0] and "CKR_OK" in answer:
                data = bytes.fromhex("".join(self._ROW.findall(asked)))
                found[data[-32:].hex()] += 1
        return found

    def log_ins(self) -> int:
        """How often a PIN was shown."""
        return len(self._calls("C_Login"))

    def _calls(self, name: str) -> list[str]:
        if not self._log.exists():
            return []
        calls = re.split(r"\n\d+: ", self._log.read_text(errors="replace"))
        return [call for call in calls if call.startswith(f"{name}\n")]
