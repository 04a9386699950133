"""Why a server did not work, in words, from what the SDK raised and what the server wrote."""

from __future__ import annotations

from collections.abc import Sequence

from core.agents.mcp.errors import CallRefused, McpError, NotSignedIn, ServerUnavailable
from core.agents.mcp.server_config import ServerConfig
from core.agents.mcp.transport import Output
from core.engine.mask import Mask

LINES_SHOWN = 8
"""Of a server's last words in an error."""


def root(error: BaseException) -> BaseException:
    """The first real cause inside nested groups; servers' errors come wrapped in them."""
    while isinstance(error, BaseExceptionGroup):
        inner: Sequence[BaseException] = error.exceptions
        error = next((each for each in inner if not _is_noise(each)), inner[0])
    return error


def failed_start(name: str, config: ServerConfig, error: BaseException, output: Output, mask: Mask) -> McpError:
    """Why a server could not be started or reached."""
    cause = root(error)
    if isinstance(cause, McpError):
        return cause
    status = output.status if output.status is not None and output.status >= 400 else None
    where = f"The MCP server {name!r}"
    if status in (401, 403):
        return NotSignedIn(
            f"{where} refused the sign-in (HTTP {status}). Check its headers and keys; if it wants a sign-in through "
            'the browser, set "auth": "oauth".'
        )
    if config.type == "stdio":
        said = _last_words(output, mask)
        if is_lost(cause) or isinstance(cause, ConnectionError):
            return ServerUnavailable(f"{where} ended before it was ready. Try its command in a terminal.{said}")
        return ServerUnavailable(f"{where} could not be started: {_short(cause, mask)}. Check its command.{said}")
    if status == 404:
        return ServerUnavailable(
            f"{where} is not at this address (HTTP 404). Check its url, above all the path.", permanent=True
        )
    if status is not None:
        return ServerUnavailable(f"{where} answered with HTTP {status}: {_short(cause, mask)}. Try again later.")
    return ServerUnavailable(f"{where} could not be reached: {_short(cause, mask)}. Check its url and that it runs.")


def slow_start(name: str, config: ServerConfig, output: Output, mask: Mask) -> ServerUnavailable:
    """That a server was not ready in time, and what it said meanwhile."""
    said = _last_words(output, mask)
    if output.stray:
        why = f"It printed {mask.text(output.stray[-1])!r}, which is no MCP message: is it an MCP server at all?"
    elif config.type == "stdio":
        why = "A first start may have to download it: try again, or raise its connectTimeout."
    else:
        why = "Check its url, try again, or raise its connectTimeout."
    return ServerUnavailable(f"The MCP server {name!r} was not ready within {config.connect_timeout:g} s. {why}{said}")


def gone(name: str, output: Output, mask: Mask) -> str:
    """That a server went away by itself, and its last words."""
    return f"The MCP server {name!r} ended by itself.{_last_words(output, mask)}"


def lost(name: str, tool: str, error: BaseException, output: Output, mask: Mask) -> str:
    """That a server went away during a call."""
    return (
        f"The connection to the MCP server {name!r} broke off during the call of {tool!r} ({_short(root(error), mask)})"
        "; whether the call had an effect is not known."
        f"{_last_words(output, mask)}"
    )


def refused(name: str, tool: str, error: BaseException, mask: Mask) -> CallRefused:
    """That a server answered a call with an error of the protocol."""
    return CallRefused(f"The MCP server {name!r} refused the call of {tool!r}: {_short(root(error), mask)}.")


def is_lost(error: BaseException) -> bool:
    """Whether an error says that the connection is no more."""
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED

    cause = root(error)
    if isinstance(cause, MCPError):
        return cause.code == CONNECTION_CLOSED or "session terminated" in cause.message.lower()
    name = type(cause).__module__.partition(".")[0]
    return isinstance(cause, ConnectionError | EOFError) or name in ("httpx2", "httpcore2", "anyio")


def _last_words(output: Output, mask: Mask) -> str:
    lines = [mask.text(line) for line in list(output.errors)[-LINES_SHOWN:]]
    return " Its last words:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""


def _short(error: BaseException, mask: Mask) -> str:
    text = " ".join(mask.text(str(error) or type(error).__name__).split()).rstrip(".")
    return text if len(text) <= 500 else text[:499] + "…"


def _is_noise(error: BaseException) -> bool:
    return isinstance(error, GeneratorExit) or type(error).__name__ in ("CancelledError", "ClosedResourceError")
