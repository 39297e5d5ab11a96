"""CITATION.cff and CHANGELOG.md: in the form that tools read, and of one mind with pyproject.toml and the README."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.load((ROOT / "CITATION.cff").read_text(encoding="utf-8"), yaml.BaseLoader)  # dates stay text
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

TEXT = {"type": "string", "minLength": 1}
# The part of CFF 1.2.0 that we use; the whole is https://citation-file-format.github.io/1.2.0/schema
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["authors", "cff-version", "message", "title"],
    "properties": {
        "abstract": TEXT,
        "authors": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["name"], "properties": {"name": TEXT}},
        },
        "cff-version": {"enum": ["1.2.0"]},
        "date-released": {"pattern": r"^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])$"},
        "keywords": {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT},
        "license": {"enum": ["MIT"]},
        "message": TEXT,
        "repository-code": {"pattern": "^https://"},
        "title": TEXT,
        "type": {"enum": ["software", "dataset"]},
        "version": TEXT,
    },
}


def test_the_citation_has_the_form_of_cff():
    jsonschema.validate(CITATION, SCHEMA)
    for spoilt in ({"title": ""}, {"cff-version": "1.1"}, {"date-released": "22 November 2026"}, {"Version": "1"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(CITATION | spoilt, SCHEMA)
    for needed in SCHEMA["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in CITATION.items() if key != needed}, SCHEMA)


def test_it_agrees_with_the_project():
    assert CITATION["version"] == PROJECT["version"] and CITATION["license"] == PROJECT["license"]
    assert CITATION["title"].startswith(f"{PROJECT['name']}: ")
    assert [one["name"].lower() for one in CITATION["authors"]] == [one["name"].lower() for one in PROJECT["authors"]]
    assert CITATION["keywords"] == PROJECT["keywords"]
    assert CITATION.get("repository-code") in (None, PROJECT["urls"]["Repository"])


def test_the_readme_cites_the_same():
    entry = dict(re.findall(r"^  (\w+) += \{(.+)\},?$", README.split("```bibtex")[1].split("```")[0], re.MULTILINE))
    assert entry["title"] == CITATION["title"]
    assert entry["author"].strip("{}") == CITATION["authors"][0]["name"]
    assert entry["note"] == f"Version {CITATION['version']}" and entry["year"] == CITATION["date-released"][:4]


def test_the_changelog_has_its_form_and_this_version_on_its_day():
    first, *versions = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert first == "[Unreleased]"
    found = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", heading) for heading in versions]
    assert found and all(found), versions
    numbers = [tuple(map(int, one[1].split("."))) for one in found if one]
    days = [date.fromisoformat(one[2]) for one in found if one]
    assert numbers == sorted(numbers, reverse=True) and days == sorted(days, reverse=True)
    assert (CITATION["version"], CITATION["date-released"]) in [(one[1], one[2]) for one in found if one]
    kinds = re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)
    assert kinds and set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for version in CHANGELOG.split("\n## ")[1:]:
        kinds = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert len(kinds) == len(set(kinds)), "a heading twice in one version"


def test_the_readme_leads_to_them():
    assert "(CHANGELOG.md)" in README and "(.github/CONTRIBUTING.md)" in README and "(CITATION.cff)" in README
