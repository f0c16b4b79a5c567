"""The words of restoring forward: what became of the schools of an older database."""

import uuid
from dataclasses import dataclass, field


@dataclass
class SchoolReport:
    """What there was to do in one school; `problems` are lines for the operator."""

    tenant_id: uuid.UUID
    known: int = 0
    advanced: int = 0
    rebuilt: int = 0
    asked: int = 0
    copies: int = 0
    problems: list[str] = field(default_factory=list)
