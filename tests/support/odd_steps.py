"""Step types that only some workers know: an installed package would bring them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from core.engine.step_type import Config, StepContext, StepType
from core.workflow.model import Json


class OddConfig(Config):
    """Nothing to fill in."""


class OddStep(StepType[OddConfig]):
    """Does nothing."""

    type = "odd"
    title = "Odd"
    icon = "zap"
    category = "logic"
    outputs: ClassVar[Mapping[str, str]] = {}
    config_model = OddConfig

    async def run(self, config: OddConfig, context: StepContext) -> dict[str, Json]:
        """Do nothing."""
        return {}


class DeadlyStep(OddStep):
    """Ends its process, as a crash in a library would."""

    type = "deadly"
    title = "Deadly"

    async def run(self, config: OddConfig, context: StepContext) -> dict[str, Json]:
        """End the process with code 77."""
        os._exit(77)


def install_into(folder: Path) -> str:
    """Make a folder which, on the module path, installs these types as a package would; its name."""
    information = folder / "odd_steps-1.0.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-steps\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[steploom.steps]\nodd = tests.support.odd_steps\n")
    return str(folder)
