#!/bin/sh
# install.sh LOCK STAMP: make .venv if needed, install the packages of LOCK by their hashes, then write STAMP.
# Speaks on standard error only; pip's own words go to .venv/install.log and are shown when something fails.
set -eu

lock=$1
stamp=$2
venv=.venv
log=$venv/install.log
oldest='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

say() { printf '%s\n' "$*" >&2; }

# Prints the first Python that is new enough and can make virtual environments.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c "$oldest" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo 'không có python3')
    say "Cần Python 3.11 trở lên kèm mô-đun venv (máy này: $found). Hãy cài Python mới hơn; trên Debian hoặc" \
        "Ubuntu: apt-get install python3 python3-venv. Nếu Python nằm ở chỗ khác: make run PYTHON=/đường/dẫn/python3."
    exit 1
}

# A .venv that was moved, or whose Python has gone, cannot be mended: its scripts name absolute paths.
usable() {
    [ "$(cat "$venv/.home" 2>/dev/null)" = "$PWD" ] && "$venv/bin/python" -c "$oldest" >/dev/null 2>&1
}

make_venv() {
    python=$(find_python)
    say "Tạo môi trường Python trong $venv ($("$python" --version))…"
    rm -rf "$venv"
    if ! said=$("$python" -m venv "$venv" 2>&1); then
        rm -rf "$venv"
        say "$said"
        say "Không tạo được $venv bằng $python; hãy xem thông báo ở trên."
        exit 1
    fi
    printf '%s\n' "$PWD" >"$venv/.home"
}

pip() {
    if ! "$venv/bin/python" -m pip --disable-pip-version-check --no-input install "$@" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        say "Không cài được các gói trong $lock; chi tiết ở $log. Hãy kiểm tra đường mạng rồi chạy lại."
        exit 1
    fi
}

usable || make_venv
say "Cài các gói Python trong $lock (lần đầu mất khoảng một phút)…"
pip --require-hashes -r "$lock"
[ "$lock" != requirements.lock ] || pip --no-deps --no-build-isolation --editable .
touch "$stamp"
