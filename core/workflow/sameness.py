"""Whether two values of a document are the same: quick where they share parts, and strict about JSON's types.

Python's own equality takes `1` for `true`, so that an edit from one to the other would pass for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass


def same(old: object, new: object) -> bool:
    """Whether two workflows, steps or JSON values are the same document.

    The order of an object's keys counts, as it is saved; 1 and 1.0 are the same number, 1 and true are not.
    """
    if old is new:
        return True
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return list(old) == list(new) and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        return len(old) == len(new) and all(map(same, old, new))
    if is_dataclass(old) and type(old) is type(new):
        return all(same(getattr(old, field.name), getattr(new, field.name)) for field in fields(old))
    return old == new and isinstance(old, bool) == isinstance(new, bool)
