"""The message files of the Meltano SDK's suite for targets, through target-gcs."""

import importlib.resources
import json
import urllib.parse

import pytest

from conftest import lake, run

FILES = importlib.resources.files("singer_sdk.testing.target_test_streams")
MUST_FAIL = {
    "invalid_schema": "it has no `properties`",
    "record_before_schema": "RECORD before its SCHEMA",
    "record_missing_key_property": "lacks the key property `id`",
    "record_missing_required_property": '"id" is a required property',
}
NAMES = sorted(
    file.name.removesuffix(".singer") for file in FILES.iterdir() if file.name.endswith(".singer")
)


def messages(name):
    lines = FILES.joinpath(f"{name}.singer").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def load(name, directory, code=0):
    text = FILES.joinpath(f"{name}.singer").read_bytes()
    return run("target-gcs", stdin=text, code=code, TARGET_GCS_DESTINATION=str(directory))


def test_the_suite_is_the_one_these_tests_were_written_for():
    assert len(NAMES) == 20
    assert MUST_FAIL.keys() <= set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MUST_FAIL])
def test_every_record_is_stored_as_it_came(name, tmp_path):
    load(name, tmp_path)
    sent = {}
    for message in messages(name):
        if message["type"] == "RECORD":
            stream = urllib.parse.quote(message["stream"], safe="")
            sent.setdefault(stream, []).append(message["record"])
    assert lake(tmp_path) == sent


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MUST_FAIL])
def test_the_last_state_is_printed(name, tmp_path):
    printed = load(name, tmp_path).stdout.splitlines()
    states = [message["value"] for message in messages(name) if message["type"] == "STATE"]
    assert [json.loads(line) for line in printed] == states[-1:]


@pytest.mark.parametrize("name", sorted(MUST_FAIL))
def test_what_is_wrong_is_refused_and_named(name, tmp_path):
    done = load(name, tmp_path, code=1)
    stream = messages(name)[0]["stream"]
    assert f"stream {stream}: " in done.stderr.decode()
    assert MUST_FAIL[name] in done.stderr.decode()
    assert lake(tmp_path) == {}
