"""The description of the service for other programs (OpenAPI 3.1), and for people, made from the routes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from core.service.http.route import JSON, Answer, Route

_PART: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_REF: Final = "#/components/schemas/{model}"

_ERROR: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "A stable word."},
                "type": {"type": "string"},
                "message": {"type": "string", "description": "What is wrong, and what to do."},
                "problems": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}

_COMMON: Final[Mapping[int, str]] = {
    401: "No valid token was sent.",
    403: "The token lacks the scope, or a page of another site calls.",
    429: "The token was used too often; `Retry-After` says when it may be used again.",
    503: "The database is away, or the service ends.",
}


def description(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The whole description as JSON."""
    schemas: dict[str, Any] = {"Error": dict(_ERROR)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Steploom",
            "version": version,
            "description": "Workflows, runs, agents and conversations. Every request but those of health carries a "
            "token: `Authorization: Bearer TOKEN`; `steploom tokens create` makes one.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in routes)],
    }


def plain_path(path: str) -> str:
    """A path without the converters of the router."""
    return _PART.sub(r"{\1}", path)


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    scopes = f"Needs the scope {' or '.join(f'`{scope}`' for scope in route.scopes)}." if route.scopes else ""
    found: dict[str, Any] = {
        "operationId": route.handler.__name__.lstrip("_"),
        "summary": route.summary,
        "description": " ".join(filter(None, (route.description, scopes))),
        "tags": [route.tag],
        "parameters": _parameters(route, schemas),
        "responses": _responses(route, schemas),
    }
    if route.scopes:
        found["security"] = [{"token": []}]
    if route.body is not None:
        content: dict[str, Any] = {"schema": _schema(route.body, schemas)}
        if route.examples:
            content["examples"] = {title: {"value": value} for title, value in route.examples.items()}
        found["requestBody"] = {"required": True, "content": {"application/json": content}}
    elif route.takes_file:
        binary = {"schema": {"type": "string", "format": "binary"}}
        found["requestBody"] = {"required": True, "content": {"application/octet-stream": binary}}
    return found


def _parameters(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in _PART.findall(route.path):
        part = {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        if name in route.path_examples:
            part["example"] = route.path_examples[name]
        found.append(part)
    if route.query is not None:
        schema = route.query.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        for name, each in schema["properties"].items():
            told = {key: value for key, value in each.items() if key not in ("description", "title", "examples")}
            asked = {
                "name": name, "in": "query", "required": name in schema.get("required", ()),
                "description": each.get("description", ""), "schema": _without_null(told),
            }  # fmt: skip
            found.append({**asked, "example": each["examples"][0]} if each.get("examples") else asked)
    for name, meaning in route.headers.items():
        text = {"type": "string", "pattern": "^[!-~]{1,200}$"}
        found.append({"name": name, "in": "header", "required": False, "description": meaning, "schema": text})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query leaves out what is null."""
    kept = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kept) != 1:
        return schema
    return {**{key: value for key, value in schema.items() if key not in ("anyOf", "default")}, **kept[0]}


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    own = dict(route.answers)
    common = dict(_COMMON) if route.scopes else {}
    if route.body is not None:
        common |= {400: "The body is no JSON.", 408: "The body came too slowly.", 413: "The body is too large.",
                   415: "The body is not of the type JSON."}  # fmt: skip
        common |= {route.misfit: "The body does not fit."}
    elif route.takes_file:
        common |= {400: "The query does not fit.", 408: "The body came too slowly.", 413: "The body is too large."}
    elif route.query is not None or route.scopes:
        common |= {400: "The query does not fit.", 413: "The answer would be too large."}
    for status, words in common.items():
        own.setdefault(status, Answer(words))
    return {str(status): _response(status, answer, schemas) for status, answer in sorted(own.items())}


def _response(status: int, answer: Answer, schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.description}
    if status >= 400:
        found["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    elif status != 204:
        shape = _schema(answer.shape, schemas) if answer.shape is not None else {}
        content: dict[str, Any] = {"schema": shape if answer.media_type == JSON else {"type": "string"}}
        if answer.example is not None:
            content["example"] = answer.example
        found["content"] = {answer.media_type: content}
        if answer.media_type == "text/event-stream":
            found["content"][JSON] = {"schema": shape}
    return found


def _schema(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return {"$ref": _REF.format(model=model.__name__)}


_STYLE: Final = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow-x:auto;padding:.75rem;border:1px solid #8886;
border-radius:6px}details{border-bottom:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}.m{display:inline-block;
min-width:4.5rem;font-weight:600}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
"""


def page(routes: Sequence[Route], version: str) -> str:
    """The description as a page that needs nothing from elsewhere."""
    parts = [f"<h1>Steploom {escape(version)}</h1><p>Every request but those of health carries a token: "]
    parts.append(
        "<code>Authorization: Bearer TOKEN</code>. For programs: <a href='/openapi.json'>openapi.json</a>.</p>"
    )
    for tag in dict.fromkeys(route.tag for route in routes):
        parts.append(f"<h2>{escape(tag)}</h2>")
        parts += [_entry(route) for route in routes if route.tag == tag]
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>Steploom API</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def _entry(route: Route) -> str:
    scopes = f" Scope: {' or '.join(route.scopes)}." if route.scopes else " No token."
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(answer.description)}</td></tr>" for status, answer in route.answers.items()
    )
    return (
        f"<details><summary><span class='m'>{route.method}</span><code>{escape(plain_path(route.path))}</code> "
        f"{escape(route.summary)}</summary><p>{escape(route.description + scopes)}</p>"
        f"<pre>{escape(curl(route))}</pre><table>{answers}</table></details>"
    )


def curl(route: Route) -> str:
    """How it is called from a terminal, with the first example."""
    from urllib.parse import quote

    import orjson

    path = _PART.sub(lambda part: quote(route.path_examples.get(part[1], part[1])), route.path)
    words = ["curl -sN" if "/events" in path else "curl -s"]
    words += [f"-X {route.method}"] if route.method not in ("GET", "POST") else []
    words += ['-H "Authorization: Bearer $TOKEN"'] if route.scopes else []
    if route.examples:
        body = orjson.dumps(next(iter(route.examples.values()))).decode().replace("'", "'\\''")
        words += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    elif route.takes_file:
        words.append("--data-binary @FILE")
    elif route.method == "POST":
        words.append("-X POST")
    return " ".join([*words, f"$STEPLOOM{path}"])
