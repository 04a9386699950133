"""JSON values that satisfy a schema, made from a prompt, for the demonstration model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any

from core.engine.errors import StepError
from core.llm.demo_prompt import Prompt, pick, summary_of
from core.workflow.model import Json
from core.workflow.schema_errors import UnusableSchema, schema_errors

_DEEPEST = 6
"""Levels after which optional parts are left out, so that recursive schemas end."""

_FORMATS = {
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "date-time": "2026-01-01T12:00:00Z",
    "duration": "PT1H",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/demo",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_TOKEN = re.compile(r"(\[\^?\]?[^\]]*\]|\\.|\.|[^\\\[\](){}*+?|^$])(\{(\d+)(?:,(\d*))?\}|[*+?])?\??")
_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}


def sample_value(schema: Mapping[str, Json], prompt: Prompt) -> Json:
    """A value that satisfies the schema, always the same for the same prompt.

    Raises StepError if the schema asks for more than can be made up.
    """
    import jsonschema  # slow to load, and only this needs it

    plain: dict[str, Any] = dict(schema)
    validator = jsonschema.validators.validator_for(plain)
    try:
        validator.check_schema(plain)
    except jsonschema.SchemaError as error:
        raise StepError(f"The JSON Schema of the answer is not valid: {error.message}", kind="bad_request") from error
    value = _Sampler(schema, prompt).value(schema, "", 0)
    try:
        problem = next(schema_errors(value, plain, validator), None)
    except UnusableSchema as error:
        raise StepError(f"The JSON Schema of the answer {error}. Mend the schema.", kind="bad_request") from None
    if problem is not None:
        raise StepError(
            "The demonstration model cannot make up a value for this JSON Schema: "
            f"{problem.message}. Simplify the schema, or choose a real model.",
            kind="bad_request",
        )
    return value


class _Sampler:
    def __init__(self, root: Mapping[str, Json], prompt: Prompt) -> None:
        self._root = root
        self._prompt = prompt
        # A value for each name that the prompt gives one: `city: Oslo`, `city=Oslo`.
        self._given = {
            name.lower(): quoted or plain.rstrip(".!?")
            for name, quoted, plain in re.findall(
                r"(?m)\b([A-Za-z_]\w*)\s*[:=]\s*(?:\"([^\"\n]+)\"|([^\s,;:=\"]+)(?![\w:=]))", prompt.whole
            )
        }

    def value(self, schema: Any, name: str, depth: int) -> Json:
        """A value for a part of the schema. name: of the property that it is for."""
        schema = self._resolved(schema)
        if "const" in schema:
            constant: Json = schema["const"]
            return constant
        if "enum" in schema:
            return self._choice(schema["enum"], name)
        kind = schema.get("type", self._implied_type(schema))
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number":
                return self._number(schema, name, whole=kind == "integer")
            case "boolean":
                given = self._given.get(name.lower(), "").lower()
                return given in ("true", "yes") if given else self._prompt.seed % 2 == 0
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _resolved(self, schema: Any) -> dict[str, Any]:
        """The schema with references followed, `allOf` merged and one branch of `anyOf`/`oneOf` chosen."""
        if not isinstance(schema, Mapping):  # `true` allows anything
            return {"type": "string"}
        found = dict(schema)
        for _ in range(20):
            if isinstance(found.get("$ref"), str):
                found = {**self._target(found.pop("$ref")), **found}
            elif found.get("allOf"):
                for part in found.pop("allOf"):
                    found = _merged(found, self._resolved(part))
            elif found.get("anyOf") or found.get("oneOf"):
                branches = found.pop("anyOf", None) or found.pop("oneOf")
                found.pop("oneOf", None)
                found = _merged(found, self._resolved(self._branch(branches)))
            else:
                break
        return found

    def _branch(self, branches: Sequence[Any]) -> Any:
        useful = [b for b in branches if not (isinstance(b, Mapping) and b.get("type") == "null")]
        simple = [b for b in useful if not (isinstance(b, Mapping) and "$ref" in b)]
        return (simple or useful or branches)[0]

    def _target(self, reference: str) -> Mapping[str, Any]:
        place: Any = self._root
        if not reference.startswith("#"):
            raise StepError(f"The JSON Schema refers to another file ({reference}). Put it inside.", kind="bad_request")
        for part in reference.lstrip("#").strip("/").split("/"):
            if part:
                place = place.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
        if not isinstance(place, Mapping):
            raise StepError(f"The JSON Schema refers to {reference}, which it does not hold.", kind="bad_request")
        return place

    def _implied_type(self, schema: Mapping[str, Any]) -> str:
        for kind, words in (
            ("object", ("properties", "required", "additionalProperties", "minProperties")),
            ("array", ("items", "minItems", "prefixItems")),
            ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
        ):
            if any(word in schema for word in words):
                return kind
        return "string"

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Json]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        names = [n for n in properties if n in required or depth < _DEEPEST]
        names += [n for n in required if n not in properties]
        if depth > 3 * _DEEPEST:
            raise StepError("The JSON Schema has no end: it requires itself.", kind="bad_request")
        other = schema.get("additionalProperties", True)
        value = {name: self.value(properties.get(name, other), name, depth + 1) for name in names}
        for n in range(schema.get("minProperties", 0) - len(value)):
            value[f"demo_{n + 1}"] = self.value(other, "", depth + 1)
        return value

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Json]:
        first = schema.get("prefixItems", [])
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", 1_000)
        count = min(max(least, len(first), 2 if depth < _DEEPEST else 0), most)
        items = schema.get("items", True)
        if items is False:
            count = min(count, len(first))
        values = [self.value(first[n] if n < len(first) else items, name, depth + 1) for n in range(count)]
        return self._different(values, self._resolved(items), least) if schema.get("uniqueItems") else values

    def _different(self, values: list[Json], items: Mapping[str, Any], least: int) -> list[Json]:
        pool = list(items["enum"]) if "enum" in items else []
        different: list[Json] = []
        for n, value in enumerate(values):
            if value in different and isinstance(value, str) and not pool:
                value = f"{value} {n + 1}"
            elif value in different and isinstance(value, int | float) and not isinstance(value, bool):
                value = value + n * items.get("multipleOf", 1)
            elif value in different:
                value = next((other for other in pool if other not in different), value)
            if value not in different or len(different) < least:
                different.append(value)
        return different

    def _choice(self, options: Sequence[Any], name: str) -> Json:
        given = self._given.get(name.lower())
        texts = [option for option in options if isinstance(option, str)]
        chosen: Json = next((option for option in options if str(option) == given), None)
        if chosen is None:
            chosen = pick(texts, self._prompt) if texts else options[self._prompt.seed % len(options)]
        return chosen

    def _number(self, schema: Mapping[str, Any], name: str, *, whole: bool) -> int | float:
        step = schema.get("multipleOf", 1 if whole else None)
        low, high = schema.get("minimum"), schema.get("maximum")
        if "exclusiveMinimum" in schema:
            low = max(low if low is not None else -1e308, schema["exclusiveMinimum"] + (step or 1e-6))
        if "exclusiveMaximum" in schema:
            high = min(high if high is not None else 1e308, schema["exclusiveMaximum"] - (step or 1e-6))
        try:
            wanted: float = float(self._given.get(name.lower(), ""))
        except ValueError:
            base = low if low is not None else 0 if high is None or high >= 0 else high
            wanted = base + self._prompt.seed % int(min(10, max(1, (high if high is not None else base + 10) - base)))
        wanted = min(max(wanted, low if low is not None else wanted), high if high is not None else wanted)
        if step:
            wanted = round(wanted / step) * step
            if low is not None and wanted < low:
                wanted = ceil(low / step) * step
            if high is not None and wanted > high:
                wanted = floor(high / step) * step
        return int(wanted) if whole else wanted

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 100_000)
        given = self._given.get(name.lower())
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if "pattern" in schema:
            fits = given is not None and re.search(schema["pattern"], given)
            return given if fits and given is not None else matching(schema["pattern"])
        text = given or f"{summary_of(self._prompt.material or self._prompt.task, sentences=1, longest=200)} (demo)"
        text = text if len(text) >= least else text + " demo" * ceil((least - len(text)) / 5)
        return text[:most]


def matching(pattern: str) -> str:
    """A text that a simple pattern matches: literals, classes, counts, the first of alternatives, no nesting."""
    for branch in re.split(r"(?<!\\)\|", pattern.replace("(?:", "(")):
        text = "".join(map(_piece, _TOKEN.finditer(branch)))
        if re.search(pattern, text):
            return text
    raise StepError(
        f"The demonstration model cannot make up a text for the pattern {pattern}. Simplify it, or choose a real "
        "model.",
        kind="bad_request",
    )


def _piece(token: re.Match[str]) -> str:
    what, count, least = token.group(1), token.group(2), token.group(3)
    times = int(least) if least else {"*": 1, "+": 1, "?": 0}.get(count or "", 1)
    return _one_of(what) * times


def _one_of(what: str) -> str:
    if what.startswith("["):
        inside = what[1:-1]
        if inside.startswith("^"):
            return next(c for c in "a0A-_ ~" if re.fullmatch(what, c))
        return next((c for c in "aA0-_ " if re.fullmatch(what, c)), inside[0])
    if what.startswith("\\"):
        return _CLASSES.get(what[1], "" if what[1] in "bBAZ" else what[1])
    return "a" if what == "." else what


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *(n for n in other["required"] if n not in one["required"])]
    return merged
