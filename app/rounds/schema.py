"""The manifest's JSON schema for editors, and a manifest to begin with."""

import json
from importlib.resources import files

SCHEMA = "jobshape.manifest/1"


def made_schema() -> str:
    """The schema, made anew from the models."""
    from jobshape.app.rounds.manifest import Manifest

    schema = Manifest.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    return json.dumps({**schema, **head}, indent=1, sort_keys=True) + "\n"


def schema_text() -> str:
    """The schema as it is shipped."""
    return (files("jobshape.app") / "schemas" / "jobshape-manifest-1.json").read_text("utf-8")


def template_text() -> str:
    """A manifest with every field that people need first, and comments."""
    return (files("jobshape.app.rounds") / "template.yaml").read_text("utf-8")
