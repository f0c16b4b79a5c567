#!/bin/sh
# Installs the Debian packages that some tests need, where it may: as root, with apt. Never fails: what is missing
# is named by the tests that then cannot run. apt's own words go to .venv/apt.log.
set -u

log=.venv/apt.log
wanted='ceph-mon ceph-osd chromium libpango-1.0-0 libpangoft2-1.0-0 opensc-pkcs11 poppler-utils qpdf radosgw softhsm2 xmlsec1'

say() { printf '%s\n' "$*" >&2; }

missing() {
    for package in $wanted; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
    done
}

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || exit 0
packages=$(missing)
[ -n "$packages" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    say "Chưa cài (cần quyền root): $packages; các bài kiểm thử cần chúng sẽ được bỏ qua và nêu tên."
    exit 0
fi

say "Cài gói hệ thống cho kiểm thử: $packages…"
: >"$log"
# shellcheck disable=SC2086 # a list of words
if ! install $packages; then
    apt-get update >>"$log" 2>&1
    install $packages || for package in $packages; do install "$package"; done
fi
packages=$(missing)
[ -z "$packages" ] || say "Không cài được: $packages (xem $log); các bài kiểm thử cần chúng sẽ được bỏ qua và nêu tên."
exit 0
