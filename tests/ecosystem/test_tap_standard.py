"""The Meltano SDK's standard tests of taps. They take a Python class, so here is one that leaves
all of its work to tap-intercom and holds its answers out to them."""

import functools
import json
import sys

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.testing import get_tap_test_class

from conftest import environment, run

# Properties that no record of the simulated workspace happens to have.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records"),
    pytest.mark.filterwarnings("ignore:No records were available to test"),
]

# The address is known when the workspace runs; discovery needs none.
SETTINGS = {"access_token": "of the workspace"}


@functools.cache
def about():
    return json.loads(run("tap-intercom", "--about", "--format=json").stdout)


@functools.cache
def catalog():
    return json.loads(run("tap-intercom", "--discover").stdout)


def is_default(entry):
    [about_stream] = [each["metadata"] for each in entry["metadata"] if not each["breadcrumb"]]
    return about_stream["selected-by-default"]


class DiscoveredStream(Stream):
    """A stream as the catalog describes it."""

    def __init__(self, tap, entry):
        super().__init__(tap, schema=entry["schema"], name=entry["tap_stream_id"])
        self.primary_keys = entry["key_properties"]
        self.replication_key = entry.get("replication_key")

    def get_records(self, context):
        raise AssertionError("records come from the program's own output")


class TapIntercom(Tap):
    """tap-intercom behind the interface that the tests know."""

    name = "tap-intercom"
    config_jsonschema = about()["settings"]

    def discover_streams(self):
        # Those that are read when nobody chooses: the simulated workspace has records of them.
        entries = [entry for entry in catalog()["streams"] if is_default(entry)]
        return [DiscoveredStream(self, entry) for entry in entries]

    @property
    def catalog_dict(self):
        return catalog()

    def execute(self, *arguments):
        variables = environment("TAP_INTERCOM", self.config)
        return run("tap-intercom", *arguments, **variables).stdout.decode()

    def run_discovery(self):
        return self.execute("--discover")

    def run_connection_test(self):
        self.execute("--test")
        return True

    def run_sync_dry_run(self, dry_run_record_limit=None, streams=None):
        sys.stdout.write(self.execute())
        return True

    @classmethod
    def print_version(cls, *arguments, **options):
        run("tap-intercom", "--version")

    @classmethod
    def print_about(cls, output_format="text", **options):
        run("tap-intercom", "--about", "--format", output_format)


@pytest.fixture(scope="module", autouse=True)
def settings(workspace):
    SETTINGS.update(workspace)


class TestTapIntercom(get_tap_test_class(TapIntercom, config=SETTINGS)):
    pass
