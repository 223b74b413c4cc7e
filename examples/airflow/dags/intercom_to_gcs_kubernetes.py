"""The same as intercom_to_gcs, with each task in a pod of the project's container image.

It takes apache-airflow-providers-cncf-kubernetes, and in the pods' namespace a secret
`intercom` with the key `access_token`, and a service account that may write to the bucket (on GKE
by workload identity).
"""

import pathlib
import sys
from datetime import datetime, timedelta, timezone

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

# Not all of Airflow's commands look beside a DAG for what it imports.
sys.path.append(str(pathlib.Path(__file__).parent))

from intercom_common import LAKE, STREAMS, TAGS, WRONG_USAGE, tell  # noqa: E402

IMAGE = "registry.example.com/intercom-singer:0.1.0"

# As process 1 of its container bash is sent SIGTERM alone, and by itself ignores it: the trap passes it
# on to both programs (-m gives them a process group of their own) and waits for what they store.
COMMAND = """
set -meuo pipefail
trap 'kill -TERM %% || :; wait; exit 143' TERM
target-gcs --read-state --stream "$STREAM" > state.json
tap-intercom --state state.json --stream "$STREAM" | target-gcs &
wait $!
"""


class Pod(KubernetesPodOperator):
    """Runs a pod, which isn't tried again where its arguments or its settings are wrong."""

    def __init__(self, **options):
        super().__init__(skip_on_exit_code=WRONG_USAGE, **options)

    def execute(self, context):
        try:
            return super().execute(context)
        except AirflowSkipException as wrong:
            raise AirflowFailException("wrong settings or state; the log says which") from wrong


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    tags=TAGS,
    default_args={"on_failure_callback": tell},
)
def intercom_to_gcs_kubernetes():
    Pod.partial(
        task_id="load",
        image=IMAGE,
        namespace="data",
        service_account_name="intercom-to-gcs",
        secrets=[Secret("env", "TAP_INTERCOM_ACCESS_TOKEN", "intercom", "access_token")],
        # A pod that is evicted is sent SIGTERM, and COMMAND passes it on: both programs end within ten
        # seconds, with what the last STATE covers stored.
        termination_grace_period=60,
        cmds=["bash", "-c", COMMAND],
        pool="intercom",
        outlets=[LAKE],
        retries=3,
        retry_delay=timedelta(minutes=1),
        map_index_template="{{ task.env_vars.STREAM }}",
    ).expand(
        env_vars=[
            {
                "STREAM": stream,
                "TARGET_GCS_DESTINATION": "gs://intercom-api-{env}",
                "TARGET_GCS_ENVIRONMENT": "production",
            }
            for stream in STREAMS
        ]
    )


intercom_to_gcs_kubernetes()
