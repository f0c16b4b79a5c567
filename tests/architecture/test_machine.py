"""Every event is announced and followed, every task is reached, every lane has hands; open ends are named."""

import pytest

from backend import workflow
from backend.core import broker, dispatcher, jobs
from backend.core.events import Event
from tests.architecture.machine import breaks, events, flow, tasks, undeclared_in
from tests.architecture.source import Source, backend, plant

SLICE = "backend/records/assessment"
EVENT = "from backend.core.events import Event\nclass Planted(Event, frozen=True): ..."
TASK = "\n@task('assessment.planted', lane=Lane.RENDER)\nasync def planted(work: Work) -> None: ..."


def test_the_chain_has_no_open_end() -> None:
    assert list(breaks(backend())) == []


def test_what_is_read_from_the_source_is_what_runs() -> None:
    assert {name.rpartition(".")[2] for name in events(backend())} == {
        event.__name__ for event in workflow.FLOW
    }
    assert set(tasks(backend()).values()) == {task.kind for task in jobs.declared()}
    for event, following in workflow.FLOW.items():
        assert issubclass(event, Event)
        kinds = [tasks(backend())[name] for name in flow(backend())[f"{event.__module__}.{event.__name__}"]]
        assert kinds == [task.kind for task in following]


def with_entry(source: Source, entry: str) -> Source:
    """The flow with another first line."""
    text = source["backend.workflow"].text.replace("] = {\n", "] = {\n    " + entry + ",\n", 1)
    return source | plant({}, "backend/workflow.py", text)


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        (f"{SLICE}/events.py", EVENT, "backend.records.assessment.events.Planted has no entry"),
        (f"{SLICE}/events.py", EVENT, "nothing announces backend.records.assessment.events.Planted"),
        (f"{SLICE}/tasks.py", TASK, "assessment.planted) follows no event and nothing queues it"),
        (
            f"{SLICE}/service.py",
            "from backend.core import jobs\nasync def f(s):\n    await jobs.enqueue(s, 'assessment.lost', 1)",
            "queues assessment.lost, which is no task of its own slice",
        ),
        (
            f"{SLICE}/service.py",
            "from backend.core import jobs\nasync def f(s):\n    await jobs.enqueue(s, 'transcripts.issue', 1)",
            "queues transcripts.issue, which is no task of its own slice",
        ),
    ],
)
def test_an_open_end_is_named(path: str, text: str, why: str) -> None:
    assert any(why in found for found in breaks(plant(backend(), path, text)))


def test_entries_that_lead_nowhere_are_named() -> None:
    planted = list(breaks(with_entry(backend(), "Gone: (assessment.gone,)")))
    assert planted == [
        "workflow.FLOW names Gone, which is no event",
        "workflow.FLOW names backend.records.assessment.tasks.gone, which is not declared",
    ]


@pytest.mark.parametrize("entry", ["backend.app", "backend.worker"])
def test_every_process_knows_every_task(entry: str) -> None:
    """A handler may queue a task by its name, so the site must have declared it, as the worker has."""
    assert undeclared_in(backend(), entry) == set()


def test_a_process_that_does_not_is_named() -> None:
    text = backend()["backend.app"].text.replace("import backend.workflow", "import backend.core.logs")
    assert "backend.integrations.deliveries.tasks" in undeclared_in(
        backend() | plant({}, "backend/app.py", text), "backend.app"
    )


def test_every_lane_has_slots_and_a_queue() -> None:
    lanes = {lane.value for lane in jobs.Lane}
    assert {lane.value for lane in dispatcher.SLOTS} == lanes
    assert min(dispatcher.SLOTS.values()) > 0
    bell = broker.make_broker("redis://127.0.0.1:1/0")
    assert {bell.get_actor(f"run_{lane}").queue_name for lane in lanes} == lanes
    assert bell.get_declared_queues() == lanes
    assert bell.get_declared_delay_queues() == set(), "where nobody sends, nobody listens"
    assert {task.lane.value for task in jobs.declared()} <= lanes
    bell.close()
