//! Streams of the reporting export: the rows that Intercom's own reports are made of, a dataset each.
//! Workspaces may have datasets that this table doesn't know: their rows are added to it at start.

use std::sync::OnceLock;

use super::{ExportJobs, ExportKind, ExportOf, Paging, Stream};
use crate::tap::records::reports;

/// What the names of all of them begin with.
const PREFIX: &str = "report_";
/// Path of the list of datasets and of their attributes.
pub const DATASETS: &str = "/export/reporting_data/get_datasets";

/// Rows for datasets that the table doesn't know.
static ADDED: OnceLock<Vec<Stream>> = OnceLock::new();

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
        api_version: None,
        for_each: None,
        records_at: "",
        paging: Paging::ExportJobs(ExportJobs {
            enqueue: "/export/reporting_data/enqueue",
            status: "/export/reporting_data/{job}",
            download: "/download/reporting_data/{job}",
            bounds: ("start_time", "end_time"),
            of: ExportOf::Dataset {
                id: dataset,
                listed_at: DATASETS,
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

/// The name of a dataset's stream: its identifier in snake case.
#[must_use]
pub fn stream_of_dataset(id: &str) -> String {
    let mut name = PREFIX.to_owned();
    let mut is_after_small = false;
    for character in id.chars() {
        if character.is_ascii_uppercase() && is_after_small {
            name.push('_');
        }
        let is_kept = character.is_ascii_alphanumeric();
        name.push(if is_kept {
            character.to_ascii_lowercase()
        } else {
            '_'
        });
        is_after_small = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    name
}

/// Adds rows for those of these streams that are of datasets and that the table doesn't know. Once in a
/// process, before anything looks at the table.
pub fn add_datasets<'a>(names: impl IntoIterator<Item = &'a str>) {
    let mut added: Vec<Stream> = Vec::new();
    for name in names {
        let is_known = |stream: &Stream| stream.name == name;
        if let Some(id) = name.strip_prefix(PREFIX)
            && !id.is_empty()
            && !STREAMS.iter().chain(&added).any(is_known)
        {
            // A row of the table is there for as long as the process is, and so is what it says.
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            added.push(of_dataset(name, &name[PREFIX.len()..], || {
                reports::rows_of("Rows of a dataset that the workspace has.")
            }));
        }
    }
    let _ = ADDED.set(added);
}

/// The rows that were added.
pub fn added() -> &'static [Stream] {
    ADDED.get().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_called_as_their_datasets_in_snake_case() {
        for (id, name) in [
            ("call", "report_call"),
            ("SlaStatus-log 2", "report_sla_status_log_2"),
            ("é", "report__"),
        ] {
            assert_eq!(stream_of_dataset(id), name);
        }
        for stream in STREAMS {
            let Paging::ExportJobs(jobs) = stream.paging else {
                panic!("{} isn't exported", stream.name);
            };
            let ExportOf::Dataset { id, .. } = jobs.of else {
                panic!("{} isn't of a dataset", stream.name);
            };
            assert_eq!(stream_of_dataset(id), stream.name);
        }
    }
}
