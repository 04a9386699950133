"""What can go wrong with memories.

MemoryProblem
├── MemoryNotFound    there is no memory of that number
├── MemoryRefused     what it would say must not be remembered
└── MemoryTaken       another memory says just that
"""

from __future__ import annotations


class MemoryProblem(Exception):
    """Something about a memory did not work."""

    code = "memory"


class MemoryNotFound(MemoryProblem):
    """There is no such memory: it was forgotten for good. Look at the list again."""

    code = "memory_not_found"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class MemoryRefused(MemoryProblem):
    """What a memory would say must not be remembered; the text says why."""

    code = "memory_refused"


class MemoryTaken(MemoryProblem):
    """Another memory says just that. Forget one of the two, or change this one's words."""

    code = "memory_taken"

    def __init__(self) -> None:
        super().__init__(self.__doc__)
