//! Streams of the content export. A job makes files of all kinds at once, so the kinds are read
//! along with the receipts.

use super::{Child, ChildSource, ExportJobs, ExportKind, ExportOf, Paging, Stream};
use crate::tap::records::exports;

/// Their rows, in the order of reading.
pub static STREAMS: &[Stream] = &[Stream {
    name: "export_receipts",
    key: &["receipt_id"],
    replication_key: Some("received_at"),
    selected_by_default: false,
    schema: exports::receipts,
    path: "/export/content/data",
    query: |_| None,
    api_version: None,
    for_each: None,
    records_at: "",
    paging: Paging::ExportJobs(ExportJobs {
        enqueue: "/export/content/data",
        status: "/export/content/data/{job}",
        download: "/download/content/data/{job}",
        bounds: ("created_at_after", "created_at_before"),
        of: ExportOf::Everything,
        most_jobs: 1,
        most_days: 90,
        kind: ExportKind::Named("receipt"),
    }),
    record_path: None,
    nested_lists: None,
    children: &[
        of_kind("export_opens", "open", exports::opens),
        of_kind("export_clicks", "click", exports::clicks),
        of_kind("export_replies", "reply", exports::replies),
        of_kind("export_answers", "answer", exports::answers),
        of_kind(
            "export_combined_answers",
            "answer_combined",
            exports::combined_answers,
        ),
        of_kind("export_completions", "completion", exports::completions),
        of_kind("export_dismissals", "dismissal", exports::dismissals),
        of_kind(
            "export_series_completions",
            "series_completion",
            exports::series_completions,
        ),
        of_kind(
            "export_series_disengagements",
            "series_disengagement",
            exports::series_disengagements,
        ),
        of_kind(
            "export_tour_step_views",
            "tour_step_view",
            exports::tour_step_views,
        ),
        of_kind("export_checkpoints", "checkpoint", exports::checkpoints),
        of_kind("export_overviews", "overview", exports::overviews),
        Child {
            name: "export_other",
            source: ChildSource::SameExport(ExportKind::Others { told_as: "kind" }),
            ..of_kind("", "", exports::others)
        },
    ],
}];

/// Its rows have nothing that tells them apart but all of what they say, so they have no key.
const fn of_kind(
    name: &'static str,
    kind: &'static str,
    schema: fn() -> serde_json::Value,
) -> Child {
    Child {
        name,
        key: &[],
        selected_by_default: false,
        schema,
        parent_key: None,
        parent_updated_at: None,
        source: ChildSource::SameExport(ExportKind::Named(kind)),
    }
}
