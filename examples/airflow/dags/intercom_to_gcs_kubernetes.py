"""The same as intercom_to_gcs, with each task in a pod of the project's container image.

It takes apache-airflow-providers-cncf-kubernetes, and in the pods' namespace a secret
`intercom` with the key `access_token`, and a service account that may write to the bucket (on GKE
by workload identity).
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from airflow.sdk import dag

IMAGE = "registry.example.com/intercom-singer:0.1.0"

STREAMS = [
    "admins",
    "teams",
    "tags",
    "contacts",
    "conversations",
    "calls",
    "articles",
    "collections",
]

# As process 1 of its container bash is sent SIGTERM alone, and by itself ignores it: the trap passes it
# on to both programs (-m gives them a process group of their own) and waits for what they store.
COMMAND = """
set -meuo pipefail
trap 'kill -TERM %% || :; wait; exit 143' TERM
target-gcs --read-state --stream "$STREAM" > state.json
tap-intercom --state state.json --stream "$STREAM" | target-gcs &
wait $!
"""


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
)
def intercom_to_gcs_kubernetes():
    KubernetesPodOperator.partial(
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
