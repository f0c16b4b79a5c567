"""Factors: which ones a person has, whether what they show is right, and how they get and lose one.

A check uses up what was shown, in a transaction of its own: a refused deed does not give a code back. Enrolling happens
in the transaction of the page, which speaks for the account.
"""

import secrets
import uuid
from datetime import datetime, timedelta

import msgspec

from backend.core import clock, rate_limit, tickets, vault
from backend.core.crypto import same, sha256_hex
from backend.core.database import PublicSession, TenantSession, account_session, public_session
from backend.core.errors import Conflict, Invalid, NotFound
from backend.tenants.factors import one_time_codes, queries, rules
from backend.tenants.factors.schemas import (
    NOTHING,
    Authenticator,
    Factor,
    KnownKey,
    Means,
    PasskeyId,
    Shown,
)

AnySession = PublicSession | TenantSession

#: One person's tries with codes and passkeys.
TRIES = rate_limit.Limit(name="factor", burst=5, per_seconds=60)
#: For how long a browser may think about a question.
QUESTION_LASTS = timedelta(minutes=5)

_QUESTION = "passkey question"
_WRONG_KEY = "Khóa truy cập này không xác minh được; xin thử lại, hoặc dùng cách khác."
_OTHER_DEED = "Lần xác minh này thuộc về một việc khác hoặc đã hết hạn; xin xem lại trang rồi xác minh lại."
_WRONG_CODE = "Mã xác minh chưa đúng; xin nhập mã 6 số đang hiện trong ứng dụng."
_USED_CODE = "Mã xác minh này đã được dùng; xin chờ ứng dụng hiện mã mới rồi nhập."
_WRONG_RECOVERY = "Mã khôi phục chưa đúng hoặc đã được dùng; xin kiểm tra rồi nhập lại."


class Unproven(Invalid):
    """What was shown is not right: the sentence says what to do. `account_id` is whose it was said to be, where known."""

    def __init__(self, message: str, account_id: uuid.UUID | None = None) -> None:
        super().__init__(message)
        self.account_id = account_id


class Pending(msgspec.Struct, frozen=True):
    """A question that waits for a browser's answer: the nonce (hex) in it, and who may answer."""

    nonce: str
    asked_by: str


async def means(session: AnySession) -> Means:
    """What the account has, beside the password."""
    seed = await queries.seed(session)
    authenticator = None
    if seed is not None and seed.confirmed_at is not None and seed.signing_from is not None:
        authenticator = Authenticator(confirmed_at=seed.confirmed_at, signing_from=seed.signing_from)
    return Means(
        passkeys=await queries.passkeys(session),
        authenticator=authenticator,
        recovery_codes=await queries.recovery_codes_left(session),
    )


async def question(asked_by: str, account_id: uuid.UUID | None = None, statement: str = NOTHING) -> str:
    """Options for the browser's passkey. `asked_by` is who may send the answer; without an account any key will do.

    `statement` (SHA-256, hex) is what the answer agrees to. Raises Conflict when the account has no passkey.
    """
    # Loaded by whoever has to do with passkeys: webauthn is large.
    from backend.tenants.factors import passkeys

    if account_id is None:
        async with public_session() as directory:
            return passkeys.question(await _pending(directory, asked_by, statement))
    async with account_session(account_id) as directory:
        known = [key.credential_id for key in await queries.passkeys(directory)]
        if not known:
            raise Conflict("Tài khoản này chưa có khóa truy cập; xin thêm ở trang Tài khoản của tôi.")
        return passkeys.question(await _pending(directory, asked_by, statement), known)


async def check_passkey(
    answer_text: str, asked_by: str, account_id: uuid.UUID | None = None, statement: str = NOTHING
) -> Shown:
    """Whose passkey has answered our question, about this statement. Raises Unproven, and says in words why."""
    # Loaded by whoever has to do with passkeys: webauthn is large.
    from backend.tenants.factors import passkeys

    holder = account_id
    try:
        answer = passkeys.read(answer_text)
        key = await _key_of(answer.credential_id, account_id)
        holder = key.account_id
        nonce = await _nonce(answer.challenge, asked_by, statement)
        counter = passkeys.accept(answer, answer.challenge, key.public_key, key.sign_count)
        if passkeys.holder(answer) not in (None, key.account_id):
            raise passkeys.BadAnswer
    except passkeys.BadAnswer:
        raise Unproven(_WRONG_KEY, holder) from None
    except Unproven as error:
        raise Unproven(error.message, holder) from None
    async with account_session(key.account_id) as directory:
        if not await queries.use_passkey(directory, key.id, counter, clock.now()):
            raise Unproven(_WRONG_KEY, holder)
    return Shown(
        account_id=key.account_id,
        factor=Factor.PASSKEY,
        signs_from=key.signing_from,
        evidence=passkeys.evidence(answer, nonce, key.public_key),
    )


async def check_code(account_id: uuid.UUID, code: str) -> Shown:
    """A one-time code, used up by this. Raises Unproven, TooManyTries at the sixth in a minute."""
    await rate_limit.take(TRIES, str(account_id))
    async with account_session(account_id) as directory:
        seed = await queries.seed(directory)
        if seed is None or seed.confirmed_at is None:
            raise Unproven(_WRONG_CODE)
        plain = _unsealed(account_id, seed.sealed)
        step = _step_of(plain, code)
        if not await queries.use_step(directory, step, _sealed(account_id, plain)):
            raise Unproven(_USED_CODE)
    return Shown(account_id=account_id, factor=Factor.ONE_TIME_CODE, signs_from=seed.signing_from)


def is_recovery_code(code: str) -> bool:
    """Whether this looks like a recovery code, and not like a one-time code."""
    return len(rules.typed(code)) == rules.RECOVERY_LENGTH


async def check_recovery_code(account_id: uuid.UUID, code: str) -> Shown:
    """A recovery code, used up by this. Raises Unproven, TooManyTries at the sixth in a minute."""
    await rate_limit.take(TRIES, str(account_id))
    async with account_session(account_id) as directory:
        if not await queries.use_recovery_code(directory, _recovery_digest(account_id, code), clock.now()):
            raise Unproven(_WRONG_RECOVERY)
    return Shown(account_id=account_id, factor=Factor.RECOVERY_CODE)


async def question_for_new_passkey(
    session: AnySession, account_id: uuid.UUID, asked_by: str, login: str, name: str
) -> str:
    """Options for the browser to make a passkey. Raises Conflict at the eleventh."""
    # Loaded by whoever has to do with passkeys: webauthn is large.
    from backend.tenants.factors import passkeys

    known = [key.credential_id for key in await queries.passkeys(session)]
    if len(known) >= rules.MOST_PASSKEYS:
        raise Conflict(f"Đã có {len(known)} khóa truy cập; xin gỡ bớt một khóa rồi thêm khóa mới.")
    challenge = await _pending(session, asked_by, NOTHING)
    return passkeys.question_for_new(account_id, login, name, challenge, known)


async def add_passkey(
    session: AnySession, answer_text: str, asked_by: str, name: str, *, trial: bool
) -> PasskeyId:
    """Keep the passkey that the browser has made; `trial` where a password is enough to sign.

    Raises Unproven, Invalid without a name.
    """
    # Loaded by whoever has to do with passkeys: webauthn is large.
    from backend.tenants.factors import passkeys

    called = " ".join(name.split())
    if not 0 < len(called) <= rules.LONGEST_NAME:
        raise Invalid(f"Xin đặt tên cho khóa truy cập, từ 1 đến {rules.LONGEST_NAME} ký tự.")
    try:
        answer = passkeys.read_new(answer_text)
        await _nonce(answer.challenge, asked_by, NOTHING)
        key = passkeys.accept_new(answer, answer.challenge)
    except passkeys.BadAnswer:
        raise Unproven("Trình duyệt chưa tạo được khóa truy cập; xin thử lại.") from None
    now = clock.now()
    last_reset = await let_in_at(session)
    signs_from = rules.passkey_signs_from(now, await means(session), last_reset, trial=trial)
    return await queries.add_passkey(session, key, called, now, signs_from)


async def let_in_at(session: AnySession) -> datetime | None:
    """When the account was last let in by a reset or a recovery code."""
    return await queries.last_reset(session)


async def remove_passkey(session: AnySession, passkey_id: PasskeyId) -> str:
    """Forget a passkey; returns its name. Raises NotFound."""
    name = await queries.remove_passkey(session, passkey_id)
    if name is None:
        raise NotFound("Không tìm thấy khóa truy cập này.")
    return name


async def start_authenticator(session: AnySession, account_id: uuid.UUID) -> None:
    """Make a seed that waits for its first code. Raises Conflict when one is in use."""
    plain = one_time_codes.new_seed()
    if not await queries.put_seed(session, _sealed(account_id, plain)):
        raise Conflict("Ứng dụng tạo mã đã được bật; xin tắt ứng dụng cũ trước khi thêm ứng dụng mới.")


async def waiting_seed(session: AnySession, account_id: uuid.UUID, login: str) -> tuple[str, str]:
    """The seed that waits for its first code, and its picture. Raises NotFound when none does."""
    seed = await queries.seed(session)
    if seed is None or seed.confirmed_at is not None:
        raise NotFound("Chưa bắt đầu bật ứng dụng tạo mã; xin quay lại trang Tài khoản của tôi.")
    plain = _unsealed(account_id, seed.sealed)
    return plain, one_time_codes.picture(plain, login)


async def confirm_authenticator(session: AnySession, account_id: uuid.UUID, code: str) -> None:
    """Take the waiting seed into use by its first code. Raises Unproven, NotFound, TooManyTries."""
    await rate_limit.take(TRIES, str(account_id))
    seed = await queries.seed(session)
    if seed is None or seed.confirmed_at is not None:
        raise NotFound("Chưa bắt đầu bật ứng dụng tạo mã; xin quay lại trang Tài khoản của tôi.")
    step, now = _step_of(_unsealed(account_id, seed.sealed), code), clock.now()
    await queries.confirm_seed(session, step, now, now + rules.COOLING)


async def remove_authenticator(session: AnySession) -> None:
    """Forget the seed. Raises NotFound when there is none."""
    if not await queries.remove_seed(session):
        raise NotFound("Chưa bật ứng dụng tạo mã.")


async def new_recovery_codes(session: AnySession, account_id: uuid.UUID) -> list[str]:
    """New codes in place of all earlier ones, shown this once."""
    codes = one_time_codes.new_recovery_codes()
    await queries.set_recovery_codes(session, [_recovery_digest(account_id, code) for code in codes])
    return [rules.in_groups(code) for code in codes]


async def _pending(session: AnySession, asked_by: str, statement: str) -> bytes:
    nonce = secrets.token_bytes(32)
    challenge = rules.challenge(nonce, statement)
    await tickets.issue(session, _QUESTION, Pending(nonce.hex(), asked_by), QUESTION_LASTS, challenge.hex())
    return challenge


async def _nonce(challenge: bytes, asked_by: str, statement: str) -> bytes:
    """The nonce of a question that was asked of this browser, about this statement, and not answered yet."""
    ticket = await tickets.take(_QUESTION, challenge.hex(), Pending)
    if ticket is None or ticket.content.asked_by != asked_by:
        raise Unproven(_OTHER_DEED)
    nonce = bytes.fromhex(ticket.content.nonce)
    if rules.challenge(nonce, statement) != challenge:
        raise Unproven(_OTHER_DEED)
    return nonce


async def _key_of(credential_id: bytes, account_id: uuid.UUID | None) -> KnownKey:
    async with public_session() as directory:
        key = await queries.find_passkey(directory, credential_id)
    if key is None or account_id not in (None, key.account_id):
        raise Unproven(_WRONG_KEY)
    return key


def _step_of(seed: str, code: str) -> int:
    shown = rules.typed(code)
    for step in rules.steps_around(clock.now()):
        if same(one_time_codes.code_at(seed, step), shown):
            return step
    raise Unproven(_WRONG_CODE)


def _sealed(account_id: uuid.UUID, seed: str) -> bytes:
    return vault.seal(seed.encode(), f"totp {account_id}")


def _unsealed(account_id: uuid.UUID, sealed: bytes) -> str:
    try:
        return vault.unseal(sealed, f"totp {account_id}").decode()
    except vault.Unsealable:
        raise Conflict(
            "Ứng dụng tạo mã của bạn không còn dùng được sau một lần đổi khóa hệ thống; "
            "xin dùng mã khôi phục rồi bật lại ứng dụng."
        ) from None


def _recovery_digest(account_id: uuid.UUID, code: str) -> str:
    """Without the product's secret, so that the codes outlive a change of it: 80 random bits are not guessed."""
    return sha256_hex(f"recovery code {account_id} {rules.typed(code)}".encode())
