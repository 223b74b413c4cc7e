"""Loads Intercom into the data lake: what changed every hour, and years of history once. Every week the
lake is compared with the workspace.

The two programs are on the workers' path. The token is the password of the connection `intercom`; the
rest comes from the workers' environment:

    TARGET_GCS_DESTINATION       gs://intercom-api-{env}
    TARGET_GCS_ENVIRONMENT       production

The pool shares the workspace's API limit among the tasks: `airflow pools set intercom 3 Intercom`.
"""

import pathlib
import sys
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Connection, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

# Not all of Airflow's commands look beside a DAG for what it imports.
sys.path.append(str(pathlib.Path(__file__).parent))

from intercom_common import LAKE, STREAMS, TAGS, WRONG_USAGE, tell  # noqa: E402

# State comes from the bucket and goes there with the data it covers, never through Airflow: a retry
# goes on where the failed try was, on any worker, and repeats nothing that was stored. Without
# `pipefail` a tap that fails would pass for one that had nothing more to say. The working directory
# is the try's own.
COMMAND = """
set -euo pipefail
target-gcs --read-state --stream "$STREAM" > state.json
tap-intercom --state state.json --stream "$STREAM" | target-gcs
"""

# The states of the slices and the one that the hourly runs go on from become that one.
MERGE = """
set -euo pipefail
target-gcs --read-state --stream "$STREAM" > ordinary.json
number=0
for template in $TEMPLATES; do
  number=$((number + 1))
  TARGET_GCS_STATE_PATH_TEMPLATE="$template" \
    target-gcs --read-state --stream "$STREAM" > "slice-$number.json"
done
tap-intercom --merge-states ordinary.json slice-*.json | target-gcs --write-state -
"""

# What the lake lacks or has too much of is mended; then it must equal the workspace as of the same state.
# A program that fails ends the task, as does an audit that still finds a difference (3).
RECONCILE = """
set -euo pipefail
target-gcs --read-state > state.json
target-gcs --read-keys | tap-intercom --state state.json --audit - --repair | target-gcs
target-gcs --read-keys | tap-intercom --state state.json --audit -
"""


class Command(BashOperator):
    """Runs a command with the token, not again where its arguments or its settings are wrong."""

    def __init__(self, **options):
        super().__init__(skip_on_exit_code=WRONG_USAGE, **options)

    def execute(self, context):
        # Here, so that it stands in no rendered template.
        token = Connection.get("intercom").password
        self.env = (self.env or {}) | {"TAP_INTERCOM_ACCESS_TOKEN": token}
        try:
            return super().execute(context)
        except AirflowSkipException as wrong:
            raise AirflowFailException("wrong settings or state; the log says which") from wrong


LOAD = {
    "task_id": "load",
    "bash_command": COMMAND,
    "append_env": True,
    "outlets": [LAKE],
    "do_xcom_push": False,
    "pool": "intercom",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2,
    "execution_timeout": timedelta(hours=6),
}


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    # Each run goes on from the state: what an earlier one missed is in the next.
    catchup=False,
    # Two runs at once would read the same, and the second one to finish would fail.
    max_active_runs=1,
    tags=TAGS,
    default_args={"on_failure_callback": tell},
)
def intercom_to_gcs():
    Command.partial(**LOAD, map_index_template="{{ task.env.STREAM }}").expand(
        env=[{"STREAM": stream} for stream in STREAMS]
    )


@dag(
    schedule=None,
    max_active_runs=1,
    tags=TAGS,
    default_args={"on_failure_callback": tell},
    params={
        "start_date": Param("2020-01-01", type="string", format="date"),
        "end_date": Param("2026-01-01", type="string", format="date"),
        "slices": Param(6, type="integer", minimum=1),
        "streams": Param(["contacts", "conversations"], type="array"),
    },
)
def intercom_backfill():
    """Loads what was last updated from `start_date` to before `end_date`, in slices side by side.

    Give the hourly DAG's workers TAP_INTERCOM_START_DATE = `end_date`, so that it begins where this
    ends. Each slice of each stream keeps a state of its own, apart from the hourly one's, until all
    are loaded: then one task a stream merges them into that, with what they still await. Calls and
    articles are lists that can't be asked for by date; a slice of them reads down to its start.
    """

    @task
    def slices():
        params = get_current_context()["params"]
        start = datetime.fromisoformat(params["start_date"])
        end = datetime.fromisoformat(params["end_date"])
        count = params["slices"]
        bounds = [start + (end - start) * number / count for number in range(count + 1)]
        bounds = [bound.strftime("%Y-%m-%dT%H:%M:%SZ") for bound in bounds]
        return [
            {
                "STREAM": stream,
                "TAP_INTERCOM_START_DATE": since,
                "TAP_INTERCOM_END_DATE": until,
                "TARGET_GCS_STATE_PATH_TEMPLATE": f"_intercom_backfill/{since}/{{stream}}.json",
            }
            for stream in params["streams"]
            for since, until in zip(bounds, bounds[1:])
        ]

    @task
    def merges(slices):
        templates = {}
        for env in slices:
            of_stream = templates.setdefault(env["STREAM"], [])
            of_stream.append(env["TARGET_GCS_STATE_PATH_TEMPLATE"])
        return [
            {"STREAM": stream, "TEMPLATES": " ".join(of_stream)}
            for stream, of_stream in templates.items()
        ]

    envs = slices()
    load = Command.partial(
        **LOAD,
        map_index_template="{{ task.env.STREAM }} from {{ task.env.TAP_INTERCOM_START_DATE }}",
    ).expand(env=envs)
    merge = Command.partial(
        **LOAD | {"task_id": "merge", "bash_command": MERGE},
        map_index_template="{{ task.env.STREAM }}",
    ).expand(env=merges(envs))
    load >> merge


@dag(
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    tags=TAGS,
    default_args={"on_failure_callback": tell},
)
def intercom_reconcile():
    """Compares the lake with the workspace, mends what differs, and makes sure that nothing is left."""
    # All slots of the pool: nothing else loads meanwhile.
    changes = {"task_id": "reconcile", "bash_command": RECONCILE, "pool_slots": 3, "retries": 1}
    Command(**LOAD | changes)


intercom_to_gcs()
intercom_reconcile()
intercom_backfill()
