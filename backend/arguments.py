"""What may be typed after `hocba`, and how it is explained. A command is named here; `cli` has it."""

import argparse
import uuid
from pathlib import Path

#: Options of `hocba school open`, all of which are needed.
SCHOOL_OPTIONS = {
    "name": "tên trường",
    "code": "mã trường, 8 đến 10 chữ số",
    "tax-code": "mã số thuế",
    "province-code": "mã tỉnh, thành phố, ví dụ 14",
    "ward": "xã, phường, đặc khu",
    "levels": "cấp học, cách nhau bằng dấu phẩy: primary,lower_secondary,upper_secondary",
    "owner": "họ tên chủ trường",
    "email": "địa chỉ thư của chủ trường",
}


_HELPER_STATE = Path.home() / ".hocba-token-helper.json"
#: What `hocba hsm` does in a token.
_HSM_VERBS = {
    "generate": "tạo khóa trong token trước hai người, ghi biên bản",
    "request": "in yêu cầu cấp chứng thư (PKCS#10), ký bằng khóa trong token",
    "put": "đặt chứng thư đã được cấp vào token, cạnh khóa của nó",
    "list": "liệt kê các khóa",
    "check": "ký thử một chuỗi vô hại và thử lấy khóa ra khỏi token",
}


def parser() -> argparse.ArgumentParser:
    """What may be typed; `command` of what was chosen names a command of `cli`."""
    made = argparse.ArgumentParser(prog="hocba", description="Học bạ số: lập, ký số, phát hành, xác thực.")
    commands = made.add_subparsers(required=True, metavar="LỆNH")

    serve = _add(commands, "serve", "serve", "chạy trang web")
    serve.add_argument("--processes", type=int, default=1, help="số tiến trình (mặc định: 1)")

    _add(commands, "work", "work", "chạy tiến trình xử lý việc nền")
    _add(commands, "dispatch", "dispatch", "chạy bộ chuyển sự kiện và chia việc")
    _add(commands, "migrate", "migrate", "đưa lược đồ cơ sở dữ liệu lên bản mới nhất")
    migrations = _add(commands, "migrations", "check_migrations", "kiểm tra lược đồ có khớp với mã nguồn")
    migrations.add_argument("action", choices=("check",))

    _add(commands, "console", "console", "chạy bảng vận hành (dành cho bên vận hành)")
    console = _add(commands, "console-link", "console_link", "cấp đường dẫn vào bảng vận hành, dùng một lần")
    _add_operator(console)

    reset = _add(
        commands, "reset-link", "reset_link", "cấp đường dẫn đặt lại tài khoản, khi trường không tự làm được"
    )
    _add_operator(reset)
    reset.add_argument("login", metavar="TÊN_ĐĂNG_NHẬP")

    rotate = _add(commands, "rotate-secrets", "rotate_secrets", "đổi khóa niêm phong bí mật của từng trường")
    rotate.add_argument("schools", type=uuid.UUID, nargs="+", metavar="MÃ_TRƯỜNG")

    pack = _add(commands, "evidence", "evidence", "lập gói bằng chứng của một học bạ đã phát hành")
    _add_operator(pack)
    pack.add_argument("school", type=uuid.UUID, metavar="MÃ_TRƯỜNG")
    pack.add_argument("version", type=uuid.UUID, metavar="PHIÊN_BẢN")
    pack.add_argument("--reason", required=True, metavar="LÝ_DO", help="ghi vào nhật ký của trường")
    pack.add_argument("--out", type=Path, metavar="TỆP")

    audit = _add(commands, "audit", "audit_check", "kiểm tra nhật ký có bị sửa, xóa hay chèn thêm")
    audit.add_argument("action", choices=("check",))
    audit.add_argument("--school", type=uuid.UUID, action="append", metavar="MÃ", help="chỉ kiểm trường này")
    audit.add_argument(
        "--seen",
        type=_seen,
        action="append",
        default=[],
        metavar="SỐ:SHA256",
        help="điểm niêm phong đã ghi lại",
    )
    forward = _add(
        commands,
        "restore-forward",
        "restore_forward",
        "sau khi khôi phục bản sao lưu cũ: dựng lại từ kho lưu trữ",
    )
    _add_operator(forward)
    forward.add_argument(
        "--school",
        type=uuid.UUID,
        action="append",
        metavar="MÃ",
        help="chỉ trường này (mặc định: mọi trường)",
    )
    forward.add_argument("--write", action="store_true", help="ghi thật; không có thì chỉ nói sẽ làm gì")

    _add_transparency(commands)

    storage = _add(commands, "storage", "storage_probe", "thử xem kho lưu trữ có giữ được tệp đã khóa")
    storage.add_argument("action", choices=("probe",))
    _add_school(commands)

    _add_hsm(commands)

    _add_token_helper(commands)

    assess = _add(commands, "assess", "assess", "tính kết quả một học sinh: JSON vào, JSON ra")
    assess.add_argument("--lines", action="store_true", help="mỗi dòng là một học sinh")

    verify = _add(commands, "verify", "verify", "kiểm tra học bạ đã ký, không cần mạng")
    verify.add_argument("file", type=Path, metavar="TỆP")
    verify.add_argument("--trust", type=Path, metavar="THƯ_MỤC", help="thư mục chứng thư gốc tin cậy (PEM)")
    verify.add_argument("--at", metavar="THỜI_ĐIỂM", help="thời điểm xét, dạng RFC 3339")
    verify.add_argument("--json", action="store_true", help="in JSON cho chương trình khác đọc")

    check = _add(
        commands,
        "check-package",
        "check_package",
        "kiểm tra PDF, XML và JSON của một học bạ có khớp nhau, không cần mạng",
    )
    check.add_argument("file", type=Path, metavar="TỆP")
    package_schema = _add(commands, "package-schema", "package_schema", "in lược đồ của gói dữ liệu học bạ")
    package_schema.add_argument("name", choices=("hocba.snapshot.1.json", "hocba.snapshot.1.xsd"))
    _add_profiles(commands)
    return made


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: str,
    help_text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(command=command)
    return parser


def _add_school(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    school = commands.add_parser("school", help="mở trường (dành cho bên vận hành)")
    _add_operator(school)
    verbs = school.add_subparsers(required=True, metavar="VIỆC")
    _add(verbs, "pending", "school_pending", "liệt kê hồ sơ đang chờ duyệt")
    _add(
        verbs, "approve", "school_approve", "duyệt hồ sơ, mở trường, in liên kết cho chủ trường"
    ).add_argument("application", type=uuid.UUID, metavar="MÃ_HỒ_SƠ")
    refuse = _add(verbs, "refuse", "school_refuse", "từ chối hồ sơ")
    refuse.add_argument("application", type=uuid.UUID, metavar="MÃ_HỒ_SƠ")
    refuse.add_argument("--reason", required=True, help="lý do")
    opened = _add(verbs, "open", "school_open", "mở trường mà bên vận hành đã đối chiếu")
    for name, words in SCHOOL_OPTIONS.items():
        opened.add_argument(f"--{name}", required=True, help=words)


def _add_profiles(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    profile = _add(
        commands,
        "profile",
        "profile",
        "hồ sơ kết nối cơ quan tiếp nhận: kiểm tra, ghi thử, so sánh, thử, lưu mẫu, phá thử, công bố",
    )
    deeds = ("check", "render", "diff", "test", "keep", "sabotage", "publish")
    profile.add_argument("deed", choices=deeds, metavar="VIỆC", help=", ".join(deeds))
    profile.add_argument("file", type=Path, metavar="TỆP")
    profile.add_argument("other", type=Path, nargs="?", metavar="TỆP_KIA", help="diff: hồ sơ để so sánh")
    profile.add_argument("--sample", default="submit-primary", metavar="MẪU", help="render: mẫu để ghi")
    profile.add_argument("--name", default="sandbox", metavar="TÊN", help="publish: tên khóa ký")
    profile.add_argument("--key", type=Path, metavar="TỆP", help="publish: khóa Ed25519, 32 byte")
    simulator = _add(
        commands, "simulator", "simulator", "chạy một cơ quan tiếp nhận mô phỏng theo hồ sơ kết nối"
    )
    simulator.add_argument("profile", type=Path, metavar="TỆP")
    simulator.add_argument("options", nargs=argparse.REMAINDER, help="--data THƯ_MỤC --port CỔNG …")


def _add_transparency(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    words = "kiểm tra nhật ký minh bạch, không dùng chung mã nguồn với nơi ghi nhật ký"
    log = commands.add_parser("transparency", help=words, description=words)
    verbs = log.add_subparsers(required=True, metavar="VIỆC")
    whole = _add(verbs, "check", "transparency_check", "kiểm tra toàn bộ nhật ký")
    whole.add_argument("place", metavar="ĐỊA_CHỈ", help="https://…/minh-bach, hoặc thư mục chứa bản sao")
    whole.add_argument(
        "--seen", type=Path, action="append", default=[], metavar="TỆP", help="điểm kiểm đã ghi lại lần trước"
    )
    whole.add_argument("--mirror", type=Path, metavar="THƯ_MỤC", help="giữ lại một bản sao ở đây")
    proof = _add(verbs, "proof", "transparency_proof", "kiểm tra một chứng minh, không cần mạng")
    proof.add_argument("file", type=Path, metavar="TỆP")
    proof.add_argument("--document", type=Path, metavar="TỆP", help="học bạ mà chứng minh này nói về")
    grown = _add(
        verbs,
        "growth",
        "transparency_growth",
        "kiểm tra nhật ký chỉ dài thêm từ một điểm kiểm, không cần mạng",
    )
    grown.add_argument("file", type=Path, metavar="TỆP", help="tải ở /minh-bach/noi-tiep/SỐ_MỤC")
    grown.add_argument(
        "--seen", type=Path, required=True, metavar="TỆP", help="điểm kiểm đã ghi lại lần trước"
    )
    for verb in (whole, proof, grown):
        verb.add_argument("--key", required=True, metavar="KHÓA", help="khóa kiểm tra của nhật ký")


def _add_hsm(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    hsm = commands.add_parser("hsm", help="khóa của con dấu số trong thiết bị HSM (dành cho bên vận hành)")
    hsm.add_argument("--module", required=True, metavar="TỆP", help="thư viện PKCS#11 của thiết bị (.so)")
    hsm.add_argument("--token", required=True, metavar="NHÃN", help="nhãn của token")
    hsm.add_argument("--pin-file", type=Path, metavar="TỆP", help="tệp chứa mã PIN (không có thì hỏi)")
    verbs = hsm.add_subparsers(required=True, metavar="VIỆC")
    for name, words in _HSM_VERBS.items():
        verb = _add(verbs, name, "hsm", words)
        verb.set_defaults(verb=name)
        if name not in ("generate", "list"):
            verb.add_argument("--key", required=True, metavar="MÃ", help="mã của khóa, xem `hocba hsm list`")
        if name in ("generate", "request"):
            verb.add_argument("--name", required=True, help="tên trường, đúng như trong hồ sơ trường")
            verb.add_argument("--tax-code", required=True, help="mã số thuế của trường")
        if name == "generate":
            verb.add_argument(
                "--kind", choices=("rsa", "ec"), default="rsa", help="loại khóa (mặc định: rsa)"
            )
            verb.add_argument(
                "--bits", type=int, choices=(2048, 3072, 4096), default=2048, help="độ dài khóa RSA"
            )
            people = "người chứng kiến, họ tên và chức vụ; cần đúng hai lần"
            verb.add_argument("--person", action="append", default=[], metavar="NGƯỜI", help=people)
            verb.add_argument("--record", type=Path, required=True, metavar="TỆP", help="nơi ghi biên bản")
        if name == "put":
            verb.add_argument(
                "file", type=Path, metavar="TỆP_PEM", help="chứng thư rồi đến các chứng thư cấp trên"
            )
    read = _add(commands, "hsm-record", "hsm_record", "kiểm tra biên bản tạo khóa, không cần thiết bị")
    read.add_argument("file", type=Path, metavar="TỆP")


def _add_token_helper(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    words = "chương trình trên máy cắm token USB của con dấu"
    helper = commands.add_parser("token-helper", help=words, description=words)
    verbs = helper.add_subparsers(required=True, metavar="VIỆC")
    pair = _add(verbs, "pair", "token_helper", "ghép máy này với trang, một lần")
    pair.add_argument("--site", required=True, metavar="ĐỊA_CHỈ", help="địa chỉ trang, https://…")
    pair.add_argument("--code", required=True, metavar="MÃ", help="mã ghép máy, ở trang con dấu số")
    pair.add_argument("--module", required=True, metavar="TỆP", help="thư viện PKCS#11 của token")
    pair.add_argument("--token", default="", metavar="NHÃN", help="nhãn của token, khi cắm nhiều token")
    pair.add_argument(
        "--issuers", type=Path, metavar="TỆP_PEM", help="chứng thư cấp trên, khi token không có"
    )
    run = _add(verbs, "run", "token_helper", "chờ việc, hỏi mã PIN rồi ký")
    run.add_argument("--once", action="store_true", help="ký những gì đang chờ rồi thôi")
    for verb, name in ((pair, "pair"), (run, "run")):
        verb.set_defaults(verb=name)
        verb.add_argument(
            "--state", type=Path, default=_HELPER_STATE, metavar="TỆP", help="nơi nhớ việc ghép"
        )
        verb.add_argument("--pin-file", type=Path, metavar="TỆP", help="tệp chứa mã PIN (không có thì hỏi)")


def _add_operator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operator", help="tên người vận hành, ghi vào nhật ký (mặc định: tên người dùng của máy)"
    )


def _seen(text: str) -> tuple[int, str]:
    """A checkpoint that somebody noted: "12:3f…" → number and SHA-256. Raises ValueError, which argparse tells."""
    number, _, sha256 = text.partition(":")
    return int(number), sha256
