"""Loaders that know only declared columns, MeltanoLabs' target-csv and target-postgres: they take all
streams and get every property as a column, those that the catalog's schema lacks too."""

import ast
import csv
import glob
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import pytest
from conftest import environment, in_environment, records, run

csv.field_size_limit(1 << 30)


@pytest.fixture(scope="module")
def narrow_messages(start_workspace, tmp_path_factory):
    """All streams, read with a catalog from whose schemas every third property was taken out."""
    catalog = json.loads(run("tap-intercom", "--discover").stdout)
    for stream in catalog["streams"]:
        stream["metadata"][0]["metadata"]["selected"] = True
        kept = {*stream["key_properties"], stream.get("replication_key")}
        properties = stream["schema"]["properties"]
        for name in [name for name in properties if name not in kept][1::3]:
            del properties[name]
    path = tmp_path_factory.mktemp("columns") / "catalog.json"
    path.write_text(json.dumps(catalog))
    settings = environment("TAP_INTERCOM", start_workspace())
    done = run("tap-intercom", "--catalog", str(path), **settings)
    assert b" is new and may be " in done.stderr
    return done.stdout


def key_properties(messages):
    """The names of each stream's keys."""
    keys = {}
    for line in messages.splitlines():
        message = json.loads(line)
        if message["type"] == "SCHEMA":
            keys[message["stream"]] = message["key_properties"]
    return keys


def parsed(text):
    """What a loader may have made text of: JSON, or Python's own notation."""
    text = re.sub(r"Decimal\('([^']*)'\)", r"\1", text)
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError):
            pass
    return text


def plain(value):
    """A value without regard to its type: numbers and booleans as text, null as nothing."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:g}"
    return str(value)


def is_same(value, column):
    """Whether a column holds a value, whatever type the loader gave it."""
    if plain(value) == plain(column):
        return True
    return isinstance(column, str) and plain(parsed(column)) in (plain(value), plain(parsed(str(value))))


def assert_rows(messages, rows_of):
    """Compares each record with its row, property by property."""
    keys = key_properties(messages)
    by_stream = records(messages)
    assert len(by_stream) > 30
    for stream, expected in by_stream.items():
        found = rows_of(stream)
        assert len(found) == len(expected), stream
        if not keys[stream]:
            assert_each_has_a_row(stream, expected, found)
            continue
        rows = {tuple(str(row[name]) for name in keys[stream]): row for row in found}
        assert len(rows) == len(expected), stream
        for record in expected:
            row = rows[tuple(str(record[name]) for name in keys[stream])]
            for name, value in record.items():
                assert name in row, f"{stream}: there is no column {name}"
                assert is_same(value, row[name]), f"{stream}.{name}: {value!r} is {row[name]!r}"


def holds(row, record):
    """Whether a row has all of a record."""
    return all(name in row and is_same(value, row[name]) for name, value in record.items())


def assert_each_has_a_row(stream, records_without_key, rows):
    """Nothing but the whole of it tells such a record from others."""
    rows = list(rows)
    for record in records_without_key:
        at = next((at for at, row in enumerate(rows) if holds(row, record)), None)
        assert at is not None, f"{stream}: no row has all of {record}"
        del rows[at]


def test_target_csv_gets_every_column(narrow_messages, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"output_path": str(tmp_path)}))
    target = in_environment("columns-csv", "target-csv")
    run(target, "--config", config, stdin=narrow_messages)

    def rows_of(stream):
        with (tmp_path / f"{stream}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    assert_rows(narrow_messages, rows_of)


def server_programs():
    """The directory of PostgreSQL's own programs; they are installed where that can be."""

    def found():
        on_path = shutil.which("initdb")
        beside = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        return pathlib.Path(on_path or beside[-1]).parent if on_path or beside else None

    if not found() and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"]
        subprocess.run(install, capture_output=True, check=False)
    if not found():
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL can't be installed")
        pytest.skip("PostgreSQL (Debian's package postgresql) isn't there and can't be installed")
    return found()


@pytest.fixture
def database():
    """A server of its own, in a directory of its own, on loopback; its port and a query."""
    programs = server_programs()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
    # It refuses to run as root.
    as_owner = []
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    control = [*as_owner, programs / "pg_ctl", "-D", directory / "data", "--silent", "--wait"]
    initdb = [*as_owner, programs / "initdb", "-D", directory / "data", "-U", "loader", "-A", "trust"]
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {directory} -c fsync=off"
    run(*initdb, cwd=directory)
    start = [*control, "-l", directory / "log", "-o", options, "start"]
    # Its output would be the server's too, and never end.
    subprocess.run(start, check=True, cwd=directory, stdout=subprocess.DEVNULL, timeout=60)

    def query(text):
        psql = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "loader", "-At", "-c", text]
        return run(*psql, "postgres").stdout.decode().splitlines()

    try:
        yield port, query
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=directory, timeout=60)
        shutil.rmtree(directory)


def test_target_postgres_gets_every_column(narrow_messages, database, tmp_path):
    port, query = database
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "user": "loader",
        "password": "none",
        "database": "postgres",
        "default_target_schema": "lake",
    }
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    target = in_environment("columns-postgres", "target-postgres")
    run(target, "--config", config, stdin=narrow_messages)

    def rows_of(stream):
        rows = query(f'select row_to_json(row) from lake."{stream}" row')
        return [json.loads(row) for row in rows]

    assert_rows(narrow_messages, rows_of)
