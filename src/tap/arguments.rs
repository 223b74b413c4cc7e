//! The command line of `tap-intercom`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::cli::about::Format;
use crate::cli::logging::LogFormat;

/// Reads a workspace's Intercom data and prints it as Singer messages.
#[derive(Debug, Parser)]
#[command(
    name = "tap-intercom",
    version,
    after_long_help = "\
Examples:
  See which streams there are, without a token
    tap-intercom --discover

  Check the token and what it may read
    tap-intercom --config config.json --test

  See how much a run would read, and how long that takes
    tap-intercom --config config.json --state state.json --dry-run

  Read everything into files, then only what changed since
    tap-intercom --config config.json | target-gcs --config target.json
    target-gcs --config target.json --read-state > state.json
    tap-intercom --config config.json --state state.json | target-gcs --config target.json

  Read calls and their transcripts only
    tap-intercom --config config.json --stream calls

  See whether all that the state says is in the lake is there, then mend what isn't
    target-gcs --config target.json --read-keys > keys.jsonl
    tap-intercom --config config.json --state state.json --audit keys.jsonl
    tap-intercom --config config.json --state state.json --audit keys.jsonl --repair \\
      | target-gcs --config target.json

  Read all but the parts of conversations, and no contact's phone number
    tap-intercom --config config.json --exclude conversation_parts,contacts.phone

Exit codes: 0 all streams were read; 1 some weren't, and the log names them; 2 wrong arguments,
configuration, state, catalog or keys; 3 --audit found differences; 130 and 143 stopped by SIGINT
and SIGTERM."
)]
pub struct Arguments {
    /// Configuration file (JSON); may be given several times, later ones win. The word ENV reads
    /// the environment variables `TAP_INTERCOM_<SETTING>`, as does giving none.
    #[arg(short, long, value_name = "FILE")]
    pub config: Vec<String>,

    /// State file: where the last run left off. Empty or null means from the beginning.
    #[arg(short, long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// Catalog file: which streams and properties to read.
    #[arg(long, value_name = "FILE", visible_alias = "properties")]
    pub catalog: Option<PathBuf>,

    /// Read these streams and their child streams, whatever the catalog selects; repeatable, or with
    /// commas between names.
    #[arg(long = "stream", value_name = "NAME", value_delimiter = ',')]
    pub streams: Vec<String>,

    /// Don't read these streams, or leave out these properties, such as `contacts.location.city`;
    /// repeatable, or with commas between names. Adds to the setting `exclude`.
    #[arg(long, value_name = "NAME[.PROPERTY]", value_delimiter = ',')]
    pub exclude: Vec<String>,

    /// Print the catalog of all streams. Needs no token; with one, it has the datasets that the workspace's
    /// reports are made of, and their columns.
    #[arg(long, group = "mode")]
    pub discover: bool,

    /// At the run's end, whatever it is, write what it has done to this file, as one JSON document.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["discover", "test", "merge_states", "about"])]
    pub report: Option<PathBuf>,

    /// Read at most one record of every selected stream, to see whether the token allows it; or
    /// print the schemas only.
    #[arg(long, group = "mode", value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub test: Option<TestMode>,

    /// Tell what a run would read, by a request or two a stream: records by the API's own counts, requests
    /// and minutes at the API's limit. Prints a table on a terminal, else a JSON line for each stream.
    #[arg(long, group = "mode")]
    pub dry_run: bool,

    /// Print one state of those in these files, of the slices of a backfill and of the ordinary runs:
    /// the newest bookmark of each stream, once all are read to their end, and all that is still
    /// awaited. Needs no token.
    #[arg(long, group = "mode", value_name = "FILE", num_args = 1..)]
    pub merge_states: Vec<PathBuf>,

    /// Compare a lake with the workspace: KEYS has the lake's keys as `target-gcs --read-keys` prints
    /// them, `-` is standard input. Prints a JSON line for each that is missing, stale, gone or lacks
    /// parts, as of the state.
    #[arg(long, group = "mode", value_name = "KEYS", requires = "state")]
    pub audit: Option<PathBuf>,

    /// With --audit, print the messages that mend it instead, for a target to load.
    #[arg(long, requires = "audit")]
    pub repair: bool,

    /// Print what this program is and which settings it takes.
    #[arg(long, group = "mode")]
    pub about: bool,

    /// How --about prints.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// How log lines look on stderr [default: text; environment: `TAP_INTERCOM_LOG_FORMAT`].
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// What `--test` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestMode {
    /// One record of every selected stream.
    All,
    /// Nothing: only the schemas are printed.
    Schema,
}
