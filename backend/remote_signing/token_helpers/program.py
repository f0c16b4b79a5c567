"""The program on the computer at the school into which the seal's token is plugged (`hocba token-helper`).

It fetches hashes, says how many and under which code, asks for the token's PIN at the console, and hands the values in.
The PIN stays in this process for one batch; the token's key stays in the token.
"""

import asyncio
import base64
import getpass
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from backend.core import clock, egress, http_client
from backend.core.errors import AppError, Invalid
from backend.remote_signing.formats import csr
from backend.remote_signing.providers import hsm_keys
from backend.remote_signing.token_helpers import device_keys
from backend.remote_signing.token_helpers.schemas import (
    SIGNATURE_HEADER,
    TIME_HEADER,
    Accepted,
    Asking,
    HandIn,
    Paired,
    Pairing,
    Refusal,
    Work,
    WorkList,
    fingerprint,
    said,
)

#: What may go wrong; each is told in one sentence.
TROUBLE = (AppError, hsm_keys.TokenTrouble, http_client.HttpFailure, OSError)
Tell = Callable[[str], None]
#: Seconds until a site that did not answer is asked again.
_AGAIN = 5.0
_Answer = TypeVar("_Answer")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed. `pin_file` is for tests and for machines that nobody sits at; else the console asks."""

    state: Path
    site: str = ""
    code: str = ""
    module: str = ""
    token: str = ""
    issuers: Path | None = None
    pin_file: Path | None = None
    once: bool = False


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the computer keeps, readable by its owner alone: its own key, and where it belongs."""

    site: str
    name: str
    private_key: bytes
    module: str
    token: str
    key_id: str

    def __repr__(self) -> str:
        return f"Memory(site={self.site!r}, name={self.name!r})"


def pair(options: Options, tell: Tell) -> None:
    """Show the code with the token's certificate. Raises one of `TROUBLE`."""
    site = options.site.rstrip("/")
    address = urlsplit(site)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise Invalid("Địa chỉ trang phải bắt đầu bằng https://.")
    if options.state.exists():
        raise Invalid(f"Máy này đã ghép (tệp {options.state}); muốn ghép lại, xin xóa tệp ấy trước.")
    label, key_id, chain = _certificate_in(options)
    private = device_keys.new_key()
    public = device_keys.public_key(private)
    shown = Pairing(
        code=options.code,
        machine=platform.node() or "máy cắm token",
        public_key=public,
        key_id=key_id.hex(),
        certificate=chain[0],
        chain=tuple(chain[1:]),
    )
    paired = asyncio.run(_post(f"{site}/may-ky/ghep", msgspec.json.encode(shown), {}, Paired))
    memory = Memory(
        site=site,
        name=paired.name,
        private_key=private,
        module=options.module,
        token=label,
        key_id=key_id.hex(),
    )
    options.state.parent.mkdir(parents=True, exist_ok=True)
    options.state.touch(mode=0o600, exist_ok=False)
    options.state.write_bytes(msgspec.json.encode(memory))
    tell(f"Đã gửi. Khóa máy: {fingerprint(public)}")
    tell("Xin so khóa máy này với khóa hiện ở trang Token USB trước khi hai người duyệt.")


def _certificate_in(options: Options) -> tuple[str, bytes, list[bytes]]:
    """Label of the token, id of its only signing key with a certificate, and the chain. Raises TokenTrouble, Invalid."""
    try:
        extra = csr.all_in(options.issuers.read_bytes()) if options.issuers else []
    except ValueError as error:
        raise Invalid(f"Tệp {options.issuers} không chứa chứng thư dạng PEM.") from error
    with hsm_keys.opened(options.module, options.token, _pin(options)) as token:
        held = token.certificates()
        own = [one for one in held if one.has_key]
        if len(own) != 1:
            raise Invalid(
                f"Token phải có đúng một khóa kèm chứng thư số, đang thấy {len(own)}; xin hỏi bên cấp token."
            )
        others = [one.certificate for one in held if not one.has_key]
        return token.facts.label, own[0].key_id, csr.linked(own[0].certificate, [*others, *extra])


async def run(options: Options, tell: Tell) -> None:
    """Fetch and sign until stopped; with `once` until nothing waits. Raises one of `TROUBLE`."""
    memory = _remembered(options.state)
    try:
        while True:
            try:
                found = await _asked(memory, "viec", Asking(wait=0.0 if options.once else 20.0), WorkList)
            except http_client.HttpFailure as error:
                if options.once:
                    raise
                tell(f"Chưa kết nối được {memory.site} ({error}); sẽ thử lại.")
                await asyncio.sleep(_AGAIN)
                continue
            if not found.active:
                tell("Máy này đang chờ hai người của trường duyệt.")
            for work in found.work:
                await _sign(memory, options, work, tell)
            if options.once:
                return
            if not found.active:
                await asyncio.sleep(_AGAIN)
    finally:
        await http_client.aclose()


async def _sign(memory: Memory, options: Options, work: Work, tell: Tell) -> None:
    """One call: a person sees what it is and types the PIN, or nothing, which declines it.

    Raises TokenTrouble for a PIN that is refused: never loop.
    """
    tell(f"\n{work.description}")
    tell(f"{len(work.hashes)} chữ ký. So mã lô với trang ký rồi nhập mã PIN để ký; để trống là từ chối ký.")
    pin = _pin(options)
    if not pin:
        await _asked(memory, "tu-choi", Refusal(call=work.call), Accepted)
        tell("Đã từ chối ký; hồ sơ trở lại khay ký.")
        return
    with hsm_keys.opened(memory.module, memory.token, pin) as token:
        key_id = bytes.fromhex(memory.key_id)
        values = tuple(token.sign(key_id, digest) for digest in work.hashes)
    taken = await _asked(memory, "ket-qua", HandIn(call=work.call, values=values), Accepted)
    tell(f"Đã ký và gửi {taken.taken} chữ ký.")


def _pin(options: Options) -> str:
    if options.pin_file is not None:
        return options.pin_file.read_text().strip()
    return getpass.getpass("Mã PIN của token: ", stream=sys.stderr)


def _remembered(file: Path) -> Memory:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Memory)
    except (OSError, msgspec.MsgspecError) as error:
        raise Invalid(
            f"Máy này chưa ghép (không đọc được {file}); xin chạy hocba token-helper pair."
        ) from error


async def _asked(memory: Memory, what: str, sent: msgspec.Struct, kind: type[_Answer]) -> _Answer:
    """One request, signed with the computer's own key."""
    path = f"/may-ky/{memory.name}/{what}"
    body, moment = msgspec.json.encode(sent), f"{clock.now().timestamp():.3f}"
    signature = device_keys.sign(memory.private_key, said(path, moment, body))
    headers = {TIME_HEADER: moment, SIGNATURE_HEADER: base64.b64encode(signature).decode()}
    return await _post(memory.site + path, body, headers, kind)


async def _post(url: str, body: bytes, headers: dict[str, str], kind: type[_Answer]) -> _Answer:
    wanted = {"accept": "application/json", "content-type": "application/json", **headers}
    site = egress.only(urlsplit(url).hostname or "")
    answer = await http_client.request(
        "POST", url, headers=wanted, content=body, total_timeout=40.0, ways=site
    )
    try:
        if answer.status != 200:
            problem: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
            raise Invalid(str(problem.get("detail") or f"Trang trả lời {answer.status}."))
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{url} không phải trang của hệ thống học bạ số (trả lời {answer.status}).") from error
