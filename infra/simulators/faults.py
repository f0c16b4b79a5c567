"""Faults that can be switched on: each is used up after `times` uses. In memory only: a restart ends them."""

from collections.abc import Sequence

import msgspec

from infra.simulators.web import BadRequest, Reply, Request, reply_json

#: This one acts at once: nobody listens any more for `seconds`.
DOWN = "down"


class Fault(msgspec.Struct, kw_only=True):
    """`path`: only requests whose path contains it. `seconds`: for delays and outages. `times`: how often."""

    kind: str
    times: int = 1
    seconds: float = 3.0
    path: str = ""


class FaultBox:
    """The faults that are switched on now."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds = frozenset(kinds) | {DOWN}
        self._faults: list[Fault] = []

    def take(self, kind: str, path: str) -> Fault | None:
        """Use one up, if such a fault is on for this path."""
        for fault in self._faults:
            if fault.kind == kind and fault.path in path:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def post(self, request: Request) -> Reply:
        """POST: switch one on."""
        try:
            fault = msgspec.json.decode(request.body, type=Fault)
        except msgspec.MsgspecError as error:
            raise BadRequest(str(error)) from error
        if fault.kind not in self._kinds or fault.times < 1:
            raise BadRequest(f"Unknown fault or times < 1; known: {', '.join(sorted(self._kinds))}")
        if fault.kind == DOWN:
            return Reply(status=200, body=b"{}", down=fault.seconds)
        self._faults.append(fault)
        return self.get(request)

    def get(self, request: Request) -> Reply:
        """GET: what is on."""
        return reply_json({"faults": self._faults})

    def delete(self, request: Request) -> Reply:
        """DELETE: switch all off."""
        self._faults.clear()
        return self.get(request)
