"""What docstrings say in Python's words, said in those of the wire: `null`, and names as they are sent."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

_LITERALS = {"None": "null", "True": "true", "False": "false"}
_TEXTS = ("summary", "description")
_VALUES = ("default", "enum", "const")  # which are sent as they are
_WORD = re.compile(r"(?<![\w{/.-])(?:None(?! of\b)|True|False|[a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?![\w}/-])")


def reworded(contract: dict[str, Any]) -> dict[str, Any]:
    """Return the document with every summary and description in the words of the wire."""
    document: dict[str, Any] = _reworded(contract, (_Spellings(_names(contract)),))
    return document


class _Spellings:
    """Names of fields and parameters as they are sent, found by how Python may spell them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._spelled = {_letters(name): name for name in sorted(names)}
        self._sent = set(self._spelled.values())

    def sent(self, word: str) -> str | None:
        """Return the name that a word means, None where it means none of these."""
        return word if word in self._sent else self._spelled.get(_letters(word))


def _reworded(value: Any, scopes: tuple[_Spellings, ...]) -> Any:
    if isinstance(value, list):
        return [_reworded(each, scopes) for each in value]
    if not isinstance(value, dict):
        return value
    if own := set(_own_names(value)):
        scopes = (_Spellings(own), *scopes)
    return {key: _member(key, each, scopes) for key, each in value.items()}


def _member(key: str, value: Any, scopes: tuple[_Spellings, ...]) -> Any:
    if key in _TEXTS and isinstance(value, str):
        return _text(value, scopes)
    return value if key in _VALUES else _reworded(value, scopes)


def _text(text: str, scopes: tuple[_Spellings, ...]) -> str:
    def word(found: re.Match[str]) -> str:
        spelled = found[0]
        names = (name for scope in scopes if (name := scope.sent(spelled)) is not None)
        return _LITERALS.get(spelled) or next(names, spelled)

    return _WORD.sub(word, text)


def _own_names(value: dict[str, Any]) -> Iterator[str]:
    """Yield the names that a schema or an operation brings along."""
    properties = value.get("properties")
    if isinstance(properties, dict):
        yield from properties
    parameters = value.get("parameters")
    if isinstance(parameters, list):
        yield from (str(each["name"]) for each in parameters)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _own_names(value)
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _names(each)


def _letters(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()
