"""The example DAGs under Airflow, on SQLite, each test with a lake of its own."""

import contextlib
import json
import os
import shutil
import sqlite3

import pytest

from conftest import BINARIES, ROOT, environment, in_environment, lake, records, run

DAGS = ROOT / "examples" / "airflow" / "dags"
STREAMS = [
    "admins", "teams", "tags", "contacts", "conversations", "calls", "articles", "collections"
]  # fmt: skip


class Airflow:
    """An Airflow with the example DAGs, which retry once and don't wait for a minute with it."""

    def __init__(self, home):
        self.home = home
        shutil.copytree(DAGS, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        dag = home / "dags" / "intercom_to_gcs.py"
        text = dag.read_text()
        for published, quick in {
            '"retries": 3': '"retries": 1',
            '"retry_delay": timedelta(minutes=1)': '"retry_delay": timedelta(seconds=1)',
        }.items():
            assert published in text
            text = text.replace(published, quick)
        dag.write_text(text)
        self.run("db", "migrate")

    def run(self, *arguments, code=0, **variables):
        return run(
            in_environment("airflow", "airflow"),
            *arguments,
            code=code,
            AIRFLOW_HOME=str(self.home),
            AIRFLOW__CORE__DAGS_FOLDER=str(self.home / "dags"),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            **variables,
        )

    def run_dag(self, dag, settings, directory, *arguments, code=0, **variables):
        """Runs a DAG to its end and gives each mapped task's state and number of tries."""
        self.run(
            "dags",
            "test",
            dag,
            *arguments,
            code=code,
            TARGET_GCS_DESTINATION=str(directory),
            AIRFLOW_CONN_INTERCOM=json.dumps(
                {"conn_type": "http", "password": settings["access_token"]}
            ),
            **environment("TAP_INTERCOM", settings | {"access_token": ""}),
            **variables,
        )
        query = """
            select rendered_map_index, state, try_number from task_instance
            where task_id = 'load' and run_id =
                (select run_id from dag_run where dag_id = ? order by id desc limit 1)
        """
        with contextlib.closing(sqlite3.connect(self.home / "airflow.db")) as database:
            rows = database.execute(query, [dag]).fetchall()
        return {name: (state, tries) for name, state, tries in rows}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    return Airflow(tmp_path_factory.mktemp("airflow"))


def test_the_dags_are_found_and_without_faults(airflow):
    airflow.run("dags", "list-import-errors", "--local")
    found = airflow.run("dags", "list", "--local", "--output=json", "--columns=dag_id").stdout
    assert [row["dag_id"] for row in json.loads(found.splitlines()[-1])] == [
        "intercom_backfill",
        "intercom_reconcile",
        "intercom_to_gcs",
        "intercom_to_gcs_kubernetes",
    ]


def test_the_pool_is_made_as_the_dag_says(airflow):
    command = "airflow pools set intercom 3 Intercom"
    assert f"`{command}`" in (DAGS / "intercom_to_gcs.py").read_text()
    airflow.run(*command.split()[1:])


def test_a_run_loads_every_stream(airflow, workspace, messages, tmp_path):
    tasks = airflow.run_dag("intercom_to_gcs", workspace, tmp_path)
    assert tasks == {stream: ("success", 1) for stream in STREAMS}
    assert lake(tmp_path) == records(messages)


def test_a_stream_that_fails_is_tried_again_and_fails_the_run(airflow, start_workspace, tmp_path):
    settings = start_workspace(refuse="/contacts")
    tasks = airflow.run_dag("intercom_to_gcs", settings, tmp_path, code=1)
    assert tasks.pop("contacts") == ("failed", 2)
    assert tasks == {stream: ("success", 1) for stream in STREAMS if stream != "contacts"}
    assert lake(tmp_path).keys() == {*STREAMS, "conversation_parts", "call_transcriptions"} - {
        "contacts"
    }


def test_wrong_settings_are_not_tried_again(airflow, workspace, tmp_path):
    tasks = airflow.run_dag("intercom_to_gcs", workspace | {"page_size": 0}, tmp_path, code=1)
    assert tasks == {stream: ("failed", 1) for stream in STREAMS}


# In the place of tap-intercom: the first try for contacts is killed outright, and the target with
# it, after it has read some pages and the target has made a state of them.
KILLED_ONCE = """#!/usr/bin/env bash
set -euo pipefail
tap={tap}
mark={mark}
if [ "$STREAM" != contacts ] || [ -e "$mark" ]; then
  exec "$tap" "$@"
fi
touch "$mark"
"$tap" "$@" | sed --unbuffered '/"STATE"/{{x; s/^/x/; /xxx/{{x; q}}; x}}'
timeout 60 bash -c 'until [ -e {state} ]; do sleep 0.1; done'
kill -KILL 0
"""


def test_a_retry_goes_on_where_a_killed_try_was(airflow, workspace, messages, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    tap = programs / "tap-intercom"
    directory = tmp_path / "lake"
    places = {
        "tap": BINARIES / "tap-intercom",
        "mark": tmp_path / "mark",
        "state": directory / "_intercom_state" / "contacts_state.json",
    }
    tap.write_text(KILLED_ONCE.format(**places))
    tap.chmod(0o755)

    tasks = airflow.run_dag(
        "intercom_to_gcs",
        workspace | {"page_size": 30, "state_interval_seconds": 0},
        directory,
        PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
        TARGET_GCS_FLUSH_INTERVAL_SECONDS="0",
    )

    assert tasks == {stream: ("success", 2 if stream == "contacts" else 1) for stream in STREAMS}
    files = sorted(directory.glob("contacts/**/*.json"))
    assert len(files) > 1
    loaded, expected = lake(directory), records(messages)
    # Where a try was killed, up to two of its pages come again.
    contacts = loaded.pop("contacts")
    of_them = {record["id"]: record for record in expected.pop("contacts")}
    assert {record["id"] for record in contacts} == set(of_them)
    assert all(record == of_them[record["id"]] for record in contacts)
    assert len(contacts) <= len(of_them) + 2 * 30
    assert loaded == expected


def test_the_slices_of_a_backfill_make_up_the_whole(airflow, workspace, messages, tmp_path):
    parameters = {"start_date": "2024-10-01", "end_date": "2025-12-01", "slices": 6}
    parameters["streams"] = ["contacts", "conversations", "calls"]
    tasks = airflow.run_dag(
        "intercom_backfill", workspace, tmp_path, "--conf", json.dumps(parameters)
    )
    assert len(tasks) == 18
    assert set(tasks.values()) == {("success", 1)}

    loaded, expected = lake(tmp_path), records(messages)
    streams = ["contacts", "conversations", "conversation_parts", "calls", "call_transcriptions"]
    for stream in streams:
        assert sorted(map(json.dumps, loaded[stream])) == sorted(map(json.dumps, expected[stream]))
    assert len(list(tmp_path.glob("contacts/**/*.json"))) > 1
    assert len(list(tmp_path.glob("_intercom_backfill/*/contacts.json"))) == 6

    for stream in parameters["streams"]:
        bookmarks = [bookmark(file, stream) for file in tmp_path.glob(f"_intercom_backfill/*/{stream}.json")]
        [merged] = [bookmark(file, stream) for file in tmp_path.glob(f"_intercom_state/{stream}_*")]
        newest = max(bookmarks, key=lambda found: found["updated_at"])
        assert merged["updated_at"] == newest["updated_at"]
        awaited = [entry for found in bookmarks for entry in found.get("awaited", [])]
        assert sorted(map(json.dumps, merged.get("awaited", []))) == sorted(map(json.dumps, awaited))


def test_a_reconciliation_brings_back_what_the_lake_has_lost(airflow, workspace, messages, tmp_path):
    airflow.run_dag("intercom_to_gcs", workspace, tmp_path)
    states = {file: file.read_text() for file in tmp_path.glob("_intercom_state/*")}
    for file in tmp_path.glob("contacts/**/*.json"):
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[:-3]))
    assert lake(tmp_path) != records(messages)

    airflow.run_dag("intercom_reconcile", workspace, tmp_path)
    loaded, expected = lake(tmp_path), records(messages)
    assert sorted(map(json.dumps, loaded["contacts"])) == sorted(map(json.dumps, expected["contacts"]))
    assert loaded == expected | {"contacts": loaded["contacts"]}
    assert states == {file: file.read_text() for file in tmp_path.glob("_intercom_state/*")}


def bookmark(file, stream):
    return json.loads(file.read_text())["bookmarks"][stream]
