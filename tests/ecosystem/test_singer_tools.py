"""The first Singer tools: a checker of taps and two targets."""

import csv
import json

import pytest

from conftest import in_environment, last_state, records, run, tap


@pytest.fixture
def state(messages):
    states = [json.loads(line) for line in messages.splitlines() if b'"STATE"' in line]
    return states[-1]["value"]


# The checker reads stdin here: with `--tap` it looks at its result before its own thread has
# finished reading, unless the tap is slow.
def test_check_tap_finds_the_output_valid(messages, tmp_path):
    report = run(in_environment("singer-tools", "singer-check-tap"), stdin=messages, cwd=tmp_path)
    count = sum(len(rows) for rows in records(messages).values())
    assert b"The output is valid." in report.stdout
    assert f"{count:7} record messages".encode() in report.stdout


def test_check_tap_finds_the_output_valid_with_a_state(workspace, state, tmp_path):
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state))
    messages = tap(workspace, "--state", str(file)).stdout
    assert "contacts" not in records(messages)
    report = run(in_environment("singer-tools", "singer-check-tap"), stdin=messages, cwd=tmp_path)
    assert b"The output is valid." in report.stdout


def test_target_jsonl_stores_every_record(messages, state, tmp_path):
    target = in_environment("target-jsonl", "target-jsonl")
    done = run(target, stdin=messages, cwd=tmp_path)
    stored = {
        file.name.split("-")[0]: [json.loads(line) for line in file.read_text().splitlines()]
        for file in tmp_path.glob("*.jsonl")
    }
    assert stored == records(messages)
    assert last_state(done.stdout) == state


# Written for a Python that still had collections.MutableMapping.
TARGET_CSV = """
import collections, collections.abc
collections.MutableMapping = collections.abc.MutableMapping
import target_csv
target_csv.main()
"""


def test_target_csv_stores_every_record(messages, state, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"disable_collection": True}))
    python = in_environment("target-csv", "python")
    done = run(python, "-c", TARGET_CSV, "--config", str(config), stdin=messages, cwd=tmp_path)
    sent = records(messages)
    for stream, rows in sent.items():
        [file] = tmp_path.glob(f"{stream}-*.csv")
        with file.open(newline="") as lines:
            assert len(list(csv.DictReader(lines))) == len(rows), stream
    assert last_state(done.stdout) == state
