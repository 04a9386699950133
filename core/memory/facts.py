"""What a statement is about, where one value only can hold: `user/lives in`, `user/favourite colour`."""

from __future__ import annotations

import re


def _listed(text: str) -> list[str]:
    """The words of a text, as lists of them are easier to read and to extend."""
    return text.split()


_PASSING = re.compile(
    r"\b(?:now|currently|actually|still|just|already|recently|really|also|today|nowadays)\b\s*", re.IGNORECASE
)
_SUBJECT = (
    r"(?P<who>I|i|[Tt]he user|[Uu]ser|(?!My\b|The\b|Our\b|This\b|That\b|It\b|There\b)[A-Z][\w-]+(?: [A-Z][\w-]+)?)"
)
_OWNER = r"(?P<who>[Mm]y|[Oo]ur|[Tt]he user['\u2019]s|[Uu]ser['\u2019]s|[Tt]he|[A-Z][\w-]+(?: [A-Z][\w-]+)?['\u2019]s)"

_SINGLE = frozenset(
    _listed(
        "address age alias amount balance birthday birthplace boss budget capacity capital ceo city code color "
        "colour company country currency date deadline diet director due duration email employer extension floor "
        "format goal handle headquarters height hometown host hostname hour id income ip job kontostand language "
        "length level limit location manager mother-tongue name nationality nickname number occupation office "
        "owner pay password phone plan plate port position postcode price profession quota rate rent residence "
        "role room salary school score seat shift size speed start status surname target team temperature time "
        "timezone title total username version wage weight zip zone"
    )
)
_KINDS_OF_ONE = frozenset(_listed("favourite favorite preferred default current main primary first last final full"))

_IS = re.compile(
    rf"^{_OWNER} (?P<thing>[\w '\u2019/-]{{2,60}}?) (?:is|are|was|became|has been|will be|=|:)\s+(?P<value>\S.*)$"
)
_VERBS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"^{_SUBJECT} (?:lives?|moved|relocated|resides?|(?:am|is) based) (?:in|to|at) "), "lives in"),
    (re.compile(rf"^{_SUBJECT} (?:work|works|started working|started work) (?:for|at) "), "works at"),
    (re.compile(rf"^{_SUBJECT} (?:work|works) as "), "job"),
    (re.compile(rf"^{_SUBJECT} (?:am|is|turned) \d{{1,3}}(?: years old)?\b(?! [dhmw])"), "age"),
    (re.compile(rf"^{_SUBJECT} (?:am|is) (?:called|named|known as) "), "name"),
    (re.compile(rf"^{_SUBJECT} drives? (?:a|an) "), "drives"),
    (re.compile(rf"^{_SUBJECT} (?:am|is) (?:married|engaged|single|divorced|widowed)\b"), "family status"),
)  # fmt: skip
_CALL_ME = re.compile(r"^(?:please )?call me ", re.IGNORECASE)


def fact_key(statement: str) -> str:
    """What a statement of a known form is about if it can have one value only; '' for all others."""
    text = _PASSING.sub("", " ".join(statement.split())).strip().rstrip(".!")
    if _CALL_ME.match(text):
        return "user/name"
    for pattern, about in _VERBS:
        found = pattern.match(text)
        if found:
            return f"{_person(found['who'])}/{about}"
    found = _IS.match(text)
    if found is None:
        return ""
    thing = re.sub(r"^(?:new|old) ", "", found["thing"].casefold())
    words = re.split(r"[\s/]+", thing)
    head = re.split(r"\s(?:of|for|in|on|at|to|with)\s", thing)[0].split()[-1]
    if head not in _SINGLE and words[0] not in _KINDS_OF_ONE:
        return ""
    return f"{_person(found['who'])}/{_british(thing)}"


def _person(who: str) -> str:
    plain = who.casefold().replace("\u2019", "'").removesuffix("'s")
    return "user" if plain in ("i", "my", "the user", "user") else plain


def _british(thing: str) -> str:
    return thing.replace("favorite", "favourite").replace("color", "colour")
