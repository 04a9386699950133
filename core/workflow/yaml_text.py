"""The YAML of workflow documents: `parse` and `emit`, which are each other's inverse on JSON data."""

from __future__ import annotations

from core.workflow.yaml_reader import Reading, parse, read
from core.workflow.yaml_writer import emit

__all__ = ["Reading", "emit", "parse", "read"]
