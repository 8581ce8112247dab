"""What changed between two contracts, seen from a client that was built against the old one.

Old clients stay in use after a deploy, so the question is always: does what they send still work, and can
they still read what they get? A request may ask for less and accept more; an answer may say more and never
less.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from runtime.bridge.schemas import PREFIX
from runtime.bridge.typescript import METHODS, type_of

Schema = dict[str, Any]


class Change(Struct, frozen=True, order=True):
    """One difference.

    Attributes:
        kind: `breaking` where an old client can fail, else `additive`.
        where: `GET /orders`, or `GET /orders answer.items[].value`.
        what: one sentence.
    """

    kind: Literal["breaking", "additive"]
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.what}"


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return what changed, breaking changes first."""
    before, after = _operations(old), _operations(new)
    found = [Change("breaking", name, "the route is gone.") for name in before.keys() - after.keys()]
    found += [Change("additive", name, "a new route.") for name in after.keys() - before.keys()]
    for name in before.keys() & after.keys():
        found += _Pair(old, new, name).changes(before[name], after[name])
    return sorted(set(found), key=lambda change: (change.kind != "breaking", change))


def unacknowledged(changes: list[Change], changelog: str) -> list[Change]:
    """Return the breaking changes that the changelog does not own up to.

    It does by a line under Unreleased that names the route: ``- Breaking: GET /orders: what to do.``
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    unreleased = next((section for section in sections if section.startswith("Unreleased")), "")
    lines = re.findall(r"^- Breaking:.*(?:\n  .*)*", unreleased, flags=re.MULTILINE)
    owned = {name.rstrip(",.:;`)") for line in lines for name in re.findall(r"[A-Z]+ /\S*", line)}
    return [one for one in changes if one.kind == "breaking" and " ".join(one.where.split()[:2]) not in owned]


def _operations(contract: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in contract["paths"].items()
        for method in METHODS
        if method in item
    }


class _Pair:
    """The two contracts, and the operation that is being compared."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any], name: str) -> None:
        self._old = old["components"]["schemas"]
        self._new = new["components"]["schemas"]
        self._name = name
        self._seen: set[tuple[str, str, bool]] = set()

    def changes(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._answers(old, new)
        for code in set(new["x-error-codes"]) - set(old["x-error-codes"]):
            yield self._additive("", f"it can also answer the error `{code}`.")

    def _security(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        if new["security"] and not old["security"]:
            yield self._breaking("", "it needs a session now.")
        for key, value in new.get("x-requires", {}).items():
            if old.get("x-requires", {}).get(key) != value:
                yield self._breaking("", f"it requires the {key} {value!r} now.")

    def _parameters(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        before = {(one["in"], one["name"]): one for one in old.get("parameters", [])}
        after = {(one["in"], one["name"]): one for one in new.get("parameters", [])}
        for place, name in before.keys() - after.keys():
            yield self._breaking(f"{place}.{name}", "the parameter is gone; what is sent for it is ignored.")
        for place, name in after.keys() - before.keys():
            make = self._breaking if after[place, name]["required"] else self._additive
            yield make(f"{place}.{name}", "a new parameter.")
        for key in before.keys() & after.keys():
            where = ".".join(key)
            if after[key]["required"] and not before[key]["required"]:
                yield self._breaking(where, "the parameter is required now.")
            yield from self._schema(where, before[key]["schema"], after[key]["schema"], sent=True)

    def _body(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        before, after = old.get("requestBody"), new.get("requestBody")
        if before is None and after is not None:
            make = self._breaking if after["required"] else self._additive
            yield make("body", "it takes a body now.")
        if before is None or after is None:
            return
        for media in before["content"].keys() - after["content"].keys():
            yield self._breaking("body", f"it no longer reads {media}.")
        for media in before["content"].keys() & after["content"].keys():
            schemas = before["content"][media]["schema"], after["content"][media]["schema"]
            yield from self._schema("body", *schemas, sent=True)

    def _answers(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        before, after = _success(old), _success(new)
        if before.keys() != after.keys():
            kinds = [", ".join(one) or "nothing" for one in (before, after)]
            yield self._breaking("answer", f"it answers {kinds[1]} instead of {kinds[0]}.")
        for media in before.keys() & after.keys():
            yield from self._schema("answer", before[media]["schema"], after[media]["schema"], sent=False)

    def _schema(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[Change]:
        key = (type_of(old), type_of(new), sent)
        if "$ref" in old and "$ref" in new:
            if key in self._seen:
                return
            self._seen.add(key)
        told = f"its type was {_told(old)} and is {_told(new)}."
        old, new = self._resolved(old, self._old), self._resolved(new, self._new)
        if "properties" in old and "properties" in new:
            yield from self._fields(where, old, new, sent=sent)
        elif old.get("type") == new.get("type") == "array" and "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], sent=sent)
        elif "anyOf" in old or "anyOf" in new or "enum" in old or "enum" in new:
            yield from self._options(where, old, new, sent=sent)
        elif type_of(old) != type_of(new) or old.get("format") != new.get("format"):
            yield self._breaking(where, told)
        yield from self._limits(where, old, new, sent=sent)

    def _fields(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[Change]:
        before, after = old["properties"], new["properties"]
        was, now = set(old.get("required", [])), set(new.get("required", []))
        for field in before.keys() - after.keys():
            yield self._breaking(f"{where}.{field}", "the field is gone.")
        for field in after.keys() - before.keys():
            make = self._breaking if sent and field in now else self._additive
            yield make(f"{where}.{field}", "a new field.")
        for field in before.keys() & after.keys():
            place = f"{where}.{field}"
            if sent and field in now - was:
                yield self._breaking(place, "the field is required now.")
            if not sent and field in was - now:
                yield self._breaking(place, "the field may be left out now.")
            yield from self._schema(place, before[field], after[field], sent=sent)

    def _options(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[Change]:
        """Compare unions and enums: a request may not lose an option, an answer may not gain one."""
        before, after = self._named_options(old, self._old), self._named_options(new, self._new)
        for option in before.keys() - after.keys():
            make = self._breaking if sent else self._additive
            yield make(where, f"{option} is no longer one of its values.")
        for option in after.keys() - before.keys():
            make = self._additive if sent else self._breaking
            yield make(where, f"{option} is a new value of it.")
        for option in before.keys() & after.keys():
            yield from self._schema(where, before[option], after[option], sent=sent)

    def _named_options(self, schema: Schema, components: dict[str, Schema]) -> dict[str, Schema]:
        if "enum" in schema:
            return {type_of({"enum": [value]}): {"const": value} for value in schema["enum"]}
        named: dict[str, Schema] = {}
        for option in schema.get("anyOf", [schema]):
            resolved = self._resolved(option, components)
            if "enum" in resolved:
                named |= self._named_options(resolved, components)
            else:
                tag = resolved.get("properties", {}).get("type", {}).get("enum")
                # A union has one object without a tag at most, and what that is called is not on the wire.
                name = "an object" if "properties" in resolved else type_of(option)
                named[f'"{tag[0]}"' if tag else name] = option
        return named

    def _limits(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[Change]:
        """Compare what an input may be; tighter bounds refuse what was accepted."""
        if not sent:
            return
        for limit, tighter in _LIMITS.items():
            before, after = old.get(limit), new.get(limit)
            if after is not None and (before is None or (after - before) * tighter > 0):
                yield self._breaking(where, f"`{limit}` was {before} and is {after}.")
        if new.get("pattern") not in {None, old.get("pattern")}:
            yield self._breaking(where, "its pattern has changed.")

    @staticmethod
    def _resolved(schema: Schema, components: dict[str, Schema]) -> Schema:
        return components.get(str(schema.get("$ref", "")).removeprefix(PREFIX), schema)

    def _breaking(self, where: str, what: str) -> Change:
        return Change("breaking", f"{self._name} {where}".strip(), what)

    def _additive(self, where: str, what: str) -> Change:
        return Change("additive", f"{self._name} {where}".strip(), what)


_LIMITS = {
    "minimum": 1,
    "exclusiveMinimum": 1,
    "minLength": 1,
    "minItems": 1,
    "maximum": -1,
    "exclusiveMaximum": -1,
    "maxLength": -1,
    "maxItems": -1,
}
"""The direction in which each limit becomes tighter."""


def _success(operation: dict[str, Any]) -> dict[str, Any]:
    for status, told in operation["responses"].items():
        if status.startswith("2"):
            content: dict[str, Any] = told.get("content", {})
            return content
    return {}


def _told(schema: Schema) -> str:
    return f"{type_of(schema)} ({schema['format']})" if "format" in schema else type_of(schema)
