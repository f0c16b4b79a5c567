"""What proves who one is, for which deed, and from when on: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.actor import SignIn
from backend.core.ids import new_id
from backend.tenants.access import rules
from backend.tenants.access.schemas import Wanted
from backend.tenants.factors.rules import passkey_signs_from
from backend.tenants.factors.schemas import Authenticator, Factor, Means, Passkey, PasskeyId

NOW = datetime(2026, 5, 30, 8, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)


def had(*, passkey: bool = False, app: bool = False, codes: int = 0, signs_from: datetime = NOW) -> Means:
    """What somebody has."""
    key = Passkey(
        id=PasskeyId(new_id()),
        credential_id=b"k",
        name="Khóa",
        added_at=NOW,
        signing_from=signs_from,
        used_at=None,
    )
    return Means(
        passkeys=(key,) if passkey else (),
        authenticator=Authenticator(confirmed_at=NOW, signing_from=signs_from) if app else None,
        recovery_codes=codes,
    )


@pytest.mark.parametrize(
    ("factor", "means", "for_factors", "trial", "proved"),
    [
        (Factor.PASSKEY, had(passkey=True), False, False, True),
        (Factor.ONE_TIME_CODE, had(app=True), False, False, True),
        (Factor.PASSWORD, had(), False, False, False),
        (Factor.PASSWORD, had(), False, True, True),
        (Factor.PASSWORD, had(), True, False, True),
        (Factor.PASSWORD, had(passkey=True), False, True, False),
        (Factor.PASSWORD, had(app=True), True, True, False),
        (Factor.ELSEWHERE, had(passkey=True), True, False, False),
        (Factor.ELSEWHERE, had(), True, False, False),
        (Factor.ELSEWHERE, had(), True, True, False),
        (Factor.ELSEWHERE, had(), False, True, False),
        (Factor.RECOVERY_CODE, had(passkey=True), True, False, True),
        (Factor.RECOVERY_CODE, had(passkey=True), False, False, False),
        (Factor.RECOVERY_CODE, had(), False, True, False),
    ],
)
def test_what_counts_as_proof(
    factor: Factor, means: Means, for_factors: bool, trial: bool, proved: bool
) -> None:
    for age, counts in (
        (timedelta(0), proved),
        (timedelta(minutes=5), proved),
        (timedelta(minutes=5, seconds=1), False),
    ):
        sign_in = SignIn(
            session_id=new_id(), held="", account_id=new_id(), factor=factor, verified_at=NOW - age
        )
        assert rules.is_proved(sign_in, means, NOW, LONG_AGO, for_factors=for_factors, trial=trial) is counts


TOMORROW = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("shown", "means", "born_at", "waits"),
    [
        (Factor.PASSKEY, had(passkey=True), LONG_AGO, None),
        (Factor.PASSKEY, had(passkey=True, signs_from=TOMORROW), LONG_AGO, TOMORROW),
        (Factor.ONE_TIME_CODE, had(app=True, signs_from=TOMORROW), LONG_AGO, TOMORROW),
        (Factor.PASSWORD, had(app=True, signs_from=TOMORROW), LONG_AGO, TOMORROW),
        (Factor.PASSKEY, had(passkey=True, signs_from=TOMORROW), NOW - timedelta(hours=23), None),
        (Factor.PASSKEY, had(passkey=True, signs_from=TOMORROW), NOW - timedelta(hours=24), TOMORROW),
        (Factor.PASSWORD, had(), LONG_AGO, None),
    ],
)
def test_what_a_password_brought_in_proves_nothing_heavy_for_a_day(
    shown: Factor, means: Means, born_at: datetime, waits: datetime | None
) -> None:
    """But on the account's first day; and one's own factors, and trials, never wait."""
    sign_in = SignIn(session_id=new_id(), held="", account_id=new_id(), factor=shown, verified_at=NOW)
    proved = [
        rules.is_proved(sign_in, means, NOW, born_at, for_factors=for_factors, trial=trial)
        for for_factors, trial in ((False, False), (True, False), (False, True))
    ]
    assert rules.waits_until(sign_in, means, NOW, born_at) == waits
    if shown is not Factor.PASSWORD:
        assert proved == [waits is None, True, True]
    assert rules.waits_until(sign_in, means, TOMORROW, born_at) is None


def test_a_strange_key_beside_an_old_one_holds_up_keys_but_not_the_app() -> None:
    """No session says which of two keys was shown: the strange one must not pass for the old one."""
    old, strange = had(passkey=True, app=True), had(passkey=True, signs_from=TOMORROW)
    means = Means(passkeys=old.passkeys + strange.passkeys, authenticator=old.authenticator, recovery_codes=0)
    for shown, waits in ((Factor.PASSKEY, TOMORROW), (Factor.ONE_TIME_CODE, None)):
        sign_in = SignIn(session_id=new_id(), held="", account_id=new_id(), factor=shown, verified_at=NOW)
        proved = rules.is_proved(sign_in, means, NOW, LONG_AGO, for_factors=False, trial=False)
        assert (proved, rules.waits_until(sign_in, means, NOW, LONG_AGO)) == (waits is None, waits)
    long_before = SignIn(
        session_id=new_id(), held="", account_id=new_id(), factor="passkey", verified_at=LONG_AGO
    )
    assert rules.waits_until(long_before, means, NOW, LONG_AGO) is None, "the app would help"


@pytest.mark.parametrize(
    ("means", "signing", "trial", "ways", "waits"),
    [
        (had(), True, True, {"password"}, False),
        (had(), True, False, set[str](), False),
        (had(passkey=True), True, False, {"passkey"}, False),
        (had(passkey=True, app=True), True, True, {"passkey", "code"}, False),
        (had(app=True, signs_from=NOW + timedelta(seconds=1)), True, False, set[str](), True),
        (had(app=True, signs_from=NOW + timedelta(seconds=1)), False, False, {"code"}, True),
        (had(app=True, codes=3), True, False, {"code"}, False),
    ],
)
def test_what_a_signature_may_be_proved_with(
    means: Means, signing: bool, trial: bool, ways: set[str], waits: bool
) -> None:
    wanted: Wanted = rules.wanted(means, NOW, "0" * 64, signing=signing, for_factors=False, trial=trial)
    assert {way for way in ("passkey", "code", "recovery", "password") if getattr(wanted, way)} == ways
    assert wanted.possible is bool(ways)
    assert (wanted.waits_until is not None) is waits


@pytest.mark.parametrize(
    ("means", "last_reset", "trial", "waits"),
    [
        (had(), None, False, timedelta(days=1)),
        (had(), None, True, timedelta(0)),
        (had(passkey=True), None, False, timedelta(0)),
        (had(app=True), None, False, timedelta(0)),
        (had(passkey=True, signs_from=NOW + timedelta(hours=9)), None, False, timedelta(days=1)),
        (had(app=True, signs_from=NOW + timedelta(seconds=1)), None, False, timedelta(days=1)),
        (had(passkey=True), NOW - timedelta(hours=3), False, timedelta(hours=21)),
        (had(), NOW, True, timedelta(days=1)),
        (had(passkey=True), NOW - timedelta(days=2), False, timedelta(0)),
    ],
)
def test_from_when_on_a_new_passkey_signs(
    means: Means, last_reset: datetime | None, trial: bool, waits: timedelta
) -> None:
    """Not the same day where a password was enough to add it, nor where what a password had added was."""
    assert passkey_signs_from(NOW, means, last_reset, trial=trial) == NOW + waits
