"""What target-gcs wrote, as tables, in Spark.

    spark-submit examples/spark.py lake

For a bucket (gs://…) Spark takes Google's connector: --packages
com.google.cloud.bigdataoss:gcs-connector:hadoop3-2.2.26
"""

import sys

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F


def seconds(column):
    """Epoch seconds of a time, which may also be ISO 8601 text, as Intercom sends those of calls."""
    text = F.col(column).cast("string")
    return F.coalesce(text.try_cast("double"), F.try_to_timestamp(text).cast("double"))


class Lake:
    """A destination of target-gcs."""

    def __init__(self, spark, place):
        self.spark = spark
        self.place = place
        self.deleted = self.find_deleted().cache()

    def loaded(self, stream, columns):
        """Every version of every record; year, month and day are columns. These columns there are,
        whether a record has them, or the stream any file, or not."""
        try:
            loaded = self.spark.read.json(f"{self.place}/{stream}")
        except AnalysisException as missing:
            if "PATH_NOT_FOUND" not in str(missing):
                raise
            loaded = self.spark.createDataFrame([], "id string")
        loaded = loaded.withColumn("file", F.input_file_name())
        for column in columns:
            if column not in loaded.columns:
                loaded = loaded.withColumn(column, F.lit(None).cast("string"))
        return loaded

    def find_deleted(self):
        """What is gone from the workspace, and since when: what changed later than that has come
        back. Audits tell it, and Intercom does: of conversations (for good), of contacts (those merged
        into others among them)."""
        found = self.loaded("deletions", ["stream", "id", "found_at"])
        activities = self.loaded(
            "contact_activities", ["event_type", "contact_id", "merge_source_id", "created_at"]
        )
        is_deletion = F.col("event_type") == "contact.deleted"
        told = [
            found.select("stream", "id", seconds("found_at").alias("found_at")),
            self.loaded("deleted_conversations", ["id"]).select(
                F.lit("conversations"), "id", F.lit(None).cast("double")
            ),
            activities.where(is_deletion | (F.col("event_type") == "contact.merged")).select(
                F.lit("contacts"),
                F.when(is_deletion, F.col("contact_id")).otherwise(F.col("merge_source_id")),
                seconds("created_at"),
            ),
            self.loaded("contact_merges", ["source_contact_id", "merged_at"]).select(
                F.lit("contacts"), "source_contact_id", seconds("merged_at")
            ),
        ]
        all_told = told[0]
        for some in told[1:]:
            all_told = all_told.union(some)
        return all_told.groupBy(F.col("stream"), F.col("id").cast("string").alias("gone_id")).agg(
            F.max(F.coalesce("found_at", F.lit(float("inf")))).alias("found_at")
        )

    def without_deleted(self, rows, stream, key, updated_at):
        """Those that aren't known to be gone, or changed later than that."""
        gone = self.deleted.where(F.col("stream") == stream).drop("stream")
        is_gone = (F.col(key).cast("string") == F.col("gone_id")) & F.coalesce(
            F.col("found_at") >= seconds(updated_at), F.lit(True)
        )
        return rows.join(gone, is_gone, "left_anti")

    def newest(self, stream, key="id", updated_at="updated_at"):
        """Of each record the newest version, unless it is gone."""
        loaded = self.loaded(stream, [key, updated_at])
        latest = Window.partitionBy(key).orderBy(seconds(updated_at).desc(), F.col("file").desc())
        return (
            self.without_deleted(loaded, stream, key, updated_at)
            .withColumn("rank", F.row_number().over(latest))
            .where("rank = 1")
            .drop("rank", "file")
        )

    def newest_of(self, parent, parent_key, stream, updated_at, key="id"):
        """The same of what belongs to records of another stream: it goes and comes back with them."""
        rows = self.newest(stream, key, updated_at)
        kept = self.without_deleted(rows, parent, parent_key, updated_at)
        there = self.newest(parent).select(F.col("id").cast("string").alias("parent"))
        back = rows.join(there, F.col(parent_key).cast("string") == F.col("parent"), "left_semi")
        return kept.unionByName(back).dropDuplicates([key])


if __name__ == "__main__":
    spark = SparkSession.builder.appName("intercom").getOrCreate()
    lake = Lake(spark, sys.argv[1])
    contacts = lake.newest("contacts")
    conversations = lake.newest("conversations")
    parts = lake.newest_of(
        "conversations", "conversation_id", "conversation_parts", "conversation_updated_at"
    )
    calls = lake.newest("calls")

    print("contacts:", contacts.count())
    print("calls:", calls.count())
    conversations.join(
        parts.groupBy("conversation_id").agg(F.count("*").alias("parts")),
        conversations.id == F.col("conversation_id"),
        "left",
    ).select(conversations.id, "state", F.coalesce("parts", F.lit(0)).alias("parts")).show()
