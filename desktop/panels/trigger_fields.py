"""The fields of each trigger's editor, as data. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.workflow.triggers import OPTIONS
from desktop.panels.fields import FormField


def _text(key: str, title: str, help_: str = "", default: str = "") -> FormField:
    return FormField(key, "text", title, help_, default=default, template=False)


def _choice(key: str, title: str, choices: Mapping[str, str], help_: str = "") -> FormField:
    words = tuple(choices)
    return FormField(key, "choice", title, help_, default=words[0], choices=words, labels=tuple(choices.values()),
                     template=False)  # fmt: skip


_COMMON: Final = (
    FormField("concurrency", "integer", "Runs at a time", "Empty for any number.", template=False, low=1, high=10_000),
    _text("concurrency_key", "Counted for each", "Such as {{ input.customer }}. Empty: all runs count together."),
)

FIELDS: Final[Mapping[str, tuple[FormField, ...]]] = {
    "manual": (),
    "message": (
        _text("channel", "Channel of the database", "Each NOTIFY of it starts a run. Empty: chat messages alone."),
        *_COMMON,
    ),
    "schedule": (
        FormField("cron", "cron", "When", "Minute, hour, day of the month, month, day of the week.", template=False),
        _text("every", "Or every", "Such as 15m, 1h or 1d."),
        _text("at", "Or once at", "Such as 2026-12-01T09:00."),
        _text("zone", "Time zone", "Such as Europe/Berlin. Empty for UTC."),
        _text("start", "Not before", "A date, or a date and time."),
        _text("end", "Not after", "A date counts to its end."),
        _choice(
            "missed", "Missed times", {"skip": "Skip them", "once": "Run once", "all": "Run for each"},
            "When no program was there to start the run.",
        ),
        _choice(
            "overlap", "If the run before still runs",
            {"skip": "Skip this time", "queue": "Wait for it", "parallel": "Run beside it"},
        ),
        _text("jitter", "Later by up to", "Spreads runs by chance, such as 30s."),
        FormField("inputs", "key_values", "Inputs", "What each run is given.", template=False,
                  item=FormField("", "value", template=False)),
        *_COMMON,
    ),
    "api": (
        _text("path", "Path", "Such as /orders or /orders/{number}. Empty: the workflow's id."),
        _choice("method", "Method", {word: word for word in ("POST", "GET", "PUT", "PATCH", "DELETE")}),
        _choice("answer", "Answer", {"wait": "With the outputs", "accept": "At once, with the run's id"}),
        _text("timeout", "Wait for outputs", "Then the run's id is the answer.", "30s"),
        _choice("auth", "Callers prove themselves by",
                {"token": "A token", "hmac": "A signature (HMAC-SHA256)", "none": "Nothing: anybody may call"}),
        FormField("secret", "secret", "Secret", "Name of the token or signing key in the keyring. Empty: the tokens "
                  "of steploom tokens create --scope run.", template=False),
        _choice("signature", "Signed as",
                {"steploom": "In one header", "standard": "Standard Webhooks", "slack": "Slack"}),
        _text("signature_header", "Header of the signature", "", "Steploom-Signature"),
        _text("replay_window", "Signatures are good for", "0s: they carry no time.", "5m"),
        _text("idempotency_header", "Header of the idempotency key", "", "Idempotency-Key"),
        _text("rate", "Calls at most", "Such as 60/1m. Empty for any number."),
        _text("max_body", "Largest body", "", "1MB"),
        _text("body", "Input for the whole body", "A JSON value, a form, a text or a file. Empty: each field is an "
              "input."),
        _text("headers", "Input for the headers", "Empty: the workflow is not told."),
        _choice("extra", "Values without an input", {"refuse": "Refuse the call", "ignore": "Leave them out"}),
        _text("respond", "Output to answer with", "Alone, as it is: a text, a file, JSON. Empty: all outputs as JSON."),
        _text("respond_type", "Its media type", "Such as text/html. Empty: goes by the output."),
        *_COMMON,
    ),
}  # fmt: skip
"""The fields by type of trigger."""

assert all({field.key for field in fields} <= set(OPTIONS[kind]) for kind, fields in FIELDS.items())
