"""Whether a workflow can run: every problem at once, each with its step, its field and what to do about it."""

from __future__ import annotations

from core.workflow.catalogue import Catalogue
from core.workflow.document import read_leniently
from core.workflow.lines import problems_with_lines
from core.workflow.model import Workflow
from core.workflow.names import id_problems
from core.workflow.outline import Outline
from core.workflow.problems import Problem
from core.workflow.reference_rules import reference_problems
from core.workflow.spread_rules import spread_problems
from core.workflow.step_rules import step_problems
from core.workflow.variable_rules import variable_problems, workflow_problems
from core.workflow.wire_rules import wire_problems

__all__ = ["check_text", "problems_with_lines", "validate"]


def validate(workflow: Workflow, catalogue: Catalogue) -> list[Problem]:
    """All that is wrong with a workflow: the workflow's own problems, then those of its steps in document order.

    Errors keep it from running, warnings do not. catalogue: the step types that are known here.
    """
    outline = Outline(workflow, catalogue)
    found = [
        *workflow_problems(outline),
        *id_problems(workflow),
        *step_problems(outline),
        *wire_problems(outline),
        *reference_problems(outline),
        *variable_problems(outline),
        *spread_problems(outline),
    ]
    place = {step.id: index for index, (_, step) in enumerate(workflow.walk())}
    return sorted(found, key=lambda problem: -1 if problem.step is None else place[problem.step])


def check_text(text: str | bytes, catalogue: Catalogue) -> tuple[Workflow | None, list[Problem]]:
    """As much of a document's text as can be read, with all that is wrong with it: each problem once, line by line.

    None if it is no document at all. It can run if no problem is an error.
    """
    workflow, problems = read_leniently(text)
    if workflow is None:
        return None, problems
    # The shape of a document and whether it can run overlap where a field is missing or an id is wrong.
    known = {(problem.code, problem.step, problem.field) for problem in problems}
    more = (one for one in validate(workflow, catalogue) if (one.code, one.step, one.field) not in known)
    every = [*problems, *problems_with_lines(text, list(more))]
    return workflow, sorted(every, key=lambda problem: problem.line or 0)
