"""What a person asked for and cannot have, said in one sentence."""

from __future__ import annotations


class Refusal(Exception):
    """What was asked for does not exist or does not fit; nothing was run. The text says what to do instead."""

    code = "usage"
