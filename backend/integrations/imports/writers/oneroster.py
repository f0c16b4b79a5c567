"""A OneRoster 1.2 package of CSV files (1EdTech): the classes of a year and who studies in them. Pure."""

import csv
import io
import uuid
import zipfile
from collections.abc import Iterable, Sequence

import msgspec

from backend.records.roster.schemas import ClassSummary, StudentSummary, YearSummary

_FILES = ("orgs", "academicSessions", "courses", "classes", "users", "roles", "demographics", "enrollments")
_ABSENT = (
    "categories classResources courseResources lineItems lineItemLearningObjectiveIds lineItemScoreScales resources "
    "resultLearningObjectiveIds results resultScoreScales scoreScales userProfiles userResources"
).split()
#: Zip entries have no time of their own, so that the same roster is the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """What a package tells: the school (id, name, Ministry code), its year, and each class with its pupils."""

    school_id: uuid.UUID
    school_name: str
    school_code: str
    year: YearSummary
    classes: Sequence[tuple[ClassSummary, Sequence[StudentSummary]]]


def package(roster: Roster) -> bytes:
    """The zip. Ids are those of the interface for other systems, so both name the same."""
    rows = _rows(roster)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in [("manifest", _manifest(roster)), *rows.items()]:
            archive.writestr(zipfile.ZipInfo(f"{name}.csv", _NO_TIME), _csv(lines), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _manifest(roster: Roster) -> list[dict[str, str]]:
    said = {
        "manifest.version": "1.0",
        "oneroster.version": "1.2",
        **{f"file.{name}": "bulk" for name in _FILES},
        **dict.fromkeys((f"file.{name}" for name in _ABSENT), "absent"),
        "source.systemName": "Hocba",
        "source.systemCode": roster.school_code,
    }
    return [{"propertyName": name, "value": value} for name, value in said.items()]


def _rows(roster: Roster) -> dict[str, list[dict[str, str]]]:
    school, year = str(roster.school_id), str(roster.year.id)
    pupils = {one.id: one for _, members in roster.classes for one in members}
    ends = str(roster.year.ends_on.year)
    return {
        "orgs": [
            _row(
                school,
                name=roster.school_name,
                type="school",
                identifier=roster.school_code,
                parentSourcedId="",
            )
        ],
        "academicSessions": [
            _row(
                year,
                title=roster.year.name,
                type="schoolYear",
                startDate=roster.year.starts_on.isoformat(),
                endDate=roster.year.ends_on.isoformat(),
                parentSourcedId="",
                schoolYear=ends,
            )
        ],
        "courses": [
            _row(
                f"homeroom-{grade}",
                schoolYearSourcedId=year,
                title=f"Khối {grade}",
                courseCode=f"K{grade}",
                grades=_grade(grade),
                orgSourcedId=school,
                subjects="",
                subjectCodes="",
            )
            for grade in sorted({one.grade_level for one, _ in roster.classes})
        ],
        "classes": [
            _row(
                str(one.id),
                title=one.name,
                grades=_grade(one.grade_level),
                courseSourcedId=f"homeroom-{one.grade_level}",
                classCode=one.name,
                classType="homeroom",
                location="",
                schoolSourcedId=school,
                termSourcedIds=year,
                subjects="",
                subjectCodes="",
                periods="",
            )
            for one, _ in roster.classes
        ],
        "users": [_user(one, school) for one in pupils.values()],
        "roles": [
            _row(
                f"role-{one}",
                userSourcedId=str(one),
                roleType="primary",
                role="student",
                beginDate="",
                endDate="",
                orgSourcedId=school,
                userProfileSourcedId="",
            )
            for one in pupils
        ],
        "demographics": [
            _row(str(one.id), birthDate=one.date_of_birth.isoformat(), sex=one.gender or "unspecified")
            for one in pupils.values()
        ],
        "enrollments": [
            _row(
                f"{place.id}-{one.id}",
                classSourcedId=str(place.id),
                schoolSourcedId=school,
                userSourcedId=str(one.id),
                role="student",
                primary="",
                beginDate="",
                endDate="",
            )
            for place, members in roster.classes
            for one in members
        ],
    }


def _user(one: StudentSummary, school: str) -> dict[str, str]:
    """Family name first, given name last, as Vietnamese names are written; a name of one word is a given name."""
    *before, given = one.full_name.split()
    return _row(
        str(one.id),
        enabledUser="true",
        username=one.student_code,
        userIds="",
        givenName=given,
        familyName=before[0] if before else "",
        middleName=" ".join(before[1:]),
        identifier=one.student_code,
        email="",
        sms="",
        phone="",
        agentSourcedIds="",
        grades="",
        password="",
        userMasterIdentifier="",
        resourceSourcedIds="",
        preferredGivenName="",
        preferredMiddleName="",
        preferredFamilyName="",
        primaryOrgSourcedId=school,
        pronouns="",
    )


def _row(sourced_id: str, **said: str) -> dict[str, str]:
    """`status` and `dateLastModified` stay empty in a bulk package."""
    return {"sourcedId": sourced_id, "status": "", "dateLastModified": ""} | said


def _grade(level: int) -> str:
    return f"{level:02}"


def _csv(rows: Iterable[dict[str, str]]) -> str:
    lines = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*lines[0]] if lines else ["sourcedId", "status", "dateLastModified"])
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
