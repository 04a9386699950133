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
    rest = {name: value for name, value in inputs.items() if name not in in_path}
    body = json.dumps(rest, ensure_ascii=False)
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
    digest = 'openssl dgst -sha256 -hmac "$KEY" -r | cut -d" " -f1'
    signature = f'-H "{options.signature_header}: t=$TIME,v1=$(printf %s "$TIME.$BODY" | {digest})"'
    sent = ["-H 'Content-Type: application/json'", '-d "$BODY"'] if body else []
    words = " ".join([*_start(options), signature, *sent, shlex.quote(url)])
    return f"BODY={shlex.quote(body)} TIME=$(date +%s); {words}"


def _word(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
