"""`hocba hsm …`: keys of seals in an HSM, by the operator's hands. Needs the device's module, and no setting."""

import getpass
from pathlib import Path
from typing import TextIO

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Invalid
from backend.remote_signing.credentials import ceremony
from backend.remote_signing.formats.schemas import CertificateSubject

_DONE, _REFUSED = 0, 1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed; each verb reads its own."""

    verb: str
    module: str
    token: str
    pin_file: Path | None = None
    key: str = ""
    name: str = ""
    tax_code: str = ""
    kind: str = ceremony.RSA
    bits: int = 2048
    person: list[str] = []
    record: Path = Path()
    file: Path = Path()

    @property
    def school(self) -> CertificateSubject:
        """Whose seal it is to be."""
        return CertificateSubject(name=self.name.strip(), tax_code=self.tax_code.strip())

    @property
    def key_id(self) -> bytes:
        """Raises Invalid for what is no id."""
        try:
            return bytes.fromhex(self.key)
        except ValueError as error:
            raise Invalid(f"Mã khóa “{self.key}” phải gồm các chữ số thập lục phân.") from error


def run(options: Options, out: TextIO, err: TextIO) -> int:
    """Do one thing in the token; the exit status. What cannot be done is told in one sentence."""
    try:
        with ceremony.opened(options.module, options.token, _pin(options)) as token:
            _VERBS[options.verb](token, options, out)
    except (AppError, ceremony.TokenTrouble) as error:
        print(f"hocba hsm {options.verb}: {error}", file=err)
        return _REFUSED
    return _DONE


def read_record(file: Path, out: TextIO, err: TextIO) -> int:
    """Say what a record says, if its key has signed it; the exit status."""
    try:
        record = ceremony.from_file(file.read_bytes())
    except (AppError, OSError) as error:
        print(f"hocba hsm-record: {error}", file=err)
        return _REFUSED
    print(f"Biên bản còn nguyên, do chính khóa {record.key_id} ký.", file=out)
    print(f"Lúc {record.at.astimezone(clock.VIETNAM):%H:%M ngày %d/%m/%Y}.", file=out)
    print(f"Trường: {record.school.name}, mã số thuế {record.school.tax_code}.", file=out)
    print(f"Token: {record.token.label}, số {record.token.serial}, {record.token.manufacturer}.", file=out)
    print(f"Người chứng kiến: {'; '.join(record.people)}.", file=out)
    return _DONE


def _generate(token: ceremony.Token, options: Options, out: TextIO) -> None:
    # The file comes first: no key without a record.
    try:
        file = options.record.open("xb")
    except OSError as error:
        raise Invalid(
            f"Không ghi được biên bản vào tệp mới {options.record}: {error.strerror}; chưa có khóa nào được tạo."
        ) from error
    try:
        with file:
            signed = ceremony.generate(
                token, options.school, options.kind, options.bits, options.person, clock.now()
            )
            file.write(ceremony.to_file(signed))
    except Exception:
        options.record.unlink()
        raise
    print(f"Đã tạo khóa {signed.record.key_id}, nhãn {signed.record.label}.", file=out)
    print(f"Biên bản: {options.record}", file=out)


def _pin(options: Options) -> str:
    if options.pin_file is None:
        return getpass.getpass("Mã PIN của token: ")
    try:
        return options.pin_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"Không đọc được tệp mã PIN {options.pin_file}.") from error


def _request(token: ceremony.Token, options: Options, out: TextIO) -> None:
    out.write(ceremony.request(token, options.key_id, options.school).decode())


def _put(token: ceremony.Token, options: Options, out: TextIO) -> None:
    try:
        pem = options.file.read_bytes()
    except OSError as error:
        raise Invalid(f"Không đọc được tệp {options.file}: {error.strerror}.") from error
    facts = ceremony.put(token, options.key_id, pem)
    print(f"Đã đặt chứng thư số {facts.serial} của {facts.subject_name} cạnh khóa {options.key}.", file=out)
    print(f"Nhà trường đăng ký con dấu với tài khoản: {token.label_of(options.key_id)}", file=out)


def _list(token: ceremony.Token, options: Options, out: TextIO) -> None:
    found = token.list_keys()
    for key in found:
        told = "có chứng thư" if key.certificates else "chưa có chứng thư"
        print(f"{key.key_id.hex()}  {key.kind}  {key.label}  {told}", file=out)
    print(f"{len(found)} khóa.", file=out)


def _check(token: ceremony.Token, options: Options, out: TextIO) -> None:
    proof = ceremony.check(token, options.key_id)
    print(f"Khóa {options.key} ký được và không lấy ra được.", file=out)
    print(f"Đọc phần bí mật: {proof.reading}. Bọc rồi lấy ra: {proof.wrapping}.", file=out)


_VERBS = {"generate": _generate, "request": _request, "put": _put, "list": _list, "check": _check}
