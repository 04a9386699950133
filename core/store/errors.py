"""What can go wrong with the database.

    StoreError
    ├── StoreClosed           the store was closed while somebody still used it
    ├── ServerError           the embedded server cannot be set up or started
    │   └── DataFolderError   the data folder cannot be used as it is
    ├── ConnectError          the database cannot be reached
    │   └── LoginError        the server refuses the user or the password
    ├── UnsuitableServer      the server lacks something
    │   ├── ServerTooOld      its version is not supported
    │   └── NoVectors         pgvector is not installed there
    ├── SchemaTooNew          a newer Steploom made these tables
    ├── SchemaError           the tables could not be brought up to date
    ├── VersionConflict       somebody else saved the workflow meanwhile
    ├── WorkflowNotFound      no workflow has that name
    ├── NameTaken             another workflow has that name
    ├── AddressTaken          another active workflow answers the same calls
    ├── NotScheduled          the workflow has no schedule that is active
    ├── AgentConflict         somebody else saved the agent meanwhile
    ├── AgentNotFound         no agent has that name
    ├── ConversationNotFound  no conversation has that id
    │   ├── MessageNotFound   no message of it has that id
    │   └── CallNotFound      no function call has that id
    ├── ConversationBusy      somebody else answers in the conversation
    ├── ConversationLost      somebody else took the conversation over
    ├── TokenNotFound         no token has that id
    └── CallSettled           a function call may not become what it should

Each says what happened, to what, and the next move. None ever holds a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.workflow.model import Workflow


class StoreError(Exception):
    """Keeping or finding something in the database did not work."""

    code = "store"


class StoreClosed(StoreError):
    """The store was closed. Open it again before using it."""

    code = "store_closed"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ServerError(StoreError):
    """The embedded server cannot be set up or started."""

    code = "embedded_server"


class DataFolderError(ServerError):
    """The embedded server's data folder cannot be used as it is. Nothing in it was changed."""

    code = "data_folder"


class ConnectError(StoreError):
    """The database cannot be reached."""

    code = "connect"


class LoginError(ConnectError):
    """The database refuses the user or the password."""

    code = "login"


class UnsuitableServer(StoreError):
    """The database server lacks something that Steploom needs."""

    code = "unsuitable_server"


class ServerTooOld(UnsuitableServer):
    """The database server's version is not supported."""

    code = "server_too_old"


class NoVectors(UnsuitableServer):
    """The extension pgvector cannot be used in the database."""

    code = "no_pgvector"


class SchemaTooNew(StoreError):
    """The tables were made by a newer Steploom. This one leaves them alone."""

    code = "schema_too_new"


class SchemaError(StoreError):
    """The tables could not be made or brought up to date."""

    code = "schema"


class VersionConflict(StoreError):
    """Somebody else saved the workflow meanwhile.

    expected: the version that the change was based on. current: the newest version. mine: what was to be saved.
    theirs: the newest version's document.
    """

    code = "version_conflict"

    def __init__(self, name: str, *, expected: int, current: int, mine: Workflow, theirs: Workflow) -> None:
        self.name = name
        self.expected = expected
        self.current = current
        self.mine = mine
        self.theirs = theirs
        based = f"version {expected}" if expected else "a new workflow"
        super().__init__(
            f"Workflow {name!r} was saved by somebody else meanwhile: yours is based on {based}, the newest is "
            f"version {current}. Compare the two and save again on top of version {current}."
        )


class WorkflowNotFound(StoreError):
    """No workflow (or no version of it) has that name."""

    code = "workflow_not_found"


class NameTaken(StoreError):
    """Another workflow has that name."""

    code = "name_taken"


class AddressTaken(StoreError):
    """Another active workflow answers calls of that method and path."""

    code = "address_taken"


class NotScheduled(StoreError):
    """The workflow has no schedule that is active."""

    code = "not_scheduled"


class AgentConflict(StoreError):
    """Somebody else saved the agent meanwhile.

    expected: the version that the change was based on. current: the newest version. mine: the document that was to be
    saved. theirs: the newest version's document.
    """

    code = "agent_conflict"

    def __init__(
        self, name: str, *, expected: int, current: int, mine: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.expected = expected
        self.current = current
        self.mine = mine
        self.theirs = theirs
        based = f"version {expected}" if expected else "a new agent"
        super().__init__(
            f"Agent {name!r} was saved by somebody else meanwhile: yours is based on {based}, the newest is version "
            f"{current}. Compare the two and save again on top of version {current}."
        )


class AgentNotFound(StoreError):
    """No agent (or no version of it) has that name."""

    code = "agent_not_found"


class ConversationNotFound(StoreError):
    """No conversation has that id."""

    code = "conversation_not_found"


class MessageNotFound(ConversationNotFound):
    """No message of the conversation has that id."""

    code = "message_not_found"


class CallNotFound(ConversationNotFound):
    """No function call has that id."""

    code = "call_not_found"


class ConversationBusy(StoreError):
    """Somebody else answers in the conversation."""

    code = "conversation_busy"


class ConversationLost(StoreError):
    """Somebody else took the conversation over. What was not saved yet is not in it; open it again to see how it is."""

    code = "conversation_lost"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class CallSettled(StoreError):
    """A function call may not become what it should: its outcome stands, or it was not started."""

    code = "call_settled"


class TokenNotFound(StoreError):
    """No token has that id."""

    code = "token_not_found"
