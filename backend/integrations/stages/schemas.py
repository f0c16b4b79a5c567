"""The words of the stages: how far the transcripts of some classes are, and what holds each stage up."""

from enum import StrEnum

import msgspec

from backend.records.freezes.schemas import CheckList


class Stage(StrEnum):
    """What is done to a transcript, in order."""

    FREEZE = "freeze"
    RENDER = "render"
    SIGN = "sign"
    ISSUE = "issue"
    SUBMIT = "submit"


STAGE_NAMES = {
    Stage.FREEZE: "Chốt số liệu",
    Stage.RENDER: "Kết xuất PDF, XML",
    Stage.SIGN: "Đưa đi ký",
    Stage.ISSUE: "Phát hành",
    Stage.SUBMIT: "Nộp lên Sở",
}
#: Each stage as what a button does to so many transcripts.
STAGE_DEEDS = {
    Stage.FREEZE: "Xem và chốt",
    Stage.RENDER: "Kết xuất",
    Stage.SIGN: "Đưa đi ký",
    Stage.ISSUE: "Phát hành",
    Stage.SUBMIT: "Nộp lên Sở",
}


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a scope: of `total` transcripts so many are `done`, so many are `ready` for it.

    `stopped` of the ready ones wait for a person; the others are with the machine. `notes` are what is missing, whose
    signature is missing and what is odd.
    """

    stage: Stage
    done: int
    total: int
    ready: int
    stopped: int
    notes: tuple[str, ...]
    may_press: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return STAGE_NAMES[self.stage]

    @property
    def deed(self) -> str:
        """What its button says."""
        return STAGE_DEEDS[self.stage]


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """All stages of a scope, with the check list from which the first begins."""

    check: CheckList
    stages: tuple[StageView, ...]

    @property
    def moving(self) -> bool:
        """Whether the machine has something in hand."""
        return any(one.ready > one.stopped for one in self.stages if one.stage is not Stage.FREEZE)
