"""What a turn is using at this moment, together with all that works for it, so that its limits hold for them too."""

from __future__ import annotations

from dataclasses import dataclass

from core.agents.agent import Limits
from core.agents.limits import used_up
from core.engine.events import NO_USAGE, Usage


class Account:
    """The account of one turn. limits: of the turn. share: of the turn that this one works for, None if for none."""

    def __init__(self, limits: Limits, share: Share | None = None) -> None:
        self._limits = limits
        self._share = share
        self._settled = NO_USAGE
        self._calls: dict[str, Usage] = {}

    def settle(self, usage: Usage) -> None:
        """What the turn has used in all, as its conversation tells while none of its calls is under way."""
        self._settled = usage
        self._calls.clear()
        self._pass_on()

    def use(self, call_id: str, usage: Usage) -> None:
        """What a call has used until now."""
        self._calls[call_id] = usage
        self._pass_on()

    def used_up(self) -> str:
        """Why nothing more may be used, '' while it may."""
        if reached := used_up(self._limits, self._used()):
            return f"The turn that it works for reached its limit of {reached}."
        return self._share.used_up() if self._share is not None else ""

    def _used(self) -> Usage:
        return sum(self._calls.values(), self._settled)

    def _pass_on(self) -> None:
        if self._share is not None:
            self._share.use(self._used())


@dataclass(frozen=True, slots=True)
class Share:
    """What one call has of a turn's account."""

    account: Account
    call_id: str

    def use(self, usage: Usage) -> None:
        """What the call has used until now."""
        self.account.use(self.call_id, usage)

    def used_up(self) -> str:
        """Why the call may use nothing more, '' while it may."""
        return self.account.used_up()
