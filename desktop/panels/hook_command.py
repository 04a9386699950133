"""The command that calls a workflow's api trigger from a terminal. No Qt."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from core.workflow.model import Json
from core.workflow.triggers import ApiTrigger

_NAMED = re.compile(r"\{(\w+)\}")


def hook_url(address: str, options: ApiTrigger, workflow_id: object) -> str:
    """Where a workflow is called. address: of the service. workflow_id: for a trigger without a path."""
    return f"{address}/hooks{options.path or f'/id/{workflow_id}'}"


def hook_command(url: str, options: ApiTrigger, inputs: Mapping[str, Json]) -> str:
    """A command for a POSIX shell with these inputs. The token or key is taken from `$TOKEN` or `$KEY`."""
    in_path = set(_NAMED.findall(options.path))
    place = _NAMED.sub(lambda found: quote(_word(inputs.get(found[1], found[1])), safe=""), url)
    rest = {name: value for name, value in inputs.items() if name not in in_path and name != options.headers}
    whole = rest.get(options.body) if options.body else rest
    body = json.dumps(whole, ensure_ascii=False)
    if options.method == "GET":
        query = urlencode({name: _word(value) for name, value in rest.items()})
        place, body = f"{place}?{query}" if query else place, ""
    if options.auth == "hmac":
        return _signed(place, options, body)
    sent = ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"] if body else []
    return " ".join([*_start(options), *sent, shlex.quote(place)])


def _start(options: ApiTrigger) -> list[str]:
    method = [] if options.method in ("GET", "POST") else [f"-X {options.method}"]
    return ["curl", *method, *(['-H "Authorization: Bearer $TOKEN"'] if options.auth == "token" else [])]


def _signed(url: str, options: ApiTrigger, body: str) -> str:
    sent = ["-H 'Content-Type: application/json'", '-d "$BODY"'] if body else []
    words = " ".join([*_start(options), *_signature(options), *sent, shlex.quote(url)])
    hexadecimal = 'HEX=$(printf %s "${KEY#whsec_}" | base64 -d | od -An -v -tx1 | tr -d " \\n"); '
    return f"BODY={shlex.quote(body)} TIME=$(date +%s); {hexadecimal if options.signature == 'standard' else ''}{words}"


def _signature(options: ApiTrigger) -> list[str]:
    """The headers that sign `$BODY` at `$TIME`."""
    digest = 'openssl dgst -sha256 -hmac "$KEY" -r | cut -d" " -f1'
    match options.signature:
        case "slack":
            return ['-H "X-Slack-Request-Timestamp: $TIME"',
                    f'-H "X-Slack-Signature: v0=$(printf %s "v0:$TIME:$BODY" | {digest})"']  # fmt: skip
        case "standard":
            binary = 'openssl dgst -sha256 -mac HMAC -macopt "hexkey:$HEX" -binary | base64'
            return ['-H "Webhook-Id: msg_$TIME"', '-H "Webhook-Timestamp: $TIME"',
                    f'-H "Webhook-Signature: v1,$(printf %s "msg_$TIME.$TIME.$BODY" | {binary})"']  # fmt: skip
        case _:
            return [f'-H "{options.signature_header}: t=$TIME,v1=$(printf %s "$TIME.$BODY" | {digest})"']


def _word(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
