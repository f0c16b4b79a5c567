"""Every permission, and the roles that have it: the one table that says who may do what.

Roles follow the Xuân Ninh plan (Ban giám hiệu, tổ trưởng chuyên môn, GVCN, GVBM, GV phụ trách CNTT, văn phòng). Which
class or subject a person may touch is decided by assignment, in the services: teachers see the results of the whole
school, but open only the sheets and transcripts of classes that they lead or teach in; heads check the sheets of their
department.
"""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """`slice:subject:deed`."""

    API_CLIENTS_MANAGE = "api:client:manage"
    CLASSES_READ = "roster:class:read"
    CLASSES_MANAGE = "roster:class:manage"
    PUPILS_READ = "roster:pupil:read"
    PUPILS_WRITE = "roster:pupil:write"
    IMPORT = "imports:run:apply"
    YEAR_ROLL = "rollover:year:roll"
    SHEET_READ = "gradebook:sheet:read"
    SHEET_READ_ANY = "gradebook:sheet:read_any"
    SHEET_WRITE = "gradebook:sheet:write"
    SHEET_CHECK = "gradebook:sheet:check"
    SHEET_LOCK_ANY = "gradebook:sheet:lock_any"
    SHEET_REOPEN = "gradebook:sheet:reopen"
    EXEMPTION_MANAGE = "gradebook:exemption:manage"
    HEALTH_READ = "gradebook:health:read"
    MARKS_PUBLISH_ANY = "publishing:marks:publish_any"
    PHRASE_WRITE = "phrases:phrase:write"
    PHRASE_SHARE = "phrases:phrase:share"
    DEPARTMENTS_MANAGE = "departments:department:manage"
    SEASON_NUDGE = "season:person:nudge"
    RESULTS_READ = "assessment:result:read"
    RESULTS_CONFIRM = "assessment:result:confirm"
    PROMOTION_DECIDE = "summer:promotion:decide"
    REGULATIONS_MANAGE = "regulations:year:manage"
    TRANSCRIPT_READ = "transcripts:version:read"
    TRANSCRIPT_READ_ANY = "transcripts:version:read_any"
    TRANSCRIPT_FREEZE = "transcripts:version:freeze"
    TRANSFER_MANAGE = "transfers:package:manage"
    TRANSCRIPT_WITHDRAW = "transcripts:version:withdraw"
    PRIVACY_MANAGE = "privacy:request:manage"
    PRIVACY_REGISTER_READ = "privacy:register:read"
    SIGN = "signing:step:sign"
    SEAL = "signing:step:seal"
    CREDENTIALS_READ = "signing:credential:read"
    CREDENTIALS_MANAGE = "signing:credential:manage"
    DELIVERY_READ = "deliveries:delivery:read"
    DELIVERY_RETRY = "deliveries:delivery:retry"
    AUTHORITY_BIND = "authorities:binding:manage"
    WORK_RESUME = "work:job:resume"
    PEOPLE_READ = "people:staff:read"
    PEOPLE_MANAGE = "people:staff:manage"
    SCHOOL_MANAGE = "schools:school:manage"
    SEATS_MANAGE = "subscriptions:seat:manage"
    CONSOLE_READ = "management:console:read"
    REPORTS_READ = "reports:report:read"
    SCHOOL_EXPORT = "handover:school:export"
    SCHOOL_CLOSE = "handover:school:close"
    APPROVE = "approvals:request:approve"
    AUDIT_READ = "audit:event:read"
    ACCOUNTS_RESET = "account:account:reset"
    PROVIDERS_MANAGE = "federation:provider:manage"


class Role(StrEnum):
    """What a person is at the school."""

    OWNER = "owner"
    PRINCIPAL = "principal"
    DEPUTY_PRINCIPAL = "deputy_principal"
    DEPARTMENT_HEAD = "department_head"
    HOMEROOM_TEACHER = "homeroom_teacher"
    SUBJECT_TEACHER = "subject_teacher"
    CLERK = "clerk"
    IT_TEACHER = "it_teacher"


ROLE_NAMES = {
    Role.OWNER: "Chủ trường",
    Role.PRINCIPAL: "Hiệu trưởng",
    Role.DEPUTY_PRINCIPAL: "Phó hiệu trưởng",
    Role.DEPARTMENT_HEAD: "Tổ trưởng chuyên môn",
    Role.HOMEROOM_TEACHER: "Giáo viên chủ nhiệm",
    Role.SUBJECT_TEACHER: "Giáo viên bộ môn",
    Role.CLERK: "Văn thư",
    Role.IT_TEACHER: "Giáo viên phụ trách CNTT",
}

_P = Permission
_TEACHING = {
    _P.CLASSES_READ,
    _P.SHEET_READ,
    _P.SHEET_WRITE,
    _P.PHRASE_WRITE,
    _P.RESULTS_READ,
    _P.TRANSCRIPT_READ,
}
_PHRASES = {_P.PHRASE_WRITE, _P.PHRASE_SHARE}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(
        {
            _P.CLASSES_READ,
            _P.DELIVERY_READ,
            _P.REPORTS_READ,
            _P.PEOPLE_READ,
            _P.PEOPLE_MANAGE,
            _P.SCHOOL_MANAGE,
            _P.SEATS_MANAGE,
            _P.CONSOLE_READ,
            _P.SCHOOL_EXPORT,
            _P.SCHOOL_CLOSE,
            _P.APPROVE,
            _P.API_CLIENTS_MANAGE,
            _P.AUTHORITY_BIND,
            _P.PRIVACY_REGISTER_READ,
            _P.AUDIT_READ,
            _P.ACCOUNTS_RESET,
            _P.PROVIDERS_MANAGE,
            _P.CREDENTIALS_READ,
            _P.CREDENTIALS_MANAGE,
        }
    ),
    Role.PRINCIPAL: frozenset(
        _PHRASES
        | {
            _P.CLASSES_READ,
            _P.YEAR_ROLL,
            _P.SHEET_READ,
            _P.SHEET_READ_ANY,
            _P.SHEET_LOCK_ANY,
            _P.SHEET_REOPEN,
            _P.EXEMPTION_MANAGE,
            _P.HEALTH_READ,
            _P.MARKS_PUBLISH_ANY,
            _P.CLASSES_MANAGE,
            _P.PUPILS_READ,
            _P.PUPILS_WRITE,
            _P.DEPARTMENTS_MANAGE,
            _P.SEASON_NUDGE,
            _P.RESULTS_READ,
            _P.REGULATIONS_MANAGE,
            _P.PROMOTION_DECIDE,
            _P.TRANSCRIPT_READ,
            _P.TRANSCRIPT_READ_ANY,
            _P.TRANSFER_MANAGE,
            _P.TRANSCRIPT_FREEZE,
            _P.TRANSCRIPT_WITHDRAW,
            _P.PRIVACY_MANAGE,
            _P.PRIVACY_REGISTER_READ,
            _P.SIGN,
            _P.CREDENTIALS_READ,
            _P.CREDENTIALS_MANAGE,
            _P.DELIVERY_READ,
            _P.REPORTS_READ,
            _P.WORK_RESUME,
            _P.PEOPLE_READ,
            _P.PEOPLE_MANAGE,
            _P.SCHOOL_MANAGE,
            _P.APPROVE,
            _P.AUDIT_READ,
        }
    ),
    Role.DEPUTY_PRINCIPAL: frozenset(
        _PHRASES
        | {
            _P.CLASSES_READ,
            _P.YEAR_ROLL,
            _P.SHEET_READ,
            _P.SHEET_READ_ANY,
            _P.EXEMPTION_MANAGE,
            _P.HEALTH_READ,
            _P.MARKS_PUBLISH_ANY,
            _P.RESULTS_READ,
            _P.TRANSCRIPT_READ,
            _P.TRANSCRIPT_READ_ANY,
            _P.TRANSFER_MANAGE,
            _P.TRANSCRIPT_WITHDRAW,
            _P.SIGN,
            _P.CREDENTIALS_READ,
            _P.DELIVERY_READ,
            _P.REPORTS_READ,
            _P.PEOPLE_READ,
            _P.DEPARTMENTS_MANAGE,
            _P.SEASON_NUDGE,
            _P.CLASSES_MANAGE,
            _P.PUPILS_READ,
            _P.PUPILS_WRITE,
        }
    ),
    Role.DEPARTMENT_HEAD: frozenset(_PHRASES | {_P.CLASSES_READ, _P.SHEET_READ, _P.SHEET_CHECK}),
    Role.HOMEROOM_TEACHER: frozenset(_TEACHING | {_P.RESULTS_CONFIRM, _P.SIGN}),
    Role.SUBJECT_TEACHER: frozenset(_TEACHING | {_P.SIGN}),
    Role.CLERK: frozenset(
        {
            _P.CLASSES_READ,
            _P.PUPILS_READ,
            _P.PUPILS_WRITE,
            _P.RESULTS_READ,
            _P.TRANSCRIPT_READ,
            _P.TRANSCRIPT_READ_ANY,
            _P.TRANSFER_MANAGE,
            _P.PRIVACY_MANAGE,
            _P.PRIVACY_REGISTER_READ,
            _P.SIGN,
            _P.SEAL,
            _P.DELIVERY_READ,
            _P.REPORTS_READ,
            _P.DELIVERY_RETRY,
        }
    ),
    Role.IT_TEACHER: frozenset(
        {
            _P.AUTHORITY_BIND,
            _P.API_CLIENTS_MANAGE,
            _P.CLASSES_READ,
            _P.SHEET_READ,
            _P.SHEET_READ_ANY,
            _P.CLASSES_MANAGE,
            _P.PUPILS_READ,
            _P.PUPILS_WRITE,
            _P.IMPORT,
            _P.DELIVERY_READ,
            _P.REPORTS_READ,
            _P.DELIVERY_RETRY,
            _P.WORK_RESUME,
            _P.PEOPLE_READ,
            _P.PEOPLE_MANAGE,
            _P.ACCOUNTS_RESET,
            _P.PROVIDERS_MANAGE,
            _P.CREDENTIALS_READ,
            _P.CREDENTIALS_MANAGE,
        }
    ),
}

#: What is left of anybody's permissions once the school is closed: whoever owns it takes the data away, and a second
#: person still approves that.
AFTER_CLOSING = frozenset({_P.CONSOLE_READ, _P.SCHOOL_EXPORT, _P.APPROVE})

#: Whom a role may take in, change and let go: people all of whose roles are in its set. Who signs or seals for the
#: school is not made by the IT teacher, and owners are made by owners.
GRANTABLE: dict[Role, frozenset[Role]] = {
    Role.OWNER: frozenset(Role),
    Role.PRINCIPAL: frozenset(Role) - {Role.OWNER},
    Role.IT_TEACHER: frozenset({Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER, Role.IT_TEACHER}),
}


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Union of what the roles may do."""
    return frozenset(permission.value for role in roles for permission in ROLE_PERMISSIONS[Role(role)])


def grantable_by(roles: Iterable[str]) -> frozenset[Role]:
    """Roles that somebody with these roles may give to people, and take from them."""
    return frozenset(role for own in roles for role in GRANTABLE.get(Role(own), ()))
