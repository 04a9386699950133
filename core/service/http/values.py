"""Runs, steps, agents and conversations as the JSON that callers get."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.agents.agent import Agent
from core.agents.chat_events import CallFinished, ChatEvent, MessageSaved, Pending, RequestSent, chat_event_json
from core.agents.made_files import files_of
from core.engine.events import Usage
from core.engine.journal import RunRecord, StepRecord, asking
from core.service.http.files import files_json
from core.store.conversation_records import Conversation, FunctionCall, StoredMessage
from core.store.tokens import Token
from core.workflow.model import Json, Workflow


def moment(at: datetime | None) -> str | None:
    """A time in ISO 8601, None for none."""
    return at.isoformat() if at is not None else None


def usage_json(usage: Usage) -> dict[str, Json]:
    """What was spent."""
    return {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out, "cost_usd": usage.cost_usd}


def run_json(run: RunRecord, steps: Sequence[StepRecord] = ()) -> dict[str, Json]:
    """A run, with what it waits for. `files`: of its inputs and outputs, and of the steps that are given."""
    return {
        "run_id": run.id,
        "workflow": run.workflow.name,
        "status": run.standing,
        "created": run.created.isoformat(),
        "ended": moment(run.ended),
        "inputs": dict(run.inputs),
        "outputs": dict(run.outputs) if run.outputs is not None else None,
        "files": files_json(run_place(run.id), run.inputs, run.outputs, *(step.output for step in steps)),
        "error": {"step": run.error_path, **run.error.as_json()} if run.error else None,
        "labels": dict(run.labels),
        "usage": usage_json(run.usage),
        "duration_s": run.duration_s,
        "wake_at": moment(run.wake_at),
        "resumable": run.resumable,
        "questions": [question_json(step) for step in asking(steps)] if run.status == "suspended" else [],
    }


def run_place(run_id: str) -> str:
    """The address of a run."""
    return f"/api/v1/runs/{run_id}"


def conversation_place(conversation_id: UUID) -> str:
    """The address of a conversation."""
    return f"/api/v1/conversations/{conversation_id}"


def question_json(step: StepRecord) -> dict[str, Json]:
    """What a step asks."""
    question = step.question
    assert question is not None
    return {
        "path": step.path,
        "message": question.message,
        "choices": list(question.choices),
        "form": dict(question.schema) if question.schema is not None else None,
        "until": moment(step.until),
    }


def step_json(step: StepRecord) -> dict[str, Json]:
    """One attempt of a step."""
    return {
        "path": step.path,
        "attempt": step.attempt,
        "status": step.status,
        "type": step.type,
        "title": step.title,
        "cause": step.cause,
        "inputs": dict(step.inputs),
        "output": dict(step.output) if step.output is not None else None,
        "ports": list(step.ports),
        "error": step.error.as_json() if step.error else None,
        "usage": usage_json(step.usage),
        "duration_s": step.duration_s,
        "started": moment(step.started),
        "ended": moment(step.ended),
        "question": question_json(step) if step.question is not None else None,
        "answer": dict(step.answer) if step.answer is not None else None,
    }


def workflow_json(workflow: Workflow, version: int, folder: str) -> dict[str, Json]:
    """A workflow as a caller needs to know it: what it takes and gives."""
    return {
        "name": workflow.name,
        "description": workflow.description,
        "version": version,
        "folder": folder,
        "tags": list(workflow.tags),
        "trigger": workflow.trigger.type,
        "inputs": {name: dict(schema) for name, schema in workflow.inputs.items()},
        "outputs": list(workflow.outputs),
        "steps": [{"id": step.id, "type": step.type, "title": step.title} for _, step in workflow.walk()],
    }


def agent_json(agent: Agent, version: int) -> dict[str, Json]:
    """An agent without what it was told in private: its prompt."""
    return {
        "name": agent.name,
        "description": agent.description,
        "version": version,
        "model": agent.model.model,
        "functions": [function.name for function in agent.functions],
        "answer_schema": dict(agent.answer_schema) if agent.answer_schema is not None else None,
    }


def conversation_json(conversation: Conversation, agent: str = "") -> dict[str, Json]:
    """A conversation without its messages. agent: the name of the agent, '' if it is not looked up."""
    return {
        "conversation_id": str(conversation.id),
        "title": conversation.title,
        "agent": agent,
        "workflow": conversation.workflow,
        "created": moment(conversation.created),
        "updated": moment(conversation.updated),
        "usage": usage_json(conversation.usage),
    }


def message_json(message: StoredMessage, conversation_id: UUID) -> dict[str, Json]:
    """A message without what models were sent for it."""
    return {
        "id": message.id,
        "parent": message.parent,
        "role": message.role,
        "text": message.text,
        "status": message.status,
        "reason": message.reason,
        "agent": message.agent,
        "model": message.model,
        "run_id": message.run_id,
        "calls": [call_json(call) for call in message.calls],
        "files": files_json(conversation_place(conversation_id), files_of(message)),
        "usage": usage_json(message.usage),
        "created": moment(message.created),
    }


def call_json(call: FunctionCall) -> dict[str, Json]:
    """A function call and what became of it."""
    return {
        "id": call.id,
        "name": call.name,
        "arguments": dict(call.arguments) if call.arguments is not None else None,
        "status": call.status,
        "reason": call.reason,
        "result": call.result,
        "run_id": call.run_id,
    }


def pending_json(pending: Pending) -> dict[str, Json]:
    """What a conversation waits for."""
    return {
        "id": pending.id,
        "kind": pending.kind,
        "message": pending.message,
        "agent": pending.agent,
        "warnings": list(pending.warnings),
        "choices": list(pending.choices),
        "form": dict(pending.schema) if pending.schema is not None else None,
        "call": call_json(pending.call) if pending.call is not None else None,
        "run_id": pending.run_id,
        "until": moment(pending.until),
    }


def chat_json(event: ChatEvent) -> dict[str, Json]:
    """An event of a conversation, without prompts and what else models are sent."""
    match event:
        case MessageSaved():
            message = message_json(event.message, event.conversation_id)
            return {"event": "message_saved", "conversation_id": str(event.conversation_id),
                    "at": event.at.isoformat(), "message": message}  # fmt: skip
        case CallFinished():
            files = files_json(conversation_place(event.conversation_id), event.call.files)
            return {**chat_event_json(event), "files": files}
        case RequestSent():
            return {"event": "request_sent", "conversation_id": str(event.conversation_id),
                    "at": event.at.isoformat(), "step": event.step, "model": event.model,
                    "tokens": event.tokens}  # fmt: skip
        case _:
            return chat_event_json(event)


def token_json(token: Token) -> dict[str, Json]:
    """A token without anything that opens something."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": [*map(str, sorted(token.scopes))],
        "created": moment(token.created),
        "expires": moment(token.expires),
        "last_used": moment(token.last_used),
        "revoked": moment(token.revoked),
        "rate": str(token.rate) if token.rate is not None else None,
    }
