"""examples/duckdb.sql over a lake of two runs, between which rows changed."""

import collections
import datetime
import json
import re
import shutil

import duckdb
import pytest

from conftest import ROOT, environment, lake, run, tap


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
    return opened(directory)


def opened(directory):
    """A database with the script's tables."""
    script = (ROOT / "examples" / "duckdb.sql").read_text()
    assert "set variable lake = 'lake';" in script
    database = duckdb.connect()
    database.execute(script.replace("= 'lake'", f"= '{directory}'"))
    return database


def ids(database, table, column="id"):
    return {name for (name,) in database.execute(f"select {column} from {table}").fetchall()}


def add(directory, stream, rows):
    """Another file of a stream, newer than those that there are."""
    file = directory / stream / "year=2030" / "month=01" / "day=01"
    file.mkdir(parents=True, exist_ok=True)
    number = len(list(file.iterdir()))
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (file / f"{stream}_20300101T00000000000{number}Z.json").write_text(lines)


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
    tables = re.findall(r"^create view (\w+) as\s+from newest", script, re.MULTILINE)
    assert sorted(table for _, table in copies) == sorted(tables)
    for copy, table in copies:
        file = tmp_path / f"{table}.parquet"
        database.execute(copy.replace(f"current/{table}.parquet", str(file)))
        [copied] = database.execute(f"select count(*) from read_parquet('{file}')").fetchone()
        [current] = database.execute(f"select count(*) from {table}").fetchone()
        assert copied == current, table
        assert bool(current) == (directory / table).exists(), table


def updated(record, seconds, version="updated_at"):
    return record | {version: seconds}


def test_what_is_gone_is_in_no_table_and_what_came_back_is(directory, tmp_path):
    """Each way in which the lake learns of it, with what hangs on it; times are those of the newest
    version and around it."""
    place = tmp_path / "lake"
    shutil.copytree(directory, place)
    contacts = list(newest(lake(place)["contacts"], "id", "updated_at").values())
    found, late, merged, at_once, deleted, told, history, failed, back = contacts[:9]
    add(
        place,
        "deletions",
        [
            {"stream": "contacts", "id": found["id"], "found_at": found["updated_at"] + 5},
            # Older than the newest version: it was there again.
            {"stream": "contacts", "id": late["id"], "found_at": late["updated_at"] - 1},
            {"stream": "contacts", "id": back["id"], "found_at": back["updated_at"] + 5},
        ],
    )
    add(place, "contacts", [updated(back, back["updated_at"] + 6)])
    source = {"contact_id": contacts[20]["id"]}
    add(
        place,
        "contact_merges",
        [
            source | {"source_contact_id": merged["id"], "merged_at": merged["updated_at"] + 1},
            source | {"source_contact_id": at_once["id"], "merged_at": at_once["updated_at"]},
        ],
    )
    add(
        place,
        "contact_activities",
        [
            {
                "id": "1",
                "event_type": "contact.deleted",
                "contact_id": deleted["id"],
                "created_at": deleted["updated_at"] + 1,
            },
            {
                "id": "2",
                "event_type": "contact.merged",
                "contact_id": contacts[20]["id"],
                "merge_source_id": told["id"],
                "merge_target_id": contacts[20]["id"],
                "created_at": told["updated_at"] + 1,
            },
            {
                "id": "3",
                "event_type": "contact.merge_failed",
                "contact_id": failed["id"],
                "merge_source_id": failed["id"],
                "created_at": failed["updated_at"] + 1,
            },
        ],
    )
    kept = {
        "merge_history": [
            {"source_contact_id": history["id"], "merged_at": history["updated_at"] + 1}
        ]
    }
    add(place, "contacts", [contacts[20] | kept])
    gone = {row["id"] for row in (found, merged, at_once, deleted, told, history)}
    expected = {row["id"] for row in contacts} - gone

    conversations = list(newest(lake(place)["conversations"], "id", "updated_at").values())
    listed, reopened = conversations[:2]
    add(place, "deleted_conversations", [{"type": "conversation", "id": listed["id"]}])
    then = reopened["updated_at"] + 5
    add(place, "deletions", [{"stream": "conversations", "id": reopened["id"], "found_at": then}])
    add(place, "conversations", [updated(reopened, then + 1)])

    calls = newest(lake(place)["calls"], "id", "updated_at")
    transcripts = newest(lake(place)["call_transcriptions"], "call_id", "call_updated_at")
    call = next(iter(transcripts))
    then = seconds(calls[call]["updated_at"]) + 1
    add(place, "deletions", [{"stream": "calls", "id": call, "found_at": then}])

    notes = [
        {"id": str(number), "contact_id": row["id"]} for number, row in enumerate(contacts[:9])
    ]
    add(place, "contact_notes", notes)
    add(place, "contact_tags", [{"contact_id": row["id"], "id": "7"} for row in contacts[:9]])

    database = opened(place)
    assert ids(database, "contacts") == expected
    assert ids(database, "contact_notes", "contact_id") == {late["id"], failed["id"], back["id"]}
    assert ids(database, "contact_tags", "contact_id") == {late["id"], failed["id"], back["id"]}
    assert ids(database, "conversations") == {row["id"] for row in conversations} - {listed["id"]}
    parts = newest(lake(place)["conversation_parts"], "id", "conversation_updated_at")
    assert reopened["id"] in {part["conversation_id"] for part in parts.values()}
    assert ids(database, "conversation_parts") == {
        part for part, row in parts.items() if row["conversation_id"] != listed["id"]
    }
    assert ids(database, "calls") == set(calls) - {call}
    assert ids(database, "call_transcriptions", "call_id") == set(transcripts) - {call}


def test_a_part_that_was_told_as_deleted_leaves_alone(directory, tmp_path):
    place = tmp_path / "lake"
    shutil.copytree(directory, place)
    parts = newest(lake(place)["conversation_parts"], "id", "conversation_updated_at")
    part, row = next(iter(parts.items()))
    then = row["conversation_updated_at"]
    add(place, "deletions", [{"stream": "conversation_parts", "id": part, "found_at": then}])
    assert ids(opened(place), "conversation_parts") == set(parts) - {part}


def test_a_list_that_became_empty_is_an_empty_table(directory, tmp_path):
    place = tmp_path / "lake"
    shutil.copytree(directory, place)
    add(place, "tags", [])
    database = opened(place)
    assert ids(database, "tags") == set()
    assert ids(database, "teams") == {row["id"] for row in lake(place)["teams"]}


def test_streams_without_files_are_empty_tables(tmp_path, directory):
    """In a lake that is empty, and in one that has only conversations."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    shutil.copytree(directory / "conversations", tmp_path / "one" / "conversations")
    for place, filled in (("empty", set()), ("one", {"conversations", "conversation_history"})):
        database = opened(tmp_path / place)
        views = "select view_name from duckdb_views() where not internal"
        for (view,) in database.execute(views).fetchall():
            [rows] = database.execute(f"select count(distinct hash(row)) from {view} as row").fetchone()
            assert bool(rows) == (view in filled), view


def test_an_audit_takes_the_keys_that_a_database_lists(database, tmp_path, start_workspace):
    """Whatever lists the keys of what is there, in the words of `--read-keys`: two are held back."""
    keys = tmp_path / "keys.jsonl"
    database.execute(
        f"""copy (select 'contacts' as stream, id as key, epoch(instant(updated_at))::bigint as updated_at
        from contacts order by id offset 2) to '{keys}' (format json)"""
    )
    left_out = database.execute("select id from contacts order by id limit 2").fetchall()
    settings = environment(
        "TAP_INTERCOM", start_workspace(contacts=210, base_time=1_763_800_000 + 86_400)
    )
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": {"contacts": {"updated_at": 1_763_900_000}}}))
    audit = ("tap-intercom", "--state", str(state), "--audit", str(keys), "--stream", "contacts")
    done = run(*audit, code=3, **settings)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {difference["key"] for difference in found} == {key for (key,) in left_out}
