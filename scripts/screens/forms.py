"""The inspector: the form of every type of step, every tab, what opens in it, and the workflow's own page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scripts.screens.documents import ASKING, BROKEN_STEPS, FAILING, SHOWCASE
from scripts.screens.stage import INPUTS, Scene, Shots, canvas_of, open_text, run, tab_of, type_keys, until

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop.panels.step_page import StepPage
    from desktop.program import Program


async def page_of(program: Program, step: str) -> StepPage:
    """The page of a step, whole."""
    from desktop.panels.inspector import Inspector
    from desktop.panels.step_page import StepPage

    (await canvas_of(program)).select([step])
    inspector = program.window.docks.get("inspector").fill()
    assert isinstance(inspector, Inspector)
    await until(lambda: inspector.step_id == step and isinstance(inspector.page, StepPage))
    await asyncio.sleep(0.4)
    assert isinstance(inspector.page, StepPage)
    return inspector.page


def inspector_of(program: Program) -> QWidget:
    """The inspector."""
    return program.window.docks.get("inspector").fill()


async def every_type(program: Program) -> Shots:
    """The settings of every type of step, in a window high enough for most."""
    from core.workflow.document import dumps
    from core.workflow.model import Step, Workflow

    types = program.session.types
    assert types is not None
    steps = {kind.type: Step(kind.type, kind.type) for kind in types if kind.type != "note"}
    await open_text(program, "every", dumps(Workflow("Every type", steps=steps)))
    for name in steps:
        await page_of(program, name)
        yield name, inspector_of(program)


async def tabs(program: Program) -> Shots:
    """Every tab, before and after a run."""
    for name in ("before", "after"):
        page = await page_of(program, "reply")
        for n in range(page.tabs.count()):
            page.tabs.setCurrentIndex(n)
            await asyncio.sleep(0.3)
            if name == "after" or 2 <= n <= 5:
                yield f"{name}_{page.tabs.tabText(n).lower() or n}", inspector_of(program)
        if name == "before":
            await run(program, INPUTS)


async def helpers(program: Program) -> Shots:
    """Completion, mistakes with their cures, pickers."""
    from PySide6.QtWidgets import QApplication

    from desktop.panels.pickers import PickControl
    from desktop.panels.popup_frame import PopupFrame
    from desktop.panels.template_edit import TemplateEdit

    await open_text(program, "mistakes", BROKEN_STEPS)
    page = await page_of(program, "ask")
    await asyncio.sleep(0.6)
    yield "mistakes", program.window
    edit = next(
        each for each in page.findChildren(TemplateEdit) if each.isVisible() and "qestion" in each.toPlainText()
    )
    edit.setFocus()
    edit.moveCursor(edit.textCursor().MoveOperation.End)
    type_keys(edit, " {{")
    await asyncio.sleep(0.4)
    shown = [each for each in QApplication.topLevelWidgets() if isinstance(each, PopupFrame) and each.isVisible()]
    yield "completion", shown[0] if shown else program.window
    edit.clearFocus()
    page = await page_of(program, "later")
    page = await page_of(program, "ask")
    picker = next(each for each in page.findChildren(PickControl) if each.isVisible())
    picker.open()
    await asyncio.sleep(0.6)
    assert picker.popup is not None
    yield "models", picker.popup
    picker.popup.close()
    program.window.docks.reveal("problems")
    await asyncio.sleep(0.4)
    yield "problems", program.window


async def workflow_page(program: Program) -> Shots:
    """The workflow's own settings, with each kind of trigger."""
    canvas = await open_text(program, "showcase", SHOWCASE)
    canvas.select(())
    await asyncio.sleep(0.5)
    yield "", inspector_of(program)
    for name, trigger in {
        "schedule": "{type: schedule, cron: '0 9 * * 1-5', zone: Europe/Berlin}",
        "api": "{type: api}",
        "message": "{type: message, channel: orders}",
    }.items():
        text = f"steploom: 1\nname: Started by {name}\ntrigger: {trigger}\nsteps: {{}}\n"
        (await open_text(program, name, text)).select(())
        await asyncio.sleep(0.5)
        yield name, inspector_of(program)


async def triggers(program: Program) -> Shots:
    """Triggers at work: when a schedule comes and what became of the times that came; where another one is called."""
    from core.engine.testing import ManualClock
    from core.service.triggers.scheduler import Scheduler
    from core.workflow.document import loads
    from tests.support.monitoring import store_of

    text = (
        "steploom: 1\nname: Morning report\ntrigger: {type: schedule, cron: '0 * * * *', zone: Europe/Berlin}\n"
        "steps:\n  say: {type: template, config: {text: Good morning}}\n"
    )
    await tab_of(program)
    store, clock = store_of(program), ManualClock()
    await store.workflows.save(loads(text), 0)
    await store.workflows.activate("Morning report", now=clock.now())
    workspace = program.session.workspace
    assert workspace is not None
    scheduler = Scheduler(store.schedules, workspace.queue, clock=clock)
    for hours in (1.01, 1.01, 3.01, 1, 1):
        await clock.advance(hours * 3600)
        await scheduler.fire_due()
    (await open_text(program, "Morning report", text)).select(())
    await asyncio.sleep(0.8)
    yield "", inspector_of(program)
    text = text.replace("Morning report", "New order").replace(
        "type: schedule, cron: '0 * * * *', zone: Europe/Berlin", "type: api, path: /orders"
    )
    await store.workflows.save(loads(text), 0)
    await store.workflows.activate("New order")
    for _ in range(2):
        await workspace.start(loads(text), labels={"trigger": "api"}).result()
    (await open_text(program, "New order", text)).select(())
    await asyncio.sleep(0.8)
    yield "api", inspector_of(program)


async def strips(program: Program) -> Shots:
    """What a run says above a step's settings: failed, waiting, stale, pinned; a step type that is not installed."""
    await open_text(program, "failing", FAILING)
    await run(program)
    await page_of(program, "pay")
    await asyncio.sleep(0.5)
    yield "failed", program.window
    canvas = await canvas_of(program)
    canvas.focus_on("read")
    program.commands.run("run.pin")
    await page_of(program, "read")
    await asyncio.sleep(0.3)
    yield "pinned", inspector_of(program)
    from core.workflow.edits import set_config_field

    canvas.apply(
        "Change", lambda workflow: set_config_field(workflow, "pay", "source", "def run(inputs):\n    return 1\n")
    )
    await page_of(program, "pay")
    await asyncio.sleep(0.5)
    yield "stale", program.window
    await open_text(program, "showcase", SHOWCASE)
    await page_of(program, "foreign")
    yield "placeholder", inspector_of(program)
    await open_text(program, "asking", ASKING)
    await run(program)
    await page_of(program, "release")
    await asyncio.sleep(0.3)
    yield "waiting", inspector_of(program)


SCENES = {
    "form": Scene(every_type, size=(1440, 1100)),
    "tab": Scene(tabs),
    "helper": Scene(helpers),
    "workflow_page": Scene(workflow_page, size=(1440, 1200)),
    "trigger": Scene(triggers, database=True, size=(1440, 1200)),
    "strip": Scene(strips),
}
