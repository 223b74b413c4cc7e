"""examples/duckdb.sql over a lake of two runs, between which rows changed."""

import collections
import datetime
import json
import re

import duckdb
import pytest

from conftest import ROOT, lake, run, tap


@pytest.fixture(scope="module")
def directory(tmp_path_factory, start_workspace):
    """The second run comes from a workspace in which 10 contacts more are known and the whole of it
    was updated a day later, so that every record of the first run is outdated."""
    directory = tmp_path_factory.mktemp("lake")
    for options in ({"contacts": 200}, {"contacts": 210, "base_time": 1_763_800_000 + 86_400}):
        messages = tap(start_workspace(**options)).stdout
        run("target-gcs", stdin=messages, TARGET_GCS_DESTINATION=str(directory))
    return directory


@pytest.fixture(scope="module")
def database(directory):
    script = (ROOT / "examples" / "duckdb.sql").read_text()
    assert "set variable lake = 'lake';" in script
    database = duckdb.connect()
    database.execute(script.replace("= 'lake'", f"= '{directory}'"))
    return database


def newest(rows, key, version):
    """Of each record the newest version; the later one of equals."""
    found = {}
    for row in rows:
        if row[key] not in found or seconds(row[version]) >= seconds(found[row[key]][version]):
            found[row[key]] = row
    return found


def seconds(time):
    """Epoch seconds of a time that is one of the API's two kinds."""
    return time if isinstance(time, int) else datetime.datetime.fromisoformat(time).timestamp()


@pytest.mark.parametrize(
    ("stream", "key", "version"),
    [
        ("contacts", "id", "updated_at"),
        ("conversations", "id", "updated_at"),
        ("conversation_parts", "id", "conversation_updated_at"),
        ("calls", "id", "updated_at"),
        ("call_transcriptions", "call_id", "call_updated_at"),
        ("articles", "id", "updated_at"),
    ],
)
def test_a_view_holds_the_newest_version_of_each_record(directory, database, stream, key, version):
    rows = database.execute(f"select {key}, epoch(instant({version})) from {stream}").fetchall()
    expected = newest(lake(directory)[stream], key, version)
    assert len(expected) < len(lake(directory)[stream])
    assert dict(rows) == {name: seconds(row[version]) for name, row in expected.items()}
    assert len(rows) == len(expected)


@pytest.mark.parametrize("stream", ["admins", "teams", "tags", "collections"])
def test_a_full_table_is_the_newest_run_s(directory, database, stream):
    files = sorted(directory.glob(f"{stream}/**/*.json"))
    assert len(files) == 2
    last = [json.loads(line)["id"] for line in files[-1].read_text().splitlines()]
    rows = database.execute(f"select id from {stream}").fetchall()
    assert sorted(name for (name,) in rows) == sorted(last)


def test_partitions_are_columns(database):
    rows = database.execute("select distinct year, month, day from contacts").fetchall()
    assert len(rows) == 1
    assert all(isinstance(part, (int, str)) for part in rows[0])


def test_conversations_come_with_their_parts(directory, database):
    parts = newest(lake(directory)["conversation_parts"], "id", "conversation_updated_at")
    expected = collections.Counter(part["conversation_id"] for part in parts.values())
    rows = database.execute(
        "select id, len(coalesce(parts, [])) from conversation_history"
    ).fetchall()
    assert dict(rows) == {
        row["id"]: expected[row["id"]] for row in lake(directory)["conversations"]
    }


def test_calls_come_with_their_turns(directory, database):
    transcripts = newest(lake(directory)["call_transcriptions"], "call_id", "call_updated_at")
    rows = database.execute("select call_id, speaker, content from call_turns").fetchall()
    expected = [
        (call, turn["speaker"], turn["content"])
        for call, row in transcripts.items()
        for turn in row["transcript"]
    ]
    assert sorted(rows) == sorted(expected)
    assert expected


def test_every_table_can_be_copied_to_columns(directory, database, tmp_path):
    script = (ROOT / "examples" / "duckdb.sql").read_text()
    copies = re.findall(r"^-- (copy \(from (\w+)\) to 'current/\w+\.parquet';)$", script, re.MULTILINE)
    tables = re.findall(r"^create view (\w+) as from newest", script, re.MULTILINE)
    assert sorted(table for _, table in copies) == sorted(tables)
    for copy, table in copies:
        file = tmp_path / f"{table}.parquet"
        database.execute(copy.replace(f"current/{table}.parquet", str(file)))
        [copied] = database.execute(f"select count(*) from read_parquet('{file}')").fetchone()
        [current] = database.execute(f"select count(*) from {table}").fetchone()
        assert copied == current > 0, table
