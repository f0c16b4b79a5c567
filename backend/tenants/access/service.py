"""Sessions and their proofs: who is signed in, what they have shown lately, what a deed still needs.

What was shown is used up even where the deed is refused, so proving opens its own transactions.
"""

import uuid
from datetime import datetime, timedelta

from backend.core import audit, clock, rate_limit, settings
from backend.core.actor import Actor, Browser, SignIn, StaffId
from backend.core.audit import Action, Outcome
from backend.core.crypto import text_digest
from backend.core.database import (
    PublicSession,
    TenantSession,
    account_session,
    public_session,
    speak_for,
    tenant_session,
)
from backend.core.errors import (
    Conflict,
    FactorNeeded,
    Forbidden,
    Invalid,
    NotFound,
    VerificationNeeded,
)
from backend.core.ids import made_at, new_token
from backend.tenants.access import entry, news, passwords, queries, rules, tries
from backend.tenants.access.schemas import (
    AccountId,
    AccountNews,
    Entered,
    OpenSession,
    Place,
    Proof,
    SessionView,
    Verified,
    Wanted,
)
from backend.tenants.access.tries import Locked
from backend.tenants.factors import service as factors
from backend.tenants.factors.schemas import NOTHING, Factor, Shown
from backend.tenants.factors.service import Unproven
from backend.tenants.people import service as people
from backend.tenants.policies import service as policies
from backend.tenants.policies.schemas import LONGEST_IDLE

#: Unused for so long a session ends; schools may want less (`directory.find_session` knows).
IDLE = timedelta(minutes=LONGEST_IDLE)
MIN_PASSWORD = 10
#: Tries with a password by somebody who is signed in, and types it to verify.
VERIFY_TRIES = rate_limit.Limit(name="verify", burst=10, per_seconds=60)

_RENEWED = (
    "Phiên làm việc này đã được đổi mã hoặc đã kết thúc từ lúc bạn mở trang; xin tải lại trang rồi làm lại."
)
_WRONG_PASSWORD = "Mật khẩu chưa đúng; xin nhập lại."
_NOT_YET = (
    "Cách xác minh này mới được thêm nên chưa dùng để ký được; xin chờ đủ một ngày, hoặc dùng cách khác."
)
_TOO_NEW = (
    "Cách xác minh bạn dùng được thêm khi tài khoản chỉ có mật khẩu, hoặc sau khi đặt lại tài khoản hay dùng mã khôi "
    "phục, nên dùng được cho việc hệ trọng này từ {until:%H:%M %d/%m/%Y}. Nếu không phải bạn đã thêm, xin gỡ ở trang "
    "Tài khoản của tôi và báo nhà trường."
)
_NOTHING_SHOWN = "Chưa có khóa truy cập hoặc mã xác minh nào được gửi lên; xin xác minh rồi làm lại."

_TOO_LITTLE = (
    "Theo quy định của trường, vai trò của bạn cần nhiều hơn mật khẩu; xin thêm khóa truy cập hoặc ứng dụng tạo mã "
    "ở trang này, rồi làm tiếp việc vừa chọn."
)
_BELIEVED_HERE_ALONE = (
    "Phiên này đăng nhập qua hệ thống của một trường nên chỉ dùng được ở trường ấy; "
    "xin đăng xuất rồi đăng nhập bằng mật khẩu hoặc khóa truy cập để vào trường khác."
)
_WORKS_HERE = "Tài khoản này đã có chỗ làm việc ở trường; xin dùng tài khoản khác."


async def create_account(session: TenantSession, staff_id: StaffId, login: str, password: str) -> AccountId:
    """Let a person of the school sign in under `login` (any case).

    Raises NotFound for a stranger, Invalid for a password under 10 characters, Conflict for a login in use.
    """
    staff = await people.get_staff(session, staff_id)
    password_hash = await new_password(password, staff.full_name)
    account_id = await queries.create_account(session, staff_id, rules.normal(login), password_hash)
    if account_id is None:
        raise Conflict(f"Tên đăng nhập {rules.normal(login)} đã có người dùng; xin chọn tên khác.")
    return account_id


async def new_password(password: str, name: str) -> str:
    """The hash of a password that somebody has chosen. Raises Invalid for one that is too short or too long."""
    if not MIN_PASSWORD <= len(password) <= rules.MAX_PASSWORD:
        raise Invalid(f"Mật khẩu của {name} phải có từ {MIN_PASSWORD} đến {rules.MAX_PASSWORD} ký tự.")
    return await passwords.hashed(password)


async def enter(
    account_id: uuid.UUID,
    browser: Browser,
    factor: Factor,
    old_token: str = "",
    only_at: uuid.UUID | None = None,
) -> Entered:
    """Open a session for an account that has just proved itself elsewhere (`entry.enter`).

    Raises Unauthenticated when the account has no place of work, or none at the one school that believes the proof.
    """
    return await entry.enter(account_id, browser, factor, old_token, only_at)


async def prove(login: str, password: str, browser: Browser) -> AccountId:
    """The account of somebody who knows its password; opens no session (`entry.prove`).

    Raises Unauthenticated, TooManyTries, Locked.
    """
    return await entry.prove(login, password, browser)


async def unlock(directory: PublicSession | TenantSession, account_id: uuid.UUID) -> None:
    """The account that the transaction speaks for was given back: earlier wrong tries are forgotten."""
    login = await login_of(directory, account_id)
    await tries.forget(directory, tries.signing_in(login), tries.proving(account_id))


async def account_news(account_id: uuid.UUID) -> AccountNews:
    """What became of an account lately, in any of its schools, newest first."""
    return await news.of_account(account_id)


async def see_news(session: TenantSession, sign_in: SignIn) -> None:
    """The person has seen what became of their account, but for what is too young."""
    await news.see(session, sign_in)


async def places_of(account_id: uuid.UUID) -> list[Place]:
    """Where an account works."""
    async with account_session(account_id) as directory:
        return await queries.places(directory)


async def join(session: TenantSession, account_id: AccountId, staff_id: StaffId) -> None:
    """Let an account, which has proved itself, sign in as a person of the school.

    Raises Conflict when it works there already.
    """
    await speak_for(session, account_id)
    if not await queries.join(session, account_id, staff_id):
        raise Conflict(_WORKS_HERE)


async def close_place(session: TenantSession, staff_id: StaffId) -> None:
    """A person has left: their sessions end at once, and their account no longer leads to this school."""
    await queries.close_place(session, staff_id)


async def reopen_place(session: TenantSession, staff_id: StaffId) -> None:
    """A person has come back: the account that they had leads to this school again."""
    await queries.reopen_place(session, staff_id)


async def find_session(token: str, host: str) -> OpenSession | None:
    """The session of a token at the host where it was opened: 12 hours at most, unused no longer than the school says."""
    return await queries.find_session(text_digest(token), IDLE, host)


async def move(sign_in: SignIn, tenant_id: uuid.UUID) -> str:
    """The session goes on in another school of its account, under a new token; the old one is dead at once.

    Raises Conflict where only the school of the session believes how its holder signed in, for a school where the
    account does not work or is already, and when the session has ended or has another token by now.
    """
    if sign_in.factor == Factor.ELSEWHERE:
        raise Conflict(_BELIEVED_HERE_ALONE)
    token = new_token()
    async with account_session(sign_in.account_id) as directory:
        if not await queries.move_session(directory, sign_in, text_digest(token), tenant_id):
            raise Conflict(_RENEWED)
    return token


async def sign_out(session: TenantSession, actor: Actor, token: str) -> None:
    """End the session of the token."""
    async with public_session() as directory:
        await queries.close_session(directory, text_digest(token))
    await audit.record(session, actor, Action.SIGN_OUT, actor.staff_id, actor.name)


async def require_enough(session: TenantSession, actor: Actor, sign_in: SignIn) -> None:
    """Hold a session to what the school asks of its people's roles.

    Raises VerificationNeeded for whoever has a factor and has not shown it, FactorNeeded for whoever has none.
    """
    factor = Factor(sign_in.factor)
    if rules.is_strong(factor) or rules.is_enough(factor, actor.roles, await policies.current(session)):
        return
    await speak_for(session, sign_in.account_id)
    if (await factors.means(session)).strong:
        raise VerificationNeeded()
    raise FactorNeeded(_TOO_LITTLE)


async def is_proved(session: TenantSession, sign_in: SignIn, *, for_factors: bool) -> bool:
    """Whether the person has lately proved who they are.

    A trial environment takes the password of who has no factor, unless the school decides otherwise.
    """
    await speak_for(session, sign_in.account_id)
    means, born_at = await factors.means(session), made_at(sign_in.account_id)
    trial = await is_trial(session)
    return rules.is_proved(sign_in, means, clock.now(), born_at, for_factors=for_factors, trial=trial)


async def waits_until(session: TenantSession, sign_in: SignIn) -> datetime | None:
    """Until when the person's new factors do not count for heavy deeds; None where they do, or where there are none."""
    if await is_trial(session):
        return None
    await speak_for(session, sign_in.account_id)
    means = await factors.means(session)
    return rules.waits_until(sign_in, means, clock.now(), made_at(sign_in.account_id))


async def require_counting(session: TenantSession, sign_in: SignIn) -> None:
    """Raises Forbidden, with the hour, while a proof would not help: what the person could show is too new."""
    until = await waits_until(session, sign_in)
    if until is not None:
        raise Forbidden(_TOO_NEW.format(until=until.astimezone(clock.VIETNAM)))


async def is_trial(session: TenantSession) -> bool:
    """Whether a password may prove who one is for want of a factor."""
    return settings.get().is_sandbox and (await policies.current(session)).trial_password


async def wanted(
    session: TenantSession,
    sign_in: SignIn,
    statement: str = NOTHING,
    *,
    signing: bool = False,
    for_factors: bool = False,
) -> Wanted:
    """What the person may prove themselves with for a deed, which `statement` (SHA-256, hex) describes exactly."""
    await speak_for(session, sign_in.account_id)
    means = await factors.means(session)
    trial = await is_trial(session)
    return rules.wanted(means, clock.now(), statement, signing=signing, for_factors=for_factors, trial=trial)


async def passkey_question(sign_in: SignIn, statement: str = NOTHING) -> str:
    """Options for the browser's passkey, for this session and this statement alone. Raises Conflict without a passkey."""
    return await factors.question(str(sign_in.session_id), sign_in.account_id, statement)


async def verify(
    actor: Actor,
    sign_in: SignIn,
    proof: Proof,
    statement: str = NOTHING,
    *,
    signing: bool = False,
    for_factors: bool = False,
) -> tuple[Verified, str]:
    """Check what the person shows for a deed. Returns the proof, and the token under which their session goes on.

    Raises Unproven with what to do, TooManyTries, Conflict when the session has ended or has another token by now.
    """
    async with tenant_session(actor.tenant_id, read_only=True) as session:
        open_ways = await wanted(session, sign_in, statement, signing=signing, for_factors=for_factors)
    try:
        shown = await _check(sign_in, proof, open_ways)
        if signing and shown.signs_from is not None and shown.signs_from > clock.now():
            raise Unproven(_NOT_YET)
    except (Unproven, Locked):
        async with tenant_session(actor.tenant_id) as session:
            await _record_proof(session, actor, statement, Outcome.REFUSED)
        raise
    verified = Verified(factor=shown.factor, at=clock.now(), statement=statement, evidence=shown.evidence)
    # One transaction: no proof counts without a row in the audit.
    async with tenant_session(actor.tenant_id) as session:
        token = await note_proof(session, sign_in, shown.factor)
        await _record_proof(session, actor, statement, Outcome.DONE, shown.factor)
    return verified, token


async def note_proof(session: TenantSession | PublicSession, sign_in: SignIn, factor: Factor) -> str:
    """Let the person's session say that they have just shown `factor`; returns the token under which it goes on.

    Raises Conflict when it has ended, or has another token than the one that the request came with: who holds the token
    of before gets none of today.
    """
    await speak_for(session, sign_in.account_id)
    return await _rotate(session, sign_in, factor, clock.now())


async def login_of(session: TenantSession | PublicSession, account_id: uuid.UUID) -> str:
    """The login of an account."""
    await speak_for(session, account_id)
    found = await queries.login_of(session)
    return found[0] if found else ""


async def change_password(
    session: TenantSession, actor: Actor, sign_in: SignIn, current: str, chosen: str
) -> str:
    """Replace the password; all other sessions of the person end, and this one goes on under the returned token.

    Raises Invalid for a wrong current or an unusable new password, TooManyTries.
    """
    await speak_for(session, sign_in.account_id)
    await _check_password(session, sign_in, current)
    await queries.set_password(session, await new_password(chosen, actor.name))
    await queries.end_sessions(session, sign_in.session_id)
    await audit.record(session, actor, Action.PASSWORD_CHANGED, actor.staff_id, actor.name)
    return await _rotate(session, sign_in, Factor(sign_in.factor), sign_in.verified_at)


async def list_sessions(session: TenantSession, sign_in: SignIn) -> list[SessionView]:
    """The person's sessions, in all their browsers."""
    await speak_for(session, sign_in.account_id)
    return await queries.sessions(session, IDLE)


async def end_session(session: TenantSession, actor: Actor, sign_in: SignIn, session_id: uuid.UUID) -> None:
    """End one of the person's sessions. Raises NotFound for anybody else's."""
    await speak_for(session, sign_in.account_id)
    if not await queries.end_session(session, session_id):
        raise NotFound("Không tìm thấy phiên đăng nhập này; có thể nó đã kết thúc.")
    await audit.record(session, actor, Action.SESSION_ENDED, actor.staff_id, actor.name, count=1)


async def end_other_sessions(session: TenantSession, actor: Actor, sign_in: SignIn) -> int:
    """End all sessions of the person but this one; returns how many."""
    await speak_for(session, sign_in.account_id)
    count = await queries.end_sessions(session, sign_in.session_id)
    await audit.record(session, actor, Action.SESSION_ENDED, actor.staff_id, actor.name, count=count)
    return count


def normal(login: str) -> str:
    """A login as it is kept."""
    return rules.normal(login)


async def _check(sign_in: SignIn, proof: Proof, open_ways: Wanted) -> Shown:
    if proof.passkey and open_ways.passkey:
        asked_by = str(sign_in.session_id)
        return await factors.check_passkey(proof.passkey, asked_by, sign_in.account_id, open_ways.statement)
    if proof.code and open_ways.recovery and factors.is_recovery_code(proof.code):
        async with tries.proof(sign_in.account_id):
            return await factors.check_recovery_code(sign_in.account_id, proof.code)
    if proof.code and open_ways.code:
        async with tries.proof(sign_in.account_id):
            return await factors.check_code(sign_in.account_id, proof.code)
    if proof.password and open_ways.password:
        async with account_session(sign_in.account_id) as directory:
            await _check_password(directory, sign_in, proof.password)
        return Shown(account_id=sign_in.account_id, factor=Factor.PASSWORD)
    raise Unproven(_NOTHING_SHOWN)


async def _check_password(session: TenantSession | PublicSession, sign_in: SignIn, password: str) -> None:
    await rate_limit.take(VERIFY_TRIES, str(sign_in.account_id))
    found = await queries.login_of(session)
    async with tries.proof(sign_in.account_id):
        if not await passwords.matches(found[1] if found else None, password[: rules.MAX_PASSWORD + 1]):
            raise Unproven(_WRONG_PASSWORD)


async def _rotate(
    session: TenantSession | PublicSession, sign_in: SignIn, factor: Factor, verified_at: datetime
) -> str:
    token = new_token()
    if not await queries.rotate_session(session, sign_in, text_digest(token), factor, verified_at):
        raise Conflict(_RENEWED)
    return token


async def _record_proof(
    session: TenantSession, actor: Actor, statement: str, outcome: Outcome, factor: Factor | None = None
) -> None:
    about = None if statement == NOTHING else statement
    who, name = actor.staff_id, actor.name
    await audit.record(session, actor, Action.VERIFIED, who, name, outcome, factor=factor, statement=about)
    if factor is Factor.RECOVERY_CODE:
        await audit.record(session, actor, Action.RECOVERY_CODE_USED, who, name)
