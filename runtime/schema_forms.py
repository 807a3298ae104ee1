"""JSON Schemas in the forms that providers take: without references and titles, and closed for strict decoding."""

from __future__ import annotations

from collections.abc import Callable

from tidewire.adapters.schema_check import is_array, is_object, resolve
from tidewire.events.blocks import JSON, JSONObject

# Where a schema holds other schemas: by name, in a list, or as one.
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_LISTED = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_ONE = frozenset({"items", "additionalProperties", "additionalItems", "not", "contains", "propertyNames"})
# What strict decoding refuses and can be left out of what a model is told; ``additionalProperties`` is said anew.
_NOT_STRICT = frozenset(
    {"additionalProperties", "contentEncoding", "default", "examples", "maxProperties", "minProperties", "uniqueItems"}
)
_STRICT_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")


def inlined(schema: JSONObject) -> JSONObject:
    """The schema with what its references name in their place, and without titles.

    What contains itself stays a reference. A description beside a reference counts more than the one it leads to.
    """
    inliner = _Inliner(schema)
    whole = inliner.part(schema)
    if inliner.kept:
        whole["$defs"] = inliner.definitions()
    return whole


def map_parts(schema: JSONObject, change: Callable[[JSON], JSON]) -> JSONObject:
    """A copy of the schema with each schema directly within it changed."""
    changed: JSONObject = {}
    for key, value in schema.items():
        if key in _BY_NAME and is_object(value):
            changed[key] = {name: change(part) for name, part in value.items()}
        elif key in _LISTED and is_array(value):
            changed[key] = [change(part) for part in value]
        elif key in _ONE:
            changed[key] = [change(part) for part in value] if is_array(value) else change(value)
        else:
            changed[key] = value
    return changed


class _Inliner:
    def __init__(self, root: JSONObject) -> None:
        self._root = root
        #: References that stay, each with the name that it gets.
        self.kept: dict[str, str] = {}
        self._recursive: dict[str, bool] = {}

    def part(self, schema: JSONObject, within: frozenset[str] = frozenset()) -> JSONObject:
        """A schema, expanded. ``within`` are the references that led to it."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = resolve(reference, self._root)
            if schema is not self._root and self._comes_back(reference):
                name = self.kept.setdefault(reference, reference.rpartition("/")[2].replace("#", "root"))
                return {"$ref": f"#/$defs/{name}"}
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            if is_object(target) and reference not in within:
                return self.part({**target, **beside}, within | {reference})
        whole = map_parts(
            {key: value for key, value in schema.items() if key not in ("$defs", "definitions")},
            lambda inner: self.part(inner, within) if is_object(inner) else inner,
        )
        if isinstance(whole.get("title"), str):
            del whole["title"]
        whole.pop("discriminator", None)  # its mapping names the references that are gone
        return whole

    def definitions(self) -> JSONObject:
        """What the references that stay lead to."""
        done: JSONObject = {}
        while len(done) < len(self.kept):
            for reference, name in list(self.kept.items()):
                if name not in done:
                    target = resolve(reference, self._root)
                    done[name] = self.part(target) if is_object(target) else target
        return done

    def _comes_back(self, reference: str) -> bool:
        """Whether what a reference names contains the reference."""
        known = self._recursive.get(reference)
        if known is None:
            seen: set[str] = set()
            pending = _references_in(resolve(reference, self._root))
            while pending:
                inner = pending.pop()
                if inner not in seen:
                    seen.add(inner)
                    pending += _references_in(resolve(inner, self._root))
            known = self._recursive[reference] = reference in seen
        return known


def _references_in(schema: JSON) -> list[str]:
    found: list[str] = []

    def look(part: JSON) -> JSON:
        if is_object(part):
            if isinstance(part.get("$ref"), str):
                found.append(part["$ref"])
            map_parts({key: value for key, value in part.items() if key not in ("$defs", "definitions")}, look)
        return part

    look(schema)
    return found


def strict_schema(schema: JSONObject) -> JSONObject | None:
    """The schema as strict decoding takes it, or None if it cannot be said so.

    Objects are closed and all their properties required. One that may be left out becomes one that may be null:
    :func:`without_nulls` takes such nulls out again.
    """
    try:
        strict: JSONObject = _strict(schema)
    except _NotStrictError:
        return None
    return strict


class _NotStrictError(Exception):
    pass


def _strict(schema: JSON) -> JSON:
    if not is_object(schema) or not schema:  # anything goes
        raise _NotStrictError
    if schema.keys() & {"patternProperties", "allOf", "not", "prefixItems"}:
        raise _NotStrictError
    if schema.get("type") == "array" and not is_object(schema.get("items")):
        raise _NotStrictError
    strict = map_parts({key: value for key, value in schema.items() if key not in _NOT_STRICT}, _strict)
    if strict.get("format") not in _STRICT_FORMATS:
        strict.pop("format", None)
    if "oneOf" in strict:
        strict["anyOf"] = [*strict.get("anyOf", ()), *strict.pop("oneOf")]
    if strict.get("type") == "object" or "properties" in strict:
        if schema.get("additionalProperties", False) is not False or "properties" not in strict:
            raise _NotStrictError
        required = schema.get("required", ())
        strict["properties"] = {
            name: part if name in required else _nullable(part) for name, part in strict["properties"].items()
        }
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False
    return strict


def _nullable(schema: JSONObject) -> JSONObject:
    if takes_null(schema):
        return schema
    beside = {key: value for key, value in schema.items() if key == "description"}
    inner = {key: value for key, value in schema.items() if key != "description"}
    branches = inner["anyOf"] if inner.keys() == {"anyOf"} else [inner]
    return {"anyOf": [*branches, {"type": "null"}], **beside}


def takes_null(schema: JSON) -> bool:
    """Whether a schema takes null, as far as it says so itself."""
    if not is_object(schema):
        return schema is True
    kinds = schema.get("type")
    if kinds == "null" or (is_array(kinds) and "null" in kinds) or None in schema.get("enum", ()):
        return True
    if "anyOf" in schema or "oneOf" in schema:
        return any(map(takes_null, [*schema.get("anyOf", ()), *schema.get("oneOf", ())]))
    return not schema.keys() & {"type", "enum", "const", "$ref", "allOf"}


def without_nulls(value: JSON, schema: JSON, root: JSON = None) -> JSON:
    """The value without the properties that are null although they may only be left out."""
    root = schema if root is None else root
    while is_object(schema) and isinstance(schema.get("$ref"), str):
        schema = resolve(schema["$ref"], root)
    if not is_object(schema):
        return value
    if is_array(value):
        items = schema.get("items")
        kept: JSON = [without_nulls(item, items, root) for item in value] if is_object(items) else value
    elif is_object(value):
        properties: JSONObject = schema.get("properties", {})
        required = schema.get("required", ())
        kept = {
            name: without_nulls(inner, properties.get(name), root)
            for name, inner in value.items()
            if inner is not None or name in required or name not in properties or takes_null(properties[name])
        }
    else:
        return value
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if _describes(branch, kept, root):
            return without_nulls(kept, branch, root)
    return kept


def _describes(branch: JSON, value: JSON, root: JSON) -> bool:
    """Whether a branch is the one that an object or array is of, judged by its type and the names of properties."""
    while is_object(branch) and isinstance(branch.get("$ref"), str):
        branch = resolve(branch["$ref"], root)
    if not is_object(branch):
        return False
    if is_array(value):
        return "items" in branch
    return is_object(value) and "properties" in branch and value.keys() <= branch["properties"].keys()


__all__ = ["inlined", "map_parts", "strict_schema", "takes_null", "without_nulls"]
