"""Differences between two contracts, as they affect a client that was built against the old one.

Old clients stay in use after a deploy: what they send must stay valid, and they must be able to read the
responses. A request may require less and accept more; a response may contain more but never less. Work
that was queued by the old version is such a request: the new one must take it.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from runtime.bridge.openapi.schemas import PREFIX
from runtime.bridge.typescript import type_of
from runtime.config import JOB, METHODS
from runtime.routing.annotations.numbers import SAFE_INTEGER

Schema = dict[str, Any]


class ContractChange(Struct, frozen=True, order=True):
    """One difference.

    Attributes:
        kind: `breaking` if an old client can fail, else `additive`.
        where: `GET /orders`, or `GET /orders response.items[].value`.
        what: one sentence.
    """

    kind: Literal["breaking", "additive"]
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.what}"


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[ContractChange]:
    """Return the differences, breaking ones first."""
    before, after = _operations(old), _operations(new)
    found = [
        ContractChange("breaking", name, f"the {_noun(name)} was removed.")
        for name in before.keys() - after.keys()
    ]
    found += [
        ContractChange("additive", name, f"the {_noun(name)} was added.")
        for name in after.keys() - before.keys()
    ]
    for name in before.keys() & after.keys():
        found += _Pair(old, new, name).changes(before[name], after[name])
    return sorted(set(found), key=lambda change: (change.kind != "breaking", change))


def unacknowledged(changes: list[ContractChange], changelog: str) -> list[ContractChange]:
    """Return the breaking changes that the changelog does not mention.

    A line under Unreleased names the route: ``- Breaking: GET /orders: what to do.``
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    unreleased = next((section for section in sections if section.startswith("Unreleased")), "")
    lines = re.findall(r"^- Breaking:.*(?:\n  .*)*", unreleased, flags=re.MULTILINE)
    mentioned = {name.rstrip(",.:;`)") for line in lines for name in re.findall(r"[A-Z]+ /\S*", line)}
    return [
        one for one in changes if one.kind == "breaking" and " ".join(one.where.split()[:2]) not in mentioned
    ]


def _noun(name: str) -> str:
    return "job" if name.startswith(f"{JOB.upper()} ") else "route"


def _operations(contract: dict[str, Any]) -> dict[str, dict[str, Any]]:
    jobs = {f"{JOB.upper()} {path}": entry for path, entry in contract.get("x-jobs", {}).items()}
    return jobs | {
        f"{method.upper()} {path}": item[method]
        for path, item in contract["paths"].items()
        for method in METHODS
        if method in item
    }


class _Pair:
    """Compares one operation in two contracts."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any], name: str) -> None:
        self._old = old["components"]["schemas"]
        self._new = new["components"]["schemas"]
        self._name = name
        self._seen: set[tuple[str, str, bool]] = set()

    def changes(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[ContractChange]:
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._responses(old, new)
        for code in set(new["x-error-codes"]) - set(old["x-error-codes"]):
            yield self._additive("", f"the error `{code}` was added.")

    def _security(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[ContractChange]:
        if new["security"] and not old["security"]:
            yield self._breaking("", "a session is now required.")
        for key, value in new.get("x-requires", {}).items():
            if old.get("x-requires", {}).get(key) != value:
                yield self._breaking("", f"the {key} {value!r} is now required.")

    def _parameters(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[ContractChange]:
        before = {(one["in"], one["name"]): one for one in old.get("parameters", [])}
        after = {(one["in"], one["name"]): one for one in new.get("parameters", [])}
        for place, name in before.keys() - after.keys():
            yield self._breaking(f"{place}.{name}", "the parameter was removed; its value is ignored.")
        for place, name in after.keys() - before.keys():
            make = self._breaking if after[place, name]["required"] else self._additive
            yield make(f"{place}.{name}", "the parameter was added.")
        for key in before.keys() & after.keys():
            where = ".".join(key)
            if after[key]["required"] and not before[key]["required"]:
                yield self._breaking(where, "the parameter is now required.")
            yield from self._schema(where, before[key]["schema"], after[key]["schema"], sent=True)

    def _body(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[ContractChange]:
        before, after = old.get("requestBody"), new.get("requestBody")
        if before is None and after is not None:
            make = self._breaking if after["required"] else self._additive
            yield make("body", "a body was added.")
        if before is None or after is None:
            return
        for media in before["content"].keys() - after["content"].keys():
            yield self._breaking("body", f"the content type {media} is no longer accepted.")
        for media in before["content"].keys() & after["content"].keys():
            schemas = before["content"][media]["schema"], after["content"][media]["schema"]
            yield from self._schema("body", *schemas, sent=True)

    def _responses(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[ContractChange]:
        before, after = _success(old), _success(new)
        if before.keys() != after.keys():
            kinds = [", ".join(one) or "none" for one in (before, after)]
            yield self._breaking("response", f"the content type changed from {kinds[0]} to {kinds[1]}.")
        for media in before.keys() & after.keys():
            yield from self._schema("response", before[media]["schema"], after[media]["schema"], sent=False)

    def _schema(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[ContractChange]:
        key = (type_of(old), type_of(new), sent)
        if "$ref" in old and "$ref" in new:
            if key in self._seen:
                return
            self._seen.add(key)
        changed = f"the type changed from {_spell(old)} to {_spell(new)}."
        old, new = self._resolved(old, self._old), self._resolved(new, self._new)
        if "properties" in old and "properties" in new:
            yield from self._fields(where, old, new, sent=sent)
        elif old.get("type") == new.get("type") == "array" and "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], sent=sent)
        elif "anyOf" in old or "anyOf" in new or "enum" in old or "enum" in new:
            yield from self._options(where, old, new, sent=sent)
        elif _spell(old) != _spell(new):
            yield self._breaking(where, changed)
        yield from self._limits(where, old, new, sent=sent)

    def _fields(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[ContractChange]:
        before, after = old["properties"], new["properties"]
        was, now = set(old.get("required", [])), set(new.get("required", []))
        for field in before.keys() - after.keys():
            yield self._breaking(f"{where}.{field}", "the field was removed.")
        for field in after.keys() - before.keys():
            make = self._breaking if sent and field in now else self._additive
            yield make(f"{where}.{field}", "the field was added.")
        for field in before.keys() & after.keys():
            place = f"{where}.{field}"
            if sent and field in now - was:
                yield self._breaking(place, "the field is now required.")
            if not sent and field in was - now:
                yield self._breaking(place, "the field is now optional.")
            yield from self._schema(place, before[field], after[field], sent=sent)

    def _options(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[ContractChange]:
        """Compare unions and enums: a request must not lose an option, a response must not gain one."""
        before, after = self._named_options(old, self._old), self._named_options(new, self._new)
        for option in before.keys() - after.keys():
            make = self._breaking if sent else self._additive
            yield make(where, f"the value {option} was removed.")
        for option in after.keys() - before.keys():
            make = self._additive if sent else self._breaking
            yield make(where, f"the value {option} was added.")
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
                # A union has at most one object without a tag, and its name is not sent.
                name = "an object" if "properties" in resolved else type_of(option)
                named[f'"{tag[0]}"' if tag else name] = option
        return named

    def _limits(self, where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[ContractChange]:
        """Compare the limits of an input: tighter ones reject what was accepted."""
        if not sent:
            return
        for limit, tighter in _LIMITS.items():
            before, after = old.get(limit), new.get(limit)
            if after is not None and (before is None or (after - before) * tighter > 0):
                yield self._breaking(where, f"`{limit}` changed from {before} to {after}.")
        if new.get("pattern") not in {None, old.get("pattern")}:
            yield self._breaking(where, "the pattern changed.")

    @staticmethod
    def _resolved(schema: Schema, components: dict[str, Schema]) -> Schema:
        return components.get(str(schema.get("$ref", "")).removeprefix(PREFIX), schema)

    def _breaking(self, where: str, what: str) -> ContractChange:
        return ContractChange("breaking", f"{self._name} {where}".strip(), what)

    def _additive(self, where: str, what: str) -> ContractChange:
        return ContractChange("additive", f"{self._name} {where}".strip(), what)


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
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            content: dict[str, Any] = response.get("content", {})
            return content
    return {}


def _spell(schema: Schema) -> str:
    told = schema.get("format", SAFE_INTEGER)  # a promise that holds for contracts that do not say it too
    return type_of(schema) if told == SAFE_INTEGER else f"{type_of(schema)} ({told})"
