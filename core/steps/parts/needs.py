"""The services that a step cannot do without; a missing one is an error in words."""

from __future__ import annotations

from core.engine.errors import StepError
from core.engine.services import AgentMemory, Blobs, Folders, Models
from core.engine.step_type import StepContext


def models_of(context: StepContext) -> Models:
    """The models. Raises StepError when the program was opened without any."""
    if context.services.models is None:
        raise StepError("There is no model server here. Set one up, or run with the demo model.", kind="config")
    return context.services.models


def blobs_of(context: StepContext) -> Blobs:
    """The blob store. Raises StepError when there is none."""
    if context.services.blobs is None:
        raise StepError(
            "There is no blob store here to keep or read files. Open a workspace that has one.", kind="config"
        )
    return context.services.blobs


def folders_of(context: StepContext) -> Folders:
    """The granted folders. Raises StepError when none are."""
    if context.services.folders is None:
        raise StepError("This run may not read any files. Grant a folder in the settings.", kind="refused")
    return context.services.folders


def memory_of(context: StepContext) -> AgentMemory:
    """What agents remember. Raises StepError when nothing is kept here."""
    if context.services.memory is None:
        raise StepError(
            "There is no memory here: it needs a database. Open a workspace that keeps its data.", kind="config"
        )
    return context.services.memory
