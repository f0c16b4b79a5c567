"""`hocba profile …`: check a profile, see what it writes, compare two, test one, break one; and publish."""

from pathlib import Path
from typing import TextIO

from backend.integrations.profiles import breaking, catalog, comparing, signature
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.comparing import golden_of
from backend.integrations.profiles.reading import BadProfile

_OK, _DIFFERENT, _UNUSABLE = 0, 1, 2


def check(file: Path, out: TextIO) -> int:
    """Everything that is wrong, a line each with file, line and reason; status 1 when something is."""
    edition = _load(file, out)
    if edition is None:
        return _DIFFERENT
    print(f"{file.name}: dùng được. Mã băm {edition.digest}", file=out)
    return _OK


def render(file: Path, sample: str, out: TextIO) -> int:
    """The message that the profile makes of a sample, as it would leave."""
    edition = _load(file, out)
    if edition is None:
        return _DIFFERENT
    known = breaking.goldens(edition.profile)
    if sample not in known:
        print(f"không có mẫu «{sample}»; các mẫu: {', '.join(known)}", file=out)
        return _UNUSABLE
    out.write(_rendered(edition, sample).decode())
    return _OK


def diff(file: Path, other: Path, out: TextIO) -> int:
    """In what two profiles differ: their words, then what they make of each sample. Status 1 when they do."""
    first, second = _load(file, out), _load(other, out)
    if first is None or second is None:
        return _UNUSABLE
    lines = list(comparing.differences(first, second))
    out.writelines(lines)
    return _DIFFERENT if lines else _OK


def test(file: Path, out: TextIO) -> int:
    """Compare what the profile makes of the samples with its golden files, and say which are missing or differ."""
    edition = _load(file, out)
    if edition is None:
        return _DIFFERENT
    held = dict(comparing.held(edition, file))
    wrong = [sample for sample, is_same in held.items() if not is_same]
    for sample in wrong:
        golden = golden_of(file, sample)
        print(f"{sample}: khác {golden.parent.name}/{golden.name}, hoặc chưa có tệp ấy", file=out)
    print(f"{len(held) - len(wrong)} mẫu đúng, {len(wrong)} mẫu sai", file=out)
    return _DIFFERENT if wrong else _OK


def keep(file: Path, out: TextIO) -> int:
    """Write the golden files anew: a person has read them."""
    edition = _load(file, out)
    if edition is None:
        return _DIFFERENT
    for sample in breaking.goldens(edition.profile):
        golden = golden_of(file, sample)
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(_rendered(edition, sample))
    print(f"đã ghi {len(breaking.goldens(edition.profile))} mẫu vào {golden_of(file, '').parent}", file=out)
    return _OK


def sabotage(file: Path, out: TextIO) -> int:
    """Break the profile in every place, one at a time; status 1 when a breakage goes unnoticed by check and test."""
    edition = _load(file, out)
    if edition is None:
        return _DIFFERENT
    goldens = {sample: golden_of(file, sample) for sample in breaking.goldens(edition.profile)}
    expected = {sample: path.read_bytes() if path.is_file() else b"" for sample, path in goldens.items()}
    noticed, unnoticed = 0, []
    for broken in breaking.breakages(edition.text.document):
        if breaking.is_noticed(edition, broken, expected):
            noticed += 1
        else:
            unnoticed.append(broken)
    for broken in unnoticed:
        print(str(edition.text.problem(broken.place, f"không ai nhận ra: {broken.what}")), file=out)
    print(f"{noticed} chỗ phá bị phát hiện, {len(unnoticed)} chỗ không", file=out)
    return _DIFFERENT if unnoticed else _OK


def publish(file: Path, key_name: str, key_file: Path | None, out: TextIO) -> int:
    """Sign the profile as it lies there. From then on it is not changed: the next edition takes the next number.

    What was published once stays in the list of the folder; under its name nothing else is ever signed.
    """
    edition = _load(file, out)
    if edition is None:
        return _DIFFERENT
    known = catalog.ledger(file.parent)
    if known.get(edition.profile.profile, edition.digest) != edition.digest:
        print(
            f"{file.name}: {edition.profile.profile} đã công bố với nội dung khác "
            f"({known[edition.profile.profile]}) và không sửa được nữa; hãy trả tệp về như cũ, chép nội dung mới sang "
            "phiên bản kế tiếp rồi công bố phiên bản ấy",
            file=out,
        )
        return _DIFFERENT
    key = key_file.read_bytes() if key_file else signature.sandbox_key()
    line = catalog.signature_path(file)
    line.write_text(signature.sign(edition.digest, key_name, key), "utf-8")
    catalog.write_ledger(file.parent, known | {edition.profile.profile: edition.digest})
    print(
        f"đã ký {edition.digest} bằng khóa {key_name} ({signature.public_of(key)}) vào {line.name}", file=out
    )
    return _OK


def _load(file: Path, out: TextIO) -> Edition | None:
    try:
        return catalog.load(file, {})
    except BadProfile as error:
        print(str(error), file=out)
        return None


def _rendered(edition: Edition, sample: str) -> bytes:
    return breaking.rendered(edition.profile, sample)
