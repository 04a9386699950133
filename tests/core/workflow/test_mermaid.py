from __future__ import annotations

from core.workflow.mermaid import mermaid
from core.workflow.model import Workflow
from tests.support.wired_steps import document, wired_step_types


def test_steps_branches_loops_and_disabled_steps_are_drawn() -> None:
    workflow = document(
        {
            "end": {"type": "choose", "title": 'Is it "x" < #1;?', "then": {"true": "each", "false": ["b", "nowhere"]}},
            "each": {
                "type": "loop",
                "body": {"one": {"type": "ask", "then": "two"}, "two": {"type": "ask"}},
                "then": "b",
            },
            "b": {"type": "ask", "disabled": True},
            "hint": {"type": "note", "disabled": True},
            "empty": {"type": "loop", "body": {}},
        }
    )
    assert mermaid(workflow, wired_step_types()).splitlines() == [
        "---",
        'title: "N"',
        "---",
        "flowchart LR",
        '  s1{"Is it #quot;x#quot; #lt; #35;1;?"}',
        '  subgraph s2["each"]',
        '    s3["one"]',
        '    s4["two"]',
        "  end",
        '  s5["b"]',
        '  s6["empty"]',
        '  s1 -->|"true"| s2',
        '  s1 -->|"false"| s5',
        "  s2 --> s5",
        "  s3 --> s4",
        "  classDef disabled stroke-dasharray:4 4,opacity:0.6",
        "  class s5 disabled",
    ]


def test_a_workflow_without_steps_is_a_chart_without_boxes() -> None:
    assert mermaid(Workflow("")) == "flowchart LR\n"
