"""Words of texts: which of them say something, which stand for numbers, names and denials."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator


def _listed(text: str) -> list[str]:
    """The words of a text, as lists of them are easier to read and to extend."""
    return text.split()


COMMON: frozenset[str] = frozenset(_listed(
    # English
    "a an and any are as at be been being but by can could did do does for from get go had has have he her here him "
    "his how i if in into is it its just like may me might more most much must my no not now of on one or our out "
    "over own please really s she should so some such t tell than that the their them then there these they this "
    "those to too u up us very was we were what when where which while who whom whose why will with would you your "
    "about again also always am because before between both during each ever every few off once only other same "
    "since still through under until upon user users "
    # German
    "aber als am an auch auf aus bei bin bis bist da das dass dein dem den der des die dir du ein eine einem einen "
    "einer er es euch für haben hat ich ihr im in ist ja kann man mein mich mir mit nach nicht noch nur oder sehr "
    "sein sich sie sind so über um und uns unser von vor war warum was wann wem wen wer wie wir wird wo zu zum zur "
    # French, Spanish, Italian, Portuguese, Dutch
    "au aux avec ce ces cette dans de du elle en est et eux il je la le les leur lui ma mais mes moi mon ne nous où "
    "par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous con como cual del el ella "
    "ellos era eres esta este esto fue ha hay las lo los más mi mis muy nos para pero por quien si sin su sus también "
    "una uno unos y ya che chi come cosa dei della di dove e gli ho i il io lei loro mio nel non o per perché più "
    "quando quale sono tra tuo uma um os as do da em não eu ele voce você het een van ik je niet dat die op te zijn "
    "er maar met voor"
))  # fmt: skip
"""Words that say too little to search for."""

_DENIALS = frozenset(
    _listed(
        "not no never none nobody nothing neither nor without cannot stopped quit dislike dislikes hate hates "
        "nicht nie niemals kein keine keinen keinem keiner ohne pas jamais aucun nunca sin jamás ningún non mai "
        "nessun não nunca sem niet geen nooit zonder"
    )
)
_PASSING = frozenset(_listed("now still already currently anymore longer actually any more just today recently"))
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        _listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen twenty"
        )
    )
}
_TENS = {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d.,:/-]*\d|(?<!\w)[-+]?\d|(?<=[A-Za-z])\d+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)*")
_SENTENCE = re.compile(r"(?:^|[.!?:]\s+|[\"“(]\s*)$")
_AFTER_NAME = re.compile(r"\s+(?:is|was|has|lives|works|likes|and|will|can|[A-Z]\w*)\b")
_IDENTIFIER = re.compile(r"\S*(?:\w[@_]\w|\w\.\w|[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z])\S*")


def words_of(text: str) -> Iterator[str]:
    """All words in lower case; `don't` as `do` and `not`."""
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text)):
        word = match.group().casefold().replace("\u2019", "'")
        if word.endswith("n't"):
            yield from ("can" if word == "can't" else word[:-3], "not")
        else:
            yield word.removesuffix("'s")


def without_common(text: str) -> str:
    """The text without the words that say too little to search for; all of it if nothing would be left."""
    left = _WORD.sub(lambda match: "" if match.group().casefold() in COMMON else match.group(), text)
    return left if _WORD.search(left) else text


def telling_words(text: str) -> frozenset[str]:
    """The words that say what a statement is about, without their endings; numbers and denials left out."""
    return frozenset(telling_sequence(text))


def telling_sequence(text: str) -> tuple[str, ...]:
    """The same words in their order: who did what to whom."""
    return tuple(
        stem(word)
        for word in words_of(text)
        if word not in COMMON and word not in _DENIALS and word not in _PASSING and not word[0].isdigit()
    )


def stem(word: str) -> str:
    """A word without the endings that English and its relatives change most."""
    for ending in ("ies", "ing", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def numbers_of(text: str) -> frozenset[str]:
    """The numbers of a text, in one spelling: `5,000` as `5000`, `seven` as `7`."""
    found = {_plain(match.group()) for match in _NUMBER.finditer(text)}
    spelled = {_NUMBER_WORDS.get(word) or _TENS.get(word) for word in words_of(text)}
    return frozenset(found | {number for number in spelled if number} - {"1"})


def names_of(text: str) -> frozenset[str]:
    """What looks like a name: capitals inside a sentence, identifiers, addresses."""
    names = {match.group().strip(".,;:!?()\"'").casefold() for match in _IDENTIFIER.finditer(text)}
    for match in _WORD.finditer(text):
        word = match.group()
        if not word[0].isupper() or word == "I":
            continue
        if not _SENTENCE.search(text[: match.start()]) or _stands_as_name(word, text[match.end() :]):
            names.add(word.casefold().removesuffix("'s"))
    return frozenset(names)


def is_denial(text: str) -> bool:
    """Whether a statement says that something is not so; a denied denial is none."""
    return sum(word in _DENIALS for word in words_of(text)) % 2 == 1


def _plain(number: str) -> str:
    digits = number.lstrip("+")
    if re.fullmatch(r"-?\d{1,3}([,.]\d{3})+", digits):
        return re.sub(r"[,.]", "", digits)
    return digits.replace(",", ".")


def _stands_as_name(word: str, after: str) -> bool:
    """Whether the first word of a sentence is a name, where a capital proves nothing: by what follows it."""
    if (word.isupper() and len(word) > 1) or word.endswith("'s"):
        return True
    return word.casefold() not in COMMON and bool(_AFTER_NAME.match(after))
