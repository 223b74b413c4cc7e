"""The example project under Meltano."""

import json
import os
import shutil

import pytest
import yaml

from conftest import ROOT, commands, environment, in_environment, lake, records, run

STATE_ID = "dev:tap-intercom-to-target-gcs"
FULL_TABLES = {"admins", "teams", "tags", "collections"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("meltano") / "project"
    shutil.copytree(ROOT / "examples" / "meltano", directory)
    return directory


@pytest.fixture(scope="module")
def meltano(project, workspace):
    def meltano(*arguments, code=0, **options):
        path = f"{in_environment('meltano', 'meltano').parent}{os.pathsep}{os.environ['PATH']}"
        options = {"NO_COLOR": "1", "PATH": path} | options
        options = environment("TAP_INTERCOM", workspace) | options
        return run(
            in_environment("meltano", "meltano"), *arguments, code=code, cwd=project, **options
        )

    return meltano


@pytest.fixture(scope="module")
def first_run(meltano, project):
    meltano("run", "intercom-to-gcs")
    return lake(project / "output")


@pytest.fixture(scope="module")
def second_run(first_run, meltano, project):
    done = meltano("--log-format=json", "run", "tap-intercom", "target-gcs")
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith(b"{")]
    return lake(project / "output"), lines


@pytest.mark.parametrize("plugin", ["tap-intercom", "target-gcs"])
def test_the_definition_is_what_the_program_says_of_itself(plugin):
    about = json.loads(run(plugin, "--about", "--format=json").stdout)
    plugins = yaml.safe_load((ROOT / "examples" / "meltano" / "meltano.yml").read_text())["plugins"]
    [defined] = [entry for kind in plugins.values() for entry in kind if entry["name"] == plugin]
    assert defined["capabilities"] == about["capabilities"]
    assert defined["settings_group_validation"] == [about["settings"]["required"]]

    properties = about["settings"]["properties"]
    assert [setting["name"] for setting in defined["settings"]] == list(properties)
    for setting in defined["settings"]:
        name, schema = setting["name"], properties[setting["name"]]
        assert setting["kind"] == kind_of(name, schema), name
        assert setting.get("sensitive", False) == schema.get("secret", False), name
        assert setting.get("value", {}) == schema.get("default", {}), name
        assert setting["description"] == " ".join(schema["description"].split()), name
        options = [option["value"] for option in setting.get("options", [])]
        assert options == schema.get("enum", []), name


def kind_of(name, schema):
    if schema.get("secret"):
        return "password"
    if "enum" in schema:
        return "options"
    if name.endswith("_date"):
        return "date_iso8601"
    if name.endswith("_file"):
        return "file"
    return schema["type"]


def test_the_first_run_stores_everything(first_run, messages):
    counts = {stream: len(rows) for stream, rows in first_run.items()}
    assert counts == {stream: len(rows) for stream, rows in records(messages).items()}


def test_deselected_properties_are_left_out(first_run, messages):
    def without(row, *path):
        *above, last = path
        for key in above:
            row = row.get(key) or {}
        row.pop(last, None)

    expected = records(messages)["conversations"]
    for row in expected:
        without(row, "source", "author", "email")
    assert first_run["conversations"] == expected
    assert not any({"phone", "location"} & row.keys() for row in first_run["contacts"])


def test_the_second_run_reads_what_changed(first_run, second_run):
    twice, _ = second_run
    for stream, rows in first_run.items():
        times = 2 if stream in FULL_TABLES else 1
        assert len(twice[stream]) == times * len(rows), stream


def test_meltano_s_state_is_the_one_beside_the_data(second_run, meltano, project):
    stored = json.loads(meltano("state", "get", STATE_ID).stdout)["singer_state"]
    beside = run("target-gcs", "--read-state", TARGET_GCS_DESTINATION="output", cwd=project)
    assert stored["bookmarks"].keys() == {"contacts", "conversations", "calls", "articles"}
    assert stored == json.loads(beside.stdout)


def test_plugins_log_as_meltano_asks(second_run):
    _, lines = second_run
    metrics = [line for line in lines if line["event"].startswith("METRIC ")]
    counted = [line["metric_info"] for line in metrics if line["name"] == "tap-intercom"]
    assert {
        "type": "counter",
        "metric": "record_count",
        "value": 6,
        "tags": {"stream": "admins"},
    } in counted
    summary = [line for line in lines if line["event"].startswith("admins: 6 records")]
    assert [(line["name"], line["level"]) for line in summary] == [("tap-intercom", "info")]


def test_plugins_log_at_meltano_s_level(workspace, tmp_path):
    config = tmp_path / "logging.json"
    config.write_text(json.dumps({"root": {"level": "WARNING"}}))
    done = run(
        "tap-intercom",
        SINGER_SDK_LOG_CONFIG=str(config),
        **environment("TAP_INTERCOM", workspace),
    )
    assert done.stderr == b""


def test_select_lists_what_is_left_out(meltano):
    listed = meltano("select", "tap-intercom", "--list", "--all").stdout.decode()
    marks = {line.split("]")[1].strip(): line for line in listed.splitlines() if "]" in line}
    assert "automatic" in marks["contacts.id"]
    assert "excluded" in marks["contacts.phone"]
    assert "excluded" in marks["conversations.source.author.email"]
    assert "selected" in marks["conversations.source.author.name"]


def test_config_test_tells_a_good_token_from_a_bad_one(meltano):
    assert b"Plugin configuration is valid" in meltano("config", "test", "tap-intercom").stdout
    bad = meltano("config", "test", "tap-intercom", code=1, TAP_INTERCOM_ACCESS_TOKEN="revoked")
    assert b"Access Token Invalid" in bad.stdout + bad.stderr


def test_a_failed_run_fails_and_keeps_the_state(second_run, meltano):
    before = meltano("state", "get", STATE_ID).stdout
    failed = meltano(
        "run", "tap-intercom", "target-gcs", code=1, TAP_INTERCOM_ACCESS_TOKEN="revoked"
    )
    assert b"Extractor failed" in failed.stdout + failed.stderr
    assert meltano("state", "get", STATE_ID).stdout == before


def test_a_lost_state_comes_back_from_beside_the_data(second_run, meltano, project):
    before = json.loads(meltano("state", "get", STATE_ID).stdout)
    meltano("state", "clear", "--force", STATE_ID)
    beside = run("target-gcs", "--read-state", TARGET_GCS_DESTINATION="output", cwd=project).stdout
    file = project / "state.json"
    file.write_bytes(b'{"singer_state": ' + beside + b"}")
    meltano("state", "set", "--force", "--input-file", str(file), STATE_ID)
    assert json.loads(meltano("state", "get", STATE_ID).stdout) == before


def test_the_schedules_run_the_jobs(meltano):
    schedules = json.loads(meltano("schedule", "list", "--format=json").stdout)["schedules"]["job"]
    assert {schedule["name"]: schedule["job"]["tasks"] for schedule in schedules} == {
        "intercom-hourly": ["tap-intercom target-gcs"],
        "intercom-weekly": ["reconcile:lake"],
    }


def test_the_console_says_of_what_a_metric_is(first_run, meltano):
    done = meltano("run", "tap-intercom", "target-gcs")
    lines = [" ".join(line.split()) for line in done.stderr.decode().splitlines()]
    admins = "tap-intercom METRIC admins metric_name=record_count metric_value=6"
    assert any(line.endswith(admins) for line in lines), lines


def test_the_weekly_job_mends_what_the_lake_lost(second_run, meltano, project):
    """A whole stream, some lines of another, and none of what is there."""
    output = project / "output"
    before = lake(output)
    shutil.rmtree(output / "contacts")
    file = min(output.glob("articles/**/*.json"))
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-7]))
    state = meltano("state", "get", STATE_ID).stdout
    done = meltano("run", "intercom-reconcile")
    assert b"Run completed" in done.stderr
    after = lake(output)
    assert before.keys() == after.keys()
    for stream, rows in before.items():
        assert sorted(map(json.dumps, after[stream])) == sorted(map(json.dumps, rows)), stream
    assert meltano("state", "get", STATE_ID).stdout == state


def test_the_weekly_job_fails_where_the_repair_does_not_help(second_run, meltano, project):
    """The target's files are taken away behind its back, before the second look."""
    script = project / "reconcile.sh"
    whole = script.read_text()
    mending = 'audit --repair | target > "$folder/states.jsonl"\n'
    assert mending in whole
    output = project / "output"
    kept = project / "kept"
    shutil.copytree(output, kept)
    try:
        script.write_text(whole.replace(mending, mending + "rm -r output/articles\n"))
        done = meltano("run", "intercom-reconcile", code=1)
        assert b"the lake isn't what the workspace was" in done.stdout + done.stderr
    finally:
        script.write_text(whole)
        shutil.rmtree(output)
        kept.rename(output)


@pytest.fixture(scope="module")
def own_project(tmp_path_factory, workspace):
    """A project that knows of nothing, to which both programs are added."""
    directory = tmp_path_factory.mktemp("own") / "project"
    directory.mkdir()
    (directory / "meltano.yml").write_text(
        "project_id: own-example\nsend_anonymous_usage_stats: false\n"
        "default_environment: dev\nenvironments:\n  - name: dev\n"
    )

    def meltano(*arguments, **options):
        options |= environment("TAP_INTERCOM", workspace) | {"NO_COLOR": "1"}
        return run(in_environment("meltano", "meltano"), *arguments, cwd=directory, **options)

    for kind, plugin in [("extractor", "tap-intercom"), ("loader", "target-gcs")]:
        definition = ROOT / "examples" / "meltano" / f"{plugin}.yml"
        meltano("add", "--plugin-type", kind, "--from-ref", str(definition), plugin)
    return directory, meltano


def test_a_project_takes_both_programs_from_their_definitions(own_project, messages):
    directory, meltano = own_project
    meltano("run", "tap-intercom", "target-gcs")
    counts = {stream: len(rows) for stream, rows in lake(directory / "output").items()}
    assert counts == {stream: len(rows) for stream, rows in records(messages).items()}


def test_config_test_tries_the_target(own_project):
    directory, meltano = own_project
    # Meltano 4.4.1 means to stop what has ended by itself, with any loader, and fails on that.
    done = meltano("config", "test", "target-gcs", code=(0, 1))
    assert b"Test data was written to your target system" in done.stderr
    if done.returncode == 1:
        assert b"ProcessLookupError" in done.stderr
    [row] = lake(directory / "output")["meltano_test_stream"]
    assert row["name"] == "Meltano Test Record"


# What the README says and isn't run here.
NOT_RUN = {
    "pip install meltano": "this environment has it",
    "meltano config set meltano state_backend.uri gs://intercom-api-prod/meltano-state": "a bucket",
}


def test_the_readme_s_commands_run_as_they_stand(meltano, project, workspace, first_run):
    blocks = commands(ROOT / "examples" / "meltano" / "README.md")
    assert set(NOT_RUN) <= set(blocks)
    binaries = in_environment("meltano", "meltano").parent
    for block in blocks:
        if block not in NOT_RUN:
            run(
                "bash", "-euo", "pipefail", "-c", block,
                cwd=project,
                **environment("TAP_INTERCOM", workspace)
                | {"PATH": f"{binaries}:{os.environ['PATH']}"},
            )  # fmt: skip
