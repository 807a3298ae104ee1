"""A value that fits a JSON Schema, the same one for the same seed.

The schema's parts (``$ref``, ``allOf``, a branch of ``anyOf`` and ``oneOf``) are merged into one description, a value
is made from that, and the checker has the last word: what does not fit is made again from other choices. Schemas that
only cunning satisfies are given up with an error; those that tools and answers have are not of that kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from uuid import UUID

from tidewire.adapters.pattern_instance import matching_text
from tidewire.adapters.schema_check import (
    is_a,
    is_multiple,
    is_object,
    problems,
    refuse_unread,
    resolve,
    same,
    schema_of_item,
    schemas_of_property,
)
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError

_ATTEMPTS = 60
#: From this depth on, what may be left out is left out, so that recursive schemas come to an end.
_SPARSE_DEPTH = 4
_DEEPEST = 40
#: Values made in one attempt, wrong turns included, before it is given up.
_BUDGET = 20_000

_WORDS = (
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbour", "inlet", "juniper", "kelp", "lagoon",
    "meadow", "north", "orchard", "pebble", "quay", "reef", "shoal", "tide", "upland", "vale", "willow", "yarrow",
)  # fmt: skip


def schema_instance(schema: JSON, *, seed: int | str = 0) -> JSON:
    """A value that fits ``schema``.

    Args:
        schema: A JSON Schema, in the keywords of :mod:`tidewire.adapters.schema_check`.
        seed: Picks among the values that fit.

    Raises:
        ConfigurationError: No value was found, or the schema uses what is not supported; the reason is given.
    """
    reason = ""
    for attempt in range(_ATTEMPTS):
        maker = _Maker(schema, Random(f"{seed}/{attempt}"), stretch=3 + attempt)
        try:
            value = maker.make(schema, 0)
        except _ImpossibleError as error:
            reason = str(error)
            continue
        found = next(problems(value, schema), None)
        if found is None:
            return value
        reason = found
    raise ConfigurationError(f"no value was found that fits the schema: {reason}")


class _ImpossibleError(Exception):
    """These choices lead to no value; others may."""


class _Maker:
    def __init__(self, root: JSON, random: Random, *, stretch: int) -> None:
        self._root = root
        self._random = random
        self._stretch = stretch
        self._left = _BUDGET

    def make(self, schema: JSON, depth: int) -> JSON:
        self._left -= 1
        if self._left < 0:
            raise ConfigurationError("no value was found that fits the schema: it offers too many wrong turns")
        if depth > _DEEPEST:
            raise _ImpossibleError("it nests without an end")
        if schema is True:
            return self._words(2)
        if not is_object(schema):
            raise _ImpossibleError(f"{schema!r:.100} allows nothing")
        refuse_unread(schema)
        if "$ref" in schema:
            return self.make(self._merge(_without(schema, "$ref"), resolve(schema["$ref"], self._root)), depth + 1)
        if "allOf" in schema:
            whole: JSON = _without(schema, "allOf")
            for part in schema["allOf"]:
                whole = self._merge(whole, part)
            return self.make(whole, depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                rest = _without(schema, word)
                merged = [self._merge(rest, branch) for branch in schema[word]]
                return self._first(self._in_order(merged, depth), schema, lambda branch: self.make(branch, depth + 1))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._first(self._shuffled(schema["enum"]), schema, lambda value: value)
        return self._first(self._kinds(schema), schema, lambda kind: self._make_kind(kind, schema, depth))

    def _first(self, choices: Sequence[JSON], schema: JSON, make: Callable[[JSON], JSON]) -> JSON:
        """The first choice that leads to a value which fits."""
        reason = "there is nothing to choose from"
        for choice in choices:
            try:
                value = make(choice)
            except _ImpossibleError as error:
                reason = str(error)
                continue
            found = next(problems(value, schema, root=self._root), None)
            if found is None:
                return value
            reason = found
        raise _ImpossibleError(reason)

    def _shuffled(self, choices: Sequence[JSON]) -> list[JSON]:
        return self._random.sample(list(choices), len(choices))

    def _in_order(self, branches: Sequence[JSON], depth: int) -> list[JSON]:
        """Branches in the order to try them: any, and deep down the simple ones first."""
        shuffled = self._shuffled(branches)
        return sorted(shuffled, key=_weight) if depth >= _SPARSE_DEPTH else shuffled

    def _kinds(self, schema: JSONObject) -> list[str]:
        kinds = schema.get("type")
        if isinstance(kinds, str):
            return [kinds]
        if kinds is not None:
            return sorted(self._shuffled(kinds), key=lambda kind: kind == "null")  # null says least, so it comes last
        for kind, words in _TELLING.items():
            if words & schema.keys():
                return [kind]
        return ["string"]

    def _make_kind(self, kind: str, schema: JSONObject, depth: int) -> JSON:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._random.random() < 0.5
            case _:
                is_a(None, kind)  # refuses a type that does not exist
                return None

    def _object(self, schema: JSONObject, depth: int) -> JSONObject:
        required: list[str] = list(schema.get("required", ()))
        properties: JSONObject = schema.get("properties", {})
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", math.inf)
        made: JSONObject = {}
        for name in required:
            made[name] = self._property(name, schema, depth)
        for name in properties:
            if name in made or len(made) >= most:
                continue
            if len(made) >= least and (depth >= _SPARSE_DEPTH or self._random.random() < 0.5):
                continue
            try:
                made[name] = self._property(name, schema, depth)
            except _ImpossibleError:
                continue  # an optional property without a possible value is left out
        for number in range(1, 1 + least - len(made)):
            made[f"key_{number}"] = self._property(f"key_{number}", schema, depth)
        # In the order of the schema, as models write them.
        return {name: made[name] for name in (*properties, *made) if name in made}

    def _property(self, name: str, schema: JSONObject, depth: int) -> JSON:
        whole: JSON = {}
        for part in schemas_of_property(name, schema):
            whole = self._merge(whole, part)
        return self.make(whole, depth + 1)

    def _array(self, schema: JSONObject, depth: int) -> list[JSON]:
        least: int = schema.get("minItems", 0)
        most: int = schema.get("maxItems", least + 3)
        wished = least if depth >= _SPARSE_DEPTH else max(least, min(most, self._random.randint(1, 3)))
        made: list[JSON] = []
        for at in range(wished):
            try:
                made.append(self._item(schema_of_item(at, schema), made, bool(schema.get("uniqueItems")), depth))
            except _ImpossibleError:
                if at < least:
                    raise
                break
        return made

    def _item(self, schema: JSON, before: list[JSON], unique: bool, depth: int) -> JSON:
        for _ in range(30):
            value = self.make(schema, depth + 1)
            if not unique or not any(same(value, other) for other in before):
                return value
        raise _ImpossibleError("too few different items are possible")

    def _string(self, schema: JSONObject) -> str:
        least: int = schema.get("minLength", 0)
        most: int | None = schema.get("maxLength")
        if "pattern" in schema:
            return matching_text(schema["pattern"], self._random, stretch=max(self._stretch, least))
        make = _FORMATS.get(schema.get("format", ""))
        if make is not None:
            return make(self._random)
        text = self._words(self._random.randint(1, 2))
        while len(text) < least:
            text = f"{text} {self._random.choice(_WORDS)}"
        return text if most is None else text[:most]

    def _number(self, schema: JSONObject, *, whole: bool) -> float:
        low: float = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
        high: float = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
        step: float | None = schema.get("multipleOf")
        if low == -math.inf:
            low = 0 if high >= 1 else high - 100
        if high == math.inf:
            high = low + 100
        if step is not None:
            if whole and not float(step).is_integer():
                step = next((step * times for times in range(1, 101) if is_multiple(step * times, 1)), 1)
            first, last = math.ceil(low / step), math.floor(high / step)
            value = step * self._between(first, last)
            return int(value) if whole else value
        if whole:
            return self._between(math.ceil(low), math.floor(high))
        rounded = round(self._random.uniform(low, high), 2)
        return rounded if low < rounded < high else self._random.choice((low, high, (low + high) / 2))

    def _between(self, first: int, last: int) -> int:
        if last < first:
            raise _ImpossibleError(f"no number lies between {first} and {last}")
        return self._random.randint(first, last)

    def _words(self, count: int) -> str:
        return " ".join(self._random.choice(_WORDS) for _ in range(count))

    def _merge(self, one: JSON, other: JSON) -> JSON:
        """A schema that asks for what both ask."""
        if one is False or other is False:
            return False
        if one is True or other is True:
            return other if one is True else one
        if not is_object(one) or not is_object(other):
            raise ConfigurationError(f"a schema is an object, true or false, not {other!r:.100}")
        one, other = self._followed(one), self._followed(other)
        merged = dict(one)
        for word, theirs in other.items():
            merged[word] = self._merge_word(word, one[word], theirs) if word in one else theirs
        return merged

    def _followed(self, schema: JSONObject) -> JSONObject:
        """The schema with what its ``$ref`` names put in."""
        for _ in range(_DEEPEST):
            if "$ref" not in schema:
                return schema
            target = resolve(schema["$ref"], self._root)
            rest = _without(schema, "$ref")
            if not is_object(target):
                raise _ImpossibleError(f"{schema['$ref']} allows nothing")
            schema = {**target, "allOf": [*target.get("allOf", ()), rest]} if rest else target
        raise _ImpossibleError("its references lead in a circle")

    def _merge_word(self, word: str, ours: JSON, theirs: JSON) -> JSON:
        match word:
            case "properties" | "patternProperties" | "$defs" | "definitions":
                return {
                    **ours,
                    **{key: self._merge(ours[key], part) if key in ours else part for key, part in theirs.items()},
                }
            case "additionalProperties" | "items":
                return self._merge(ours, theirs)
            case "required":
                return list(dict.fromkeys([*ours, *theirs]))
            case "enum":
                return [value for value in ours if any(same(value, other) for other in theirs)]
            case "type":
                return _common_types(ours, theirs)
            case "anyOf" | "oneOf":
                return [self._merge(mine, yours) for mine in ours for yours in theirs]
            case "allOf":
                return [*ours, *theirs]
            case "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties":
                return max(ours, theirs)
            case "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties":
                return min(ours, theirs)
            case "multipleOf" if isinstance(ours, int) and isinstance(theirs, int):
                return math.lcm(ours, theirs)
            case _:
                return theirs  # the more special one; whether it was right is for the checker to say


def _without(schema: JSONObject, word: str) -> JSONObject:
    return {key: value for key, value in schema.items() if key != word}


def _common_types(ours: str | list[str], theirs: str | list[str]) -> list[str]:
    mine = [ours] if isinstance(ours, str) else ours
    yours = [theirs] if isinstance(theirs, str) else theirs
    common = [kind for kind in mine if kind in yours]
    if "integer" not in common and "integer" in (*mine, *yours) and "number" in (*mine, *yours):
        common.append("integer")
    return common


def _weight(schema: JSON) -> int:
    """How much a branch is likely to hold: 0 for a single value, 2 for what may nest."""
    if not is_object(schema):
        return 0
    if schema.get("type") in ("object", "array") or _NESTING & schema.keys():
        return 2
    return 0 if schema.get("type") == "null" or "const" in schema else 1


_NESTING = frozenset({"$ref", "allOf", "anyOf", "items", "oneOf", "prefixItems", "properties"})
#: The words that tell a type where none is given.
_TELLING: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "patternProperties", "minProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}


def _date(random: Random) -> str:
    return f"{random.randint(1990, 2035)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def _time(random: Random) -> str:
    return f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}Z"


def _host(random: Random) -> str:
    return f"{random.choice(_WORDS)}.example"


def _ipv6(random: Random) -> str:
    return "2001:db8:" + ":".join(f"{random.randint(1, 0xFFFF):x}" for _ in range(6))


def _email(random: Random) -> str:
    return f"{random.choice(_WORDS)}@{_host(random)}"


def _uri(random: Random) -> str:
    return f"https://{_host(random)}/{random.choice(_WORDS)}"


_FORMATS: Mapping[str, Callable[[Random], str]] = {
    "date": _date,
    "date-time": lambda random: f"{_date(random)}T{_time(random)}",
    "time": _time,
    "duration": lambda random: f"PT{random.randint(1, 59)}M",
    "email": _email,
    "idn-email": _email,
    "hostname": _host,
    "idn-hostname": _host,
    "ipv4": lambda random: f"192.0.2.{random.randint(1, 254)}",
    "ipv6": _ipv6,
    "uri": _uri,
    "uri-reference": _uri,
    "iri": _uri,
    "url": _uri,
    "uuid": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
    "json-pointer": lambda random: f"/{random.choice(_WORDS)}",
    "regex": lambda random: random.choice(_WORDS),
}

__all__ = ["schema_instance"]
