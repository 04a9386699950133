"""Workflows that calls from outside start: which one a call means, whether it may, and with which inputs."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias
from urllib.parse import unquote

from core.engine.clock import Clock
from core.service.hooks import HOOK_LABEL, KEY_S, AnswerShape, HookCall, HookPoll, HookRefused, HookRequest
from core.service.triggers.call_bodies import (
    KeepFile,
    body_value,
    holds_fields,
    keep_nothing,
    listed,
    media_type_of,
)
from core.service.triggers.call_rates import CallLimits, CallRates, ProcessRates
from core.service.triggers.signatures import STANDARD_ID, SignatureRefused, check_call
from core.store.publications import ActiveWorkflow
from core.workflow.inputs import check_inputs
from core.workflow.model import Json
from core.workflow.triggers import ApiTrigger, read_trigger

REFRESH_S: Final = 1.0
"""Seconds for which the list of active workflows is taken as it was."""

LONGEST_KEY: Final = 200
"""Characters of an idempotency key."""

_BY_ID: Final = "/id/"
_RUNS: Final = "/runs/"
_PRIVATE: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that no workflow is told."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

CheckToken: TypeAlias = Callable[[str], Awaitable[bool]]
"""Whether a token is one of the service's own that may start runs."""


class ActiveWorkflows(Protocol):
    """What is needed of the library."""

    async def active(self, type_: str = "") -> Sequence[ActiveWorkflow]:
        """The active workflows with that type of trigger."""


class Keys(Protocol):
    """What is needed of the keyring."""

    async def get(self, name: str) -> str | None:
        """The secret of that name."""


async def _no_token(_token: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Listener:
    """An active workflow. pattern: of its path. parts: of the path that are fixed, for the most exact to win."""

    active: ActiveWorkflow
    options: ApiTrigger
    pattern: re.Pattern[str] | None
    parts: int


class ApiTriggers:
    """The Hooks of active workflows with the trigger `api`. check_token: for those that name no secret of their own.

    A workflow that is switched on is found at once, one that is switched off within REFRESH_S. rates: counts calls,
    for all processes that share it; by default in this one. keep_file: keeps files that calls bring.
    """

    def __init__(
        self,
        workflows: ActiveWorkflows,
        keys: Keys,
        *,
        clock: Clock,
        check_token: CheckToken = _no_token,
        rates: CallRates | None = None,
        keep_file: KeepFile = keep_nothing,
    ) -> None:
        self._workflows = workflows
        self._keys = keys
        self._clock = clock
        self._check_token = check_token
        self._keep_file = keep_file
        self._listeners: list[_Listener] = []
        self._read_at = -REFRESH_S
        self._limits = CallLimits(rates if rates is not None else ProcessRates(clock), clock)

    def body_limit(self, method: str, path: str) -> int:
        """Bytes of the largest body that a call there may have; the usual limit for what is not known yet."""
        found, _ = self._find(path)
        limits = [one.options.max_body for one in found if one.options.method == method]
        return limits[0] if limits else ApiTrigger().max_body

    async def load(self) -> None:
        """Read which workflows are active."""
        listeners = [_listener(active) for active in await self._workflows.active("api")]
        self._listeners = sorted(listeners, key=lambda one: -one.parts)
        self._read_at = self._clock.monotonic()

    async def call(self, request: HookRequest) -> HookCall:
        """The run that a call asks for. Raises HookRefused."""
        listener, in_path = await self._match(request)
        options, active = listener.options, listener.active
        if len(request.body) > options.max_body:
            text = f"The body has {len(request.body)} bytes; this workflow takes {options.max_body}."
            raise HookRefused(text, status=413, code="body_too_large")
        proof = await self._verify(options, request)
        await self._limit(listener)
        given = await self._given(listener, request, in_path)
        complete, problems = check_inputs(active.workflow, given, from_text=True)
        if problems:
            raise HookRefused("\n".join(map(str, problems)), status=422, code="wrong_inputs")
        key, once = _key(listener, request, proof)
        if once and not await self._limits.claim(once, key, 2 * options.replay_window):
            text = f"This signature came before with another {options.idempotency_header}. Sign the call anew."
            raise HookRefused(text, status=409, code="signature_used")
        return HookCall(
            active.workflow,
            complete,
            wait=options.answer == "wait",
            timeout_s=options.timeout,
            key=key,
            key_s=max(KEY_S, 2 * options.replay_window),
            labels={"trigger": "api", HOOK_LABEL: str(active.id)},
            shape=_shape(options),
            poll=f"{_BY_ID}{active.id}{_RUNS}" if options.secret or options.auth != "token" else "",
            apart=options.headers,
        )

    async def poll(self, request: HookRequest) -> HookPoll | None:
        """The run that a call wants to know of. Who may start runs of a workflow may ask for them, in the same way."""
        hook, is_poll, run_id = request.path.removeprefix(_BY_ID).partition(_RUNS)
        if request.method != "GET" or not is_poll or not request.path.startswith(_BY_ID):
            return None
        if self._clock.monotonic() - self._read_at >= REFRESH_S:
            await self.load()
        options = next((one.options for one in self._listeners if str(one.active.id) == hook), None)
        if options is None:
            raise HookRefused("No active workflow has that id.", status=404, code="no_hook")
        await self._verify(options, request)
        return HookPoll(run_id, hook, _shape(options))

    async def _given(self, listener: _Listener, request: HookRequest, in_path: Mapping[str, str]) -> dict[str, Json]:
        """The inputs of a call: of its query, then of its body, then of its path. Raises HookRefused."""
        options = listener.options
        found: dict[str, Json] = {name: listed(list(values)) for name, values in request.query.items()}
        if not options.body and not holds_fields(request) and request.body:
            text = f"The body is {media_type_of(request) or 'of no type'}. Send application/json, or a form."
            raise HookRefused(text, status=415, code="media_type")
        body = await body_value(request, self._keep_file)
        if options.body and request.body:
            found[options.body] = body
        elif isinstance(body, dict):
            found |= body
        elif request.body and not options.body:
            text = "The body must be a JSON object with the inputs by name."
            raise HookRefused(text, status=422, code="wrong_inputs")
        if options.headers:
            found[options.headers] = _told_headers(options, request)
        if options.extra == "ignore":
            found = {name: value for name, value in found.items() if name in listener.active.workflow.inputs}
        return {**found, **in_path}

    async def _match(self, request: HookRequest) -> tuple[_Listener, Mapping[str, str]]:
        if self._clock.monotonic() - self._read_at >= REFRESH_S:
            await self.load()
        found, inputs = self._find(request.path)
        if not any(one.options.method == request.method for one in found):
            await self.load()
            found, inputs = self._find(request.path)
        if not found:
            text = "No active workflow listens there. Switch it on, and look at the path of its trigger."
            raise HookRefused(text, status=404, code="no_hook")
        for one in found:
            if one.options.method == request.method:
                return one, inputs[id(one)]
        allowed = ", ".join(sorted({one.options.method for one in found}))
        raise HookRefused(
            f"The workflow is started by {allowed}, not by {request.method}.", status=405, code="method",
            headers={"Allow": allowed},
        )  # fmt: skip

    def _find(self, path: str) -> tuple[list[_Listener], Mapping[int, Mapping[str, str]]]:
        """The workflows that listen at a path, the most exact first, and the inputs in it of each."""
        found, inputs = [], {}
        for one in self._listeners:
            if path == f"{_BY_ID}{one.active.id}":
                found.append(one)
                inputs[id(one)] = dict[str, str]()
            elif one.pattern is not None and (match := one.pattern.fullmatch(path)):
                found.append(one)
                inputs[id(one)] = {name: unquote(text) for name, text in match.groupdict().items()}
        return found, inputs

    async def _verify(self, options: ApiTrigger, request: HookRequest) -> str:
        """Refuse a call that proves nothing; the signature that is right for it, '' if it needs none."""
        if options.auth == "token":
            await self._verify_token(options, request)
        elif options.auth == "hmac":
            key = await self._secret(options.secret)
            now, window = self._clock.now().timestamp(), options.replay_window
            try:
                return check_call(
                    options.signature, request.headers, options.signature_header, key, request.body, now=now,
                    window=window,
                )  # fmt: skip
            except SignatureRefused as error:
                where = f" in the header {options.signature_header}" if options.signature == "steploom" else ""
                raise HookRefused(f"{error} Sign it{where}.", status=401, code="bad_signature") from None
        return ""

    async def _verify_token(self, options: ApiTrigger, request: HookRequest) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if options.secret:
            expected = await self._secret(options.secret)
            right = bool(token) and hmac.compare_digest(token.encode(), expected.encode())
        else:
            right = bool(token) and await self._check_token(token)
        if not right:
            text = "Send the token of this workflow: Authorization: Bearer TOKEN."
            raise HookRefused(text, status=401, code="unauthorized", headers={"WWW-Authenticate": "Bearer"})

    async def _secret(self, name: str) -> str:
        value = await self._keys.get(name)
        if not value:
            text = (
                f"The service has no secret {name!r}, so it can trust no call. Set it there: steploom keys set {name}"
            )
            raise HookRefused(text, status=403, code="no_secret")
        return value

    async def _limit(self, listener: _Listener) -> None:
        """Take a call out of the workflow's bucket. Calls that prove nothing do not count."""
        rate = listener.options.rate
        if rate is not None and (seconds := await self._limits.wait(f"calls to {listener.active.id}", rate)):
            raise HookRefused(
                f"This workflow takes {rate.calls} calls in {rate.seconds:g} seconds.", status=429, code="rate",
                headers={"Retry-After": str(seconds)},
            )  # fmt: skip


def _listener(active: ActiveWorkflow) -> _Listener:
    options, _ = read_trigger(active.workflow.trigger)
    assert isinstance(options, ApiTrigger)
    if not options.path:
        return _Listener(active, options, None, 0)
    pieces = _PLACEHOLDER.split(options.path)
    pattern = "".join(f"(?P<{piece}>[^/]+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
    return _Listener(active, options, re.compile(pattern), sum(map(len, pieces[::2])))


def _signed_in(options: ApiTrigger) -> str:
    """The header of the signature, in lower case."""
    known = {"standard": "webhook-signature", "slack": "x-slack-signature"}
    return known.get(options.signature, options.signature_header.lower())


def _shape(options: ApiTrigger) -> AnswerShape:
    return AnswerShape(options.respond, options.respond_type, tells_why=options.auth != "none")


def _told_headers(options: ApiTrigger, request: HookRequest) -> dict[str, Json]:
    """The headers of a call without those that prove who sent it."""
    hidden = {*_PRIVATE, _signed_in(options)}
    return {name: value for name, value in request.headers.items() if name not in hidden}


def _key(listener: _Listener, request: HookRequest, proof: str) -> tuple[str, str]:
    """What makes two calls the same, '' for nothing: an idempotency key, or one signature; and the signature that may
    prove no other key, '' for none: whoever saw a call can write its headers anew, but for an id that is signed."""
    options, own = listener.options, f"api:{listener.active.id}"
    is_signed = options.auth == "hmac"
    proven = request.headers.get(STANDARD_ID, "") if is_signed and options.signature == "standard" else ""
    given = proven or request.headers.get(options.idempotency_header.lower(), "")
    if len(given) > LONGEST_KEY:
        text = f"The header {options.idempotency_header} has more than {LONGEST_KEY} characters."
        raise HookRefused(text, status=400, code="idempotency_key")
    once = (
        f"{own}:signature:{hashlib.sha256(proof.encode()).hexdigest()}" if is_signed and options.replay_window else ""
    )
    return (f"{own}:key:{given}" if given else once), ("" if proven else once)
