"""What target-gcs wrote, as tables, in Spark.

    spark-submit examples/spark.py lake

For a bucket (gs://…) Spark takes Google's connector: --packages
com.google.cloud.bigdataoss:gcs-connector:hadoop3-2.2.26
"""

import sys

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F


def newest(spark, lake, stream, key="id", updated_at="updated_at"):
    """Of each record the newest version; year, month and day are columns."""
    loaded = spark.read.json(f"{lake}/{stream}").withColumn("file", F.input_file_name())
    # Epoch seconds; those of calls may also be ISO 8601 text, as Intercom sends them.
    text = F.col(updated_at).cast("string")
    time = F.coalesce(text.try_cast("double"), F.try_to_timestamp(text).cast("double"))
    latest = Window.partitionBy(key).orderBy(time.desc(), F.col("file").desc())
    return (
        loaded.withColumn("rank", F.row_number().over(latest))
        .where("rank = 1")
        .drop("rank", "file")
    )


if __name__ == "__main__":
    lake = sys.argv[1]
    spark = SparkSession.builder.appName("intercom").getOrCreate()
    conversations = newest(spark, lake, "conversations")
    parts = newest(spark, lake, "conversation_parts", updated_at="conversation_updated_at")
    calls = newest(spark, lake, "calls")

    print("calls:", calls.count())
    conversations.join(
        parts.groupBy("conversation_id").agg(F.count("*").alias("parts")),
        conversations.id == F.col("conversation_id"),
        "left",
    ).select(conversations.id, "state", F.coalesce("parts", F.lit(0)).alias("parts")).show()
