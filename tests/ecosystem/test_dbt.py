"""examples/dbt over a lake of all streams, its figures held against the lake's own records."""

import collections
import json
import os
import shutil

import duckdb
import pytest

from conftest import ROOT, commands, in_environment, lake, run, tap
from test_duckdb import newest, seconds


@pytest.fixture(scope="module")
def directory(tmp_path_factory, start_workspace):
    """Two runs of all streams; between them every row was updated, and some contacts are new."""
    directory = tmp_path_factory.mktemp("lake")
    catalog = json.loads(run("tap-intercom", "--discover").stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = True
    chosen = tmp_path_factory.mktemp("catalog") / "catalog.json"
    chosen.write_text(json.dumps(catalog))
    for options in ({"contacts": 200}, {"contacts": 210, "base_time": 1_763_800_000 + 86_400}):
        messages = tap(start_workspace(**options), "--catalog", str(chosen)).stdout
        run("target-gcs", stdin=messages, TARGET_GCS_DESTINATION=str(directory))
    contacts = list(newest(lake(directory)["contacts"], "id", "updated_at"))
    # Some that things belong to.
    owners = list(dict.fromkeys(row["contact_id"] for row in lake(directory)["contact_notes"]))
    gone, returned, erased, merged, told = owners[:5]
    remains = next(name for name in contacts if name not in owners[:5])
    then = 1_763_900_000
    conversation = lake(directory)["conversations"][0]["id"]
    call = lake(directory)["call_transcriptions"][0]["call_id"]
    told_as_deleted = [
        {"stream": "contacts", "id": gone, "found_at": then},
        {"stream": "contacts", "id": returned, "found_at": 1_600_000_000},
        {"stream": "conversations", "id": conversation, "found_at": then},
        {"stream": "calls", "id": call, "found_at": then},
    ]
    add(directory, "deletions", told_as_deleted)
    merge = {"contact_id": remains, "merge_source_id": merged, "merge_target_id": remains}
    activities = [
        {"event_type": "contact.deleted", "contact_id": erased},
        {"event_type": "contact.merged"} | merge,
        {"event_type": "contact.merge_failed", "contact_id": returned, "merge_source_id": returned},
    ]
    common = {"type": "contact_activity", "role": "lead", "created_at": then}
    named = ({"id": f"x{number}"} | row | common for number, row in enumerate(activities))
    add(directory, "contact_activities", named)
    add(
        directory,
        "contact_merges",
        [{"contact_id": remains, "source_contact_id": told, "merged_at": then}],
    )
    return directory


@pytest.fixture(scope="module")
def database(directory, tmp_path_factory):
    project = tmp_path_factory.mktemp("dbt") / "project"
    shutil.copytree(ROOT / "examples" / "dbt", project)
    file = project / "intercom.duckdb"
    run(
        in_environment("dbt", "dbt"),
        "build",
        cwd=project,
        INTERCOM_LAKE=str(directory),
        INTERCOM_DUCKDB=str(file),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    database = duckdb.connect(str(file), read_only=True)
    database.execute("set timezone = 'UTC'")
    return database


def add(directory, stream, rows):
    """Another file of a stream, newer than those that there are."""
    (directory / stream).mkdir(exist_ok=True)
    file = directory / stream / f"{stream}_20300101T000000000000Z.json"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def deleted(directory, stream="contacts"):
    """Those that didn't change after they were told to be gone."""
    told = [(row["stream"], row["id"], row["found_at"]) for row in lake(directory)["deletions"]]
    for row in lake(directory)["contact_activities"]:
        names = {"contact.deleted": "contact_id", "contact.merged": "merge_source_id"}
        if row["event_type"] in names:
            told.append(("contacts", row[names[row["event_type"]]], row["created_at"]))
    for row in lake(directory)["contact_merges"]:
        told.append(("contacts", row["source_contact_id"], row["merged_at"]))
    rows = newest(lake(directory)[stream], "id", "updated_at")
    return {
        name
        for of, name, then in told
        if of == stream and name in rows and then >= seconds(rows[name]["updated_at"])
    }


PARENTS = {
    "conversation_parts": ("conversations", "conversation_id"),
    "call_transcriptions": ("calls", "call_id"),
}


def current(directory, stream, key="id", version="updated_at"):
    parent, parent_key = PARENTS.get(stream, (stream, key))
    gone = set()
    if parent in {"contacts", "conversations", "calls"}:
        gone = deleted(directory, parent)
    rows = newest(lake(directory)[stream], key, version)
    return {name: row for name, row in rows.items() if row[parent_key] not in gone}


def test_every_relation_can_be_read(database):
    """Views are only looked into when they are read."""
    relations = database.execute(
        "select table_schema, table_name from information_schema.tables"
    ).fetchall()
    for schema, name in relations:
        database.execute(f'select count(distinct hash(row)) from "{schema}"."{name}" as row')
    streams = json.loads(run("tap-intercom", "--discover").stdout)["streams"]
    staged = {name for schema, name in relations if schema == "main_staging"}
    expected = {f"stg_{stream['tap_stream_id']}" for stream in streams}
    assert staged == expected | {"deleted"}


@pytest.mark.parametrize(
    ("stream", "key", "version"),
    [
        ("contacts", "id", "updated_at"),
        ("companies", "id", "updated_at"),
        ("conversations", "id", "updated_at"),
        ("conversation_parts", "id", "conversation_updated_at"),
        ("calls", "id", "updated_at"),
        ("call_transcriptions", "call_id", "call_updated_at"),
        ("tickets", "id", "updated_at"),
        ("articles", "id", "updated_at"),
        ("macros", "id", "updated_at"),
    ],
)
def test_staging_has_the_newest_version_of_each_record(directory, database, stream, key, version):
    rows = database.execute(
        f"select {key}, epoch({version}) from main_staging.stg_{stream}"
    ).fetchall()
    expected = current(directory, stream, key, version)
    assert dict(rows) == pytest.approx(
        {str(name): seconds(row[version]) for name, row in expected.items()}, abs=1
    )
    assert len(rows) == len(expected)


def test_what_is_deleted_is_in_no_table(directory, database):
    """Found by an audit, told as deleted, told as merged in two ways."""
    gone = deleted(directory)
    assert len(gone) == 4
    for table in ("main_staging.stg_contacts", "main.contacts", "main_fivetran.contact_history"):
        rows = database.execute(f"select id from {table}").fetchall()
        assert rows and not gone & {name for (name,) in rows}


@pytest.mark.parametrize(
    ("parent", "parent_key", "children"),
    [
        (
            "contacts",
            "contact_id",
            ["contact_notes", "contact_tags", "contact_companies", "contact_segments"],
        ),
        ("conversations", "conversation_id", ["conversation_parts", "side_conversations"]),
        ("calls", "call_id", ["call_transcriptions"]),
    ],
)
def test_what_belongs_to_something_deleted_goes_with_it(
    directory, database, parent, parent_key, children
):
    gone = deleted(directory, parent)
    assert gone
    lost = set()
    for child in children:
        owners = {row[parent_key] for row in lake(directory)[child]}
        rows = database.execute(f"select {parent_key} from main_staging.stg_{child}").fetchall()
        assert {name for (name,) in rows} == owners - gone, child
        lost |= owners & gone
    assert lost == gone


def test_conversations_have_intercom_s_own_figures(directory, database):
    rows = database.execute(
        "select id, first_response_seconds, parts, reopened, state from main.conversations"
    ).fetchall()
    expected = []
    for row in current(directory, "conversations").values():
        statistics = row["statistics"] or {}
        expected.append(
            (
                row["id"],
                statistics.get("time_to_admin_reply"),
                statistics.get("count_conversation_parts", 0),
                statistics.get("count_reopens", 0),
                row["state"],
            )
        )
    assert set(rows) == set(expected)
    assert any(seconds is not None for _, seconds, _, _, _ in rows)


def test_teammates_load_is_what_they_wrote(directory, database):
    rows = database.execute("select admin_id, sum(parts) from main.teammate_days group by all")
    parts = current(directory, "conversation_parts", "id", "conversation_updated_at").values()
    expected = collections.Counter(
        part["author"]["id"] for part in parts if part["author"]["type"] == "admin"
    )
    assert {admin: int(count) for admin, count in rows.fetchall()} == expected


def test_contacts_have_their_companies_and_tags(directory, database):
    rows = database.execute("select id, companies, tags from main.contacts").fetchall()
    expected = {
        (row["id"], len(row["companies"]["data"]), len(row["tags"]["data"]))
        for row in current(directory, "contacts").values()
    }
    assert set(rows) == expected
    assert any(companies for _, companies, _ in rows)
    assert any(tags for _, _, tags in rows)


def test_call_volume_is_all_calls(directory, database):
    calls = current(directory, "calls")
    transcripts = current(directory, "call_transcriptions", "call_id", "call_updated_at")
    row = database.execute("select sum(calls), sum(transcripts) from main.call_days").fetchone()
    assert tuple(map(int, row)) == (len(calls), len(transcripts))


def test_team_days_open_each_conversation_once(directory, database):
    (opened,) = database.execute("select sum(opened) from main.team_days").fetchone()
    assert int(opened) == len(current(directory, "conversations"))


def test_a_lake_without_files_gives_empty_tables(tmp_path):
    """The first run may have read only some streams."""
    shutil.copytree(ROOT / "examples" / "dbt", tmp_path / "project")
    (tmp_path / "lake").mkdir()
    run(
        in_environment("dbt", "dbt"),
        "build",
        cwd=tmp_path / "project",
        INTERCOM_LAKE=str(tmp_path / "lake"),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    database = duckdb.connect(str(tmp_path / "project" / "intercom.duckdb"), read_only=True)
    assert database.execute("select count(*) from main.contacts").fetchone() == (0,)


def test_the_readme_s_commands_run_as_they_stand(directory, tmp_path):
    """But for the lake's place; what needs the network or BigQuery isn't run."""
    shutil.copytree(ROOT / "examples" / "dbt", tmp_path / "examples" / "dbt")
    install, build, bigquery = commands(ROOT / "examples" / "dbt" / "README.md")
    assert install.startswith("pip install ") and "\n" not in install
    assert all(line.split()[0] in {"pip", "export", "dbt"} for line in bigquery.splitlines())
    assert "/data/lake" in build
    done = run(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        build.replace("/data/lake", str(directory)),
        cwd=tmp_path,
        PATH=f"{in_environment('dbt', 'dbt').parent}:{os.environ['PATH']}",
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    assert b"ERROR=0" in done.stdout
