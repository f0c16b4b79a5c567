"""Whether a subject of a pupil-year counts for its levels, in either circular."""

from backend.records.assessment.schemas import PrimarySubject, SecondarySubject
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import GradeSubject, Kind, find_subject

Subject = SecondarySubject | PrimarySubject


def counts(subject: Subject, found: GradeSubject | None, policy: Policy) -> bool:
    """Whether it counts where the pupil is not exempt; `found` is the subject in the programme."""
    if subject.counts is not None:
        return subject.counts
    return policy.optional_subjects_count or found is None or found.kind is not Kind.OPTIONAL


def why_not(subject: Subject, grade: int, policy: Policy) -> str:
    """Why a subject does not count, in words for its line of the table; "" where it does."""
    if subject.exempt:
        return "được miễn"
    if counts(subject, find_subject(grade, subject.code), policy):
        return ""
    learning = "học tập" if isinstance(subject, SecondarySubject) else "giáo dục"
    return f"không tính vào kết quả {learning}"
