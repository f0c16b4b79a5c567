"""What happens by itself, read from the source: events, the flow, tasks and who queues them."""

import ast
from collections.abc import Iterator

from tests.architecture.house import place_of
from tests.architecture.source import (
    Module,
    Source,
    calls,
    children,
    constant,
    functions,
    meaning,
    text_of,
)

_EVENT, _TASK, _ENQUEUE = "backend.core.events.Event", "backend.core.jobs.task", "backend.core.jobs.enqueue"


def events(source: Source) -> set[str]:
    """Every class of event, by its whole name."""
    return {f"{module.name}.{name}" for module in source.values() for name in children(module, _EVENT)}


def flow(source: Source) -> dict[str, list[str]]:
    """The table of `backend.workflow`: event → tasks, by their whole names."""
    workflow = source["backend.workflow"]
    table = constant(source, "backend.workflow.FLOW")
    assert isinstance(table, ast.Dict)
    found = {}
    for event, following in zip(table.keys, table.values, strict=True):
        assert event is not None
        assert isinstance(following, ast.Tuple)
        found[meaning(workflow, event)] = [meaning(workflow, task) for task in following.elts]
    return found


def tasks(source: Source) -> dict[str, str]:
    """Every declared task: its whole name → its kind."""
    return {
        f"{module.name}.{function.name}": kind
        for module in source.values()
        for function in functions(module)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and meaning(module, decorator.func) == _TASK
        if (kind := text_of(source, module, decorator.args[0]))
    }


def queued(source: Source) -> Iterator[tuple[Module, int, str | None]]:
    """Every place that queues work by name: module, line, kind (None: not to be read from the source)."""
    for module in source.values():
        for name, call in calls(module):
            if name == _ENQUEUE and len(call.args) > 1:
                yield module, call.lineno, text_of(source, module, call.args[1])


def emitted(source: Source) -> set[str]:
    """Every class that is called somewhere: events among them are announced."""
    return {name for module in source.values() for name, _ in calls(module)}


def breaks(source: Source) -> Iterator[str]:
    """Where the chain of events and tasks has an open end."""
    known, table, declared = events(source), flow(source), tasks(source)
    yield from (f"{event} has no entry in workflow.FLOW" for event in known - table.keys())
    yield from (f"workflow.FLOW names {event}, which is no event" for event in table.keys() - known)
    yield from (f"nothing announces {event}" for event in known - emitted(source))
    following = {task for row in table.values() for task in row}
    yield from (f"workflow.FLOW names {task}, which is not declared" for task in following - declared.keys())
    by_name = set()
    for module, line, kind in queued(source):
        homes = {_slice(task) for task, its_kind in declared.items() if its_kind == kind}
        if homes != {_slice(module.name)}:
            yield f"{module.name}:{line} queues {kind}, which is no task of its own slice"
        by_name.add(kind)
    yield from (
        f"{task} ({kind}) follows no event and nothing queues it"
        for task, kind in declared.items()
        if task not in following and kind not in by_name
    )


def _slice(name: str) -> str | None:
    place = place_of(name.rpartition(".")[0]) or place_of(name)
    return place.slice if place else None


def undeclared_in(source: Source, entry: str) -> set[str]:
    """Modules with tasks that a process with this entry file does not load: queueing them there would fail."""
    loaded, ahead = set[str](), [entry]
    while ahead:
        name = ahead.pop()
        if name in source and name not in loaded:
            loaded.add(name)
            ahead += [imported.target for imported in source[name].imports]
    return {task.rpartition(".")[0] for task in tasks(source)} - loaded
