"""What the pipelines of this folder share."""

import logging

from airflow.sdk import Asset

# One task each. `conversations` brings conversation_parts along, `calls` call_transcriptions.
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

# Pipelines that work on what is loaded are scheduled by it: `schedule=[LAKE]`.
LAKE = Asset("intercom_lake")

TAGS = ["intercom"]

# Wrong settings, or a wrong state, are as wrong an hour later.
WRONG_USAGE = 2


def tell(context):
    """Fill in who is to know: a channel, a pager. Airflow calls it once the last try has failed."""
    logging.getLogger(__name__).error("%s has failed", context["task_instance"])
