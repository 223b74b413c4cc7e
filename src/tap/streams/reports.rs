//! Streams of the reporting export: the rows that Intercom's own reports are made of, a dataset each.

use super::{ExportJobs, ExportKind, ExportOf, Paging, Stream};
use crate::tap::records::reports;

/// Their rows, in the order of reading.
pub static STREAMS: &[Stream] = &[
    of_dataset("report_admin_status_change", "admin_status_change", || {
        reports::rows_of("When teammates went away, and when they came back.")
    }),
    of_dataset("report_call", "call", || reports::rows_of("Calls.")),
    of_dataset("report_call_team_stats", "call_team_stats", || {
        reports::rows_of("How calls went, by team.")
    }),
    of_dataset("report_call_teammate_stats", "call_teammate_stats", || {
        reports::rows_of("How calls went, by teammate.")
    }),
    of_dataset(
        "report_consolidated_conversation_part",
        "consolidated_conversation_part",
        || reports::rows_of("What happened in conversations, part by part."),
    ),
    of_dataset("report_conversation", "conversation", || {
        reports::rows_of("Conversations, with the times and counts that reports are made of.")
    }),
    of_dataset(
        "report_conversation_rating_sent",
        "conversation_rating_sent",
        || reports::rows_of("Requests to rate a conversation."),
    ),
    of_dataset(
        "report_conversation_sla_status_log",
        "conversation_sla_status_log",
        || reports::rows_of("How conversations kept their service levels, change by change."),
    ),
    of_dataset("report_conversation_state", "conversation_state", || {
        reports::rows_of("How long conversations were in each state.")
    }),
    of_dataset(
        "report_copilot_prompt_response_pair",
        "copilot_prompt_response_pair",
        || reports::rows_of("What teammates asked Copilot, and its answers."),
    ),
    of_dataset(
        "report_teammate_handling_conversation",
        "teammate_handling_conversation",
        || reports::rows_of("How long teammates handled conversations."),
    ),
    of_dataset(
        "report_ticket_time_in_state",
        "ticket_time_in_state",
        || reports::rows_of("How long tickets were in each state."),
    ),
    of_dataset("report_tickets_report", "tickets_report", || {
        reports::rows_of("Tickets, with the times and counts that reports are made of.")
    }),
];

/// Nothing that every workspace has tells the rows of a dataset apart, so they have no key.
const fn of_dataset(
    name: &'static str,
    dataset: &'static str,
    schema: fn() -> serde_json::Value,
) -> Stream {
    Stream {
        name,
        key: &[],
        replication_key: None,
        selected_by_default: false,
        schema,
        path: "/export/reporting_data/enqueue",
        query: |_| None,
        for_each: None,
        records_at: "",
        paging: Paging::ExportJobs(ExportJobs {
            enqueue: "/export/reporting_data/enqueue",
            status: "/export/reporting_data/{job}",
            download: "/download/reporting_data/{job}",
            bounds: ("start_time", "end_time"),
            of: ExportOf::Dataset {
                id: dataset,
                listed_at: "/export/reporting_data/get_datasets",
            },
            most_jobs: 5,
            most_days: 90,
            kind: ExportKind::Rows,
        }),
        record_path: None,
        nested_lists: None,
        children: &[],
    }
}
