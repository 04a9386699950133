"""What an editor does to a document: functions from a workflow to a workflow. `core.workflow.edits` is their door."""
