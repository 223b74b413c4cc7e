//! The order of the house, and what is excepted from its rules: each with its reason.

/// The floors of the house from the ground up: a room uses what is on its own floor or below. `::*`
/// is a room with all that is inside.
pub const FLOORS: &[&[&str]] = &[
    &["json::*", "schema::document"],
    &["cli::*"],
    &["http::*"],
    &["schema::*"],
    &["singer::*"],
    // The tap.
    &["tap::time", "tap::fault"],
    &["tap::config", "tap::arguments"],
    &["tap::records::*"],
    &["tap::streams::*"],
    &["tap::exclusions", "tap::api::*"],
    &["tap::plan"],
    &["tap::read::*"],
    &["tap::along::*"],
    &["tap::emit::*"],
    &[
        "tap::discovery",
        "tap::probe",
        "tap::merge",
        "tap::audit::*",
    ],
    &["tap::dry_run::*"],
    &["tap::run"],
    // The target.
    &[
        "target::claim",
        "target::destination",
        "target::object_name",
        "target::record",
        "target::admission",
        "target::quarantine",
        "target::side_by_side",
        "target::state_name",
        "target::storable",
        "target::tally",
        "target::versions",
        "target::stream_in_name",
    ],
    &["target::config", "target::arguments", "target::bookmark"],
    &["target::data_name"],
    &["target::store::*"],
    &["target::lake"],
    &["target::keys::*"],
    &["target::state_place"],
    &["target::state_changes"],
    &[
        "target::writer",
        "target::state",
        "target::batch",
        "target::status",
    ],
    &["target::state_edits", "target::status_page"],
    &["target::sink"],
    &["target::days"],
    &["target::commit", "target::intake"],
    &["target::load", "target::commands"],
    &["target::run"],
    &["bin::*"],
];

/// Rooms that use each other nevertheless.
pub const CIRCLES: &[(&[&str], &str)] = &[(
    &[
        "simulators/gcs",
        "simulators/gcs::faults",
        "simulators/gcs::storage",
    ],
    "what is planned to go wrong is a part of what the service holds",
)];

/// Uses of a room above that are to go.
pub const UPWARD: &[&str] = &[];

/// Where streams have names.
pub const STREAMS: &[&str] = &["src/tap/streams/", "src/tap/records/"];

/// Texts that name streams elsewhere, by how they begin.
pub const STREAMS_NAMED: &[(&str, &str)] = &[
    // The program's description and an example in its help.
    ("src/tap/run.rs", "Singer tap for Intercom"),
    ("src/tap/arguments.rs", "\\\nExamples:"),
    // Settings whose names are known to users.
    ("src/tap/config.rs", "default_calls_overlap"),
    ("src/tap/config.rs", "default_articles_overlap"),
    ("src/tap/config.rs", "default_companies_scroll_days"),
    // Singer's word for what a metric is about.
    ("src/singer/metrics.rs", "tags"),
    ("src/cli/logging.rs", "/tags/stream"),
];

/// Where types are named by the API.
pub const NAMED_BY_THE_API: &[&str] = &["src/tap/records/"];

/// What each of the two programs has of its own, and in how many files.
pub const NAMES_OF_BOTH: &[(&str, usize)] = &[("Arguments", 2), ("Config", 2), ("Settings", 2)];

/// Crates that only some rooms know: all else can do without them, and be moved to others.
pub const HOMES: &[(&str, &[&str])] = &[
    ("jsonschema", &["src/schema/"]),
    ("google_cloud_auth", &["src/target/store/auth.rs"]),
    ("tokio", &["src/target/store/auth.rs"]),
    ("signal_hook", &["src/cli/"]),
    (
        "indicatif",
        &[
            "src/cli/terminal.rs",
            "src/tap/audit/progress.rs",
            "src/tap/emit/progress.rs",
        ],
    ),
    (
        "ureq",
        &[
            "src/http/",
            "src/tap/api/",
            "src/tap/config.rs",
            "src/target/config.rs",
            "src/target/store/",
        ],
    ),
    ("wide", &["src/json/specials.rs"]),
    (
        "clap",
        &[
            "src/bin/",
            "src/cli/",
            "src/tap/arguments.rs",
            "src/target/arguments.rs",
            "src/target/config.rs",
        ],
    ),
    // Files of the destination are the store's; all others are named by users.
    (
        "fs",
        &[
            "src/bin/",
            "src/cli/",
            // Temporary files without a name: downloads, and lists that aren't read to their end yet.
            "src/tap/api/body.rs",
            "src/tap/api/request.rs",
            // Keys by stream, which come in any order.
            "src/tap/audit/keys.rs",
            "src/tap/read/export/archive.rs",
            "src/tap/read/waiting.rs",
            "src/tap/run.rs",
            "src/target/batch.rs",
            "src/target/commands.rs",
            "src/target/run.rs",
            "src/target/store/",
        ],
    ),
    ("simulators", &[]),
];

/// Who reads the wall clock: naming and bookmarks take it as an argument.
pub const CLOCKS: &[(&str, &str)] = &[
    (
        "src/tap/time.rs",
        "the start of a run, which bookmarks don't pass",
    ),
    (
        "src/tap/api/window.rs",
        "windows end by the server's clock, whose distance is measured",
    ),
    (
        "src/target/store/names.rs",
        "the opening of a file, which its name is made of",
    ),
    (
        "src/target/intake.rs",
        "when a record was received, which its metadata says",
    ),
    ("src/cli/logging.rs", "when something was logged"),
    ("src/cli/report.rs", "when a run began and ended"),
    (
        "src/http/patience.rs",
        "how far off a date is, where a reply has no clock of its own",
    ),
];

/// Who measures time that passes.
pub const STOPWATCHES: &[(&str, &str)] = &[
    ("src/cli/stop.rs", "how long ago a signal came"),
    ("src/cli/report.rs", "how long a run took"),
    (
        "src/tap/api/client.rs",
        "when requests begin; waits until a deadline",
    ),
    (
        "src/tap/api/judgement.rs",
        "when the token was last found to be good",
    ),
    ("src/tap/api/outlook.rs", "whether the API's window is over"),
    ("src/tap/api/pace.rs", "waits for the next slot and window"),
    (
        "src/tap/read/export/jobs.rs",
        "how long an export job is waited for",
    ),
    (
        "src/tap/along/again.rs",
        "how long what was missing is asked for again",
    ),
    (
        "src/tap/emit/messages.rs",
        "how long ago a stream's bookmarks were put into the state",
    ),
    ("src/tap/emit/outlet.rs", "how long ago the last state was"),
    (
        "src/tap/emit/progress.rs",
        "how fast and how long a stream is read",
    ),
    (
        "src/tap/audit/progress.rs",
        "how long ago an audit told where it is",
    ),
    ("src/target/commit.rs", "how long ago the last commit was"),
    ("src/http/patience.rs", "waits until a deadline"),
    (
        "src/http/addresses.rs",
        "how long ago an address was looked up",
    ),
    (
        "src/target/store/auth.rs",
        "how long a first token may be waited for",
    ),
    (
        "src/target/store/http.rs",
        "how long nobody may be there before a first answer",
    ),
    (
        "src/target/store/bucket.rs",
        "what is left for cancels after a signal",
    ),
];

/// Who lets a thread sleep: all waiting else hears a stop and knows a deadline by these.
pub const SLEEPERS: &[(&str, &str)] = &[
    (
        "src/http/patience.rs",
        "the one way to wait between two tries",
    ),
    (
        "src/cli/stop.rs",
        "the thread that ends a run that doesn't end itself",
    ),
];

pub const CODE: &[&str] = &["src"];
pub const ALL: &[&str] = &["src", "simulators", "tests", "examples", "benches"];

/// Files of more lines than this are listed with a reason.
pub const MOST_LINES: usize = 450;
pub const LONG_FILES: &[(&str, &str)] = &[];

/// Functions of more lines than this are listed with a reason.
pub const MOST_FUNCTION_LINES: usize = 80;
pub const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[(
    "tests/tap/messages.rs",
    "the_help_tells_how_to_use_it",
    "the help, whole",
)];
