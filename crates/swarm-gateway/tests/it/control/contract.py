"""Validates the description of the control door, and exchanges against its schemas."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

with open(sys.argv[1], encoding="utf-8") as file:
    recorded = json.load(file)
document = recorded["document"]
validate(document)
resource = Resource.from_contents(document, default_specification=DRAFT202012)
registry = Registry().with_resource("door:", resource)


def faults(*pointer, value):
    """Returns what is wrong with a value, by the schema at a place of the document."""
    places = "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)
    schema = {"$ref": f"door:#/{places}"}
    found = Draft202012Validator(schema, registry=registry).iter_errors(value)
    return [error.message for error in found]


CONTENT = ("content", "application/json", "schema")
for exchange in recorded["exchanges"]:
    place = ("paths", exchange["path"], exchange["method"].lower())
    if exchange["request"] is not None:
        wrong = faults(*place, "requestBody", *CONTENT, value=exchange["request"])
        assert (not wrong) == exchange["fits"], (exchange, wrong)
    if exchange["response"] is not None:
        where = (*place, "responses", str(exchange["status"]))
        if not exchange["fits"]:
            where = ("components", "responses", "Failed")
        wrong = faults(*where, *CONTENT, value=exchange["response"])
        assert not wrong, (exchange, wrong)
print(len(recorded["exchanges"]), "exchanges fit")
