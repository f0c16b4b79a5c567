"""The words of opening a school."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.tenants.schools.schemas import SchoolProfile

ApplicationId = NewType("ApplicationId", uuid.UUID)


class ApplicationState(StrEnum):
    """A school asks to be opened → the operator approves or refuses."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


class Applicant(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and becomes the school's first owner."""

    name: str
    email: str
    phone: str = ""


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """What a school that wants to be opened says of itself."""

    school: SchoolProfile
    applicant: Applicant


class FiledApplication(msgspec.Struct, frozen=True, kw_only=True):
    """An application as the operator sees it. `known`: schools with the same Ministry code that are open already."""

    id: ApplicationId
    application: Application
    state: ApplicationState
    applied_at: datetime
    known: int


class OpenedSchool(msgspec.Struct, frozen=True, kw_only=True):
    """A school that is open; `token` is part of the link that its first owner takes up, told this once."""

    tenant_id: uuid.UUID
    school: SchoolProfile
    applicant: Applicant
    token: str
