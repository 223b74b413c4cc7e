"""target-gcs into a Google Cloud Storage that someone else wrote, read by Google's own client."""

import json
import logging

import pytest
from gcp_storage_emulator.server import create_server
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from conftest import records, run, tap


@pytest.fixture(scope="module")
def emulator():
    logging.getLogger("gcp_storage_emulator").setLevel(logging.WARNING)
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="intercom-api-test")
    server.start()
    # It has no public way to tell which free port it took.
    host, port = server._api._httpd.server_address
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(emulator):
    client = storage.Client(
        project="test",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator},
    )
    bucket = client.bucket("intercom-api-test")
    yield bucket
    for blob in bucket.list_blobs():
        blob.delete()


@pytest.fixture
def target(emulator):
    def load(*arguments, **options):
        return run(
            "target-gcs",
            *arguments,
            TARGET_GCS_DESTINATION="gs://intercom-api-{env}",
            TARGET_GCS_ENVIRONMENT="test",
            STORAGE_EMULATOR_HOST=emulator,
            **options,
        )

    return load


def stored(bucket):
    """The records of every data object, by stream."""
    by_stream = {}
    for blob in bucket.list_blobs():
        stream = blob.name.split("/")[0]
        if stream != "_intercom_state":
            lines = blob.download_as_bytes().splitlines()
            by_stream.setdefault(stream, []).extend(json.loads(line) for line in lines)
    return by_stream


def test_every_record_arrives_in_its_stream_s_objects(target, bucket, messages):
    target(stdin=messages)
    assert stored(bucket) == records(messages)


def test_objects_are_partitioned_by_date(target, bucket, messages):
    target(stdin=messages)
    names = [blob.name for blob in bucket.list_blobs(prefix="contacts/")]
    assert len(names) == 1
    stream, year, month, day, file = names[0].split("/")
    date = f"{year.removeprefix('year=')}{month.removeprefix('month=')}{day.removeprefix('day=')}"
    assert file.startswith(f"contacts_{date}T")


def test_each_incremental_stream_has_a_state_object(target, bucket, messages):
    target(stdin=messages)
    names = {blob.name for blob in bucket.list_blobs(prefix="_intercom_state/")}
    assert names == {
        f"_intercom_state/{stream}_state.json"
        for stream in ("contacts", "conversations", "calls", "articles")
    }


def test_the_second_run_goes_on_from_the_stored_state(
    target, bucket, workspace, messages, tmp_path
):
    target(stdin=messages)
    state = tmp_path / "state.json"
    state.write_bytes(target("--read-state").stdout)
    again = tap(workspace, "--state", str(state)).stdout
    assert set(records(again)) == {"admins", "teams", "tags", "collections"}
    target(stdin=again)
    assert len(stored(bucket)["contacts"]) == len(records(messages)["contacts"])


def test_objects_compressed_with_gzip_are_read_by_google_s_client(target, bucket, messages):
    target(stdin=messages, TARGET_GCS_COMPRESSION="gzip")
    blobs = [blob for blob in bucket.list_blobs(prefix="contacts/")]
    assert [blob.name.endswith(".json.gz") for blob in blobs] == [True]


def test_a_record_larger_than_a_chunk_arrives_whole(target, bucket):
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    lines = [{"type": "SCHEMA", "stream": "large", "schema": schema, "key_properties": ["id"]}]
    lines += [
        {"type": "RECORD", "stream": "large", "record": {"id": str(number), "text": "x" * 10**7}}
        for number in range(3)
    ]
    target(stdin="\n".join(json.dumps(line) for line in lines).encode())
    assert stored(bucket)["large"] == [line["record"] for line in lines[1:]]
