//! The command line of `target-gcs`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::cli::logging::LogFormat;
use crate::cli::{Failure, about};

/// Writes a Singer tap's messages to Google Cloud Storage or a directory.
///
/// Messages come on stdin; each state whose records are stored is printed on stdout.
#[derive(Debug, Parser)]
#[command(
    name = "target-gcs",
    version,
    after_long_help = "\
Examples:
  Load what a tap reads
    tap-intercom --config config.json | target-gcs --config target.json

  The same, going on from the state that the last run stored
    target-gcs --config target.json --read-state > state.json
    tap-intercom --config config.json --state state.json | target-gcs --config target.json

  How things stand, with exit code 3 where a bookmark is older than a day
    target-gcs --config target.json --status --max-age 24

  The same as a page for a browser
    target-gcs --config target.json --status --format html > status.html

  Read a stream anew from a day on
    target-gcs --config target.json --reset STREAM --to 2026-01-01

  Load into a directory, without a configuration file
    TARGET_GCS_DESTINATION=lake target-gcs --input messages.jsonl

Exit codes: 0 everything is stored; 1 it isn't, and the log says why; 2 wrong arguments or
configuration; 3 --status found a bookmark that is too old; 130 and 143 stopped by SIGINT and
SIGTERM. After any of them, what the last state on stdout covers is stored."
)]
pub struct Arguments {
    /// Configuration file (JSON); may be given several times, later ones win. The word ENV reads
    /// the environment variables `TARGET_GCS_<SETTING>`, as does giving none.
    #[arg(short, long, value_name = "FILE")]
    pub config: Vec<String>,

    /// Read messages from this file instead of stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "mode")]
    pub input: Option<PathBuf>,

    /// At the run's end, whatever it is, write what it has done to this file, as one JSON document.
    #[arg(long, value_name = "FILE", conflicts_with = "mode")]
    pub report: Option<PathBuf>,

    /// Print the stored state, for the tap to go on from. `{}` where there is none.
    #[arg(long, groups = ["mode", "of_streams"])]
    pub read_state: bool,

    /// Print the newest version that is stored of every key, as JSON lines of `stream`, `key` (an array
    /// where there are several key properties), `updated_at` and `parts`.
    #[arg(long, groups = ["mode", "of_streams"])]
    pub read_keys: bool,

    /// Print how things stand: each stream's bookmark and its age, what is still awaited, the files of
    /// the last seven days. To list the destination is enough. With `--format json`: for programs, with
    /// `--format html`: a page for a browser.
    #[arg(long, group = "mode")]
    pub status: bool,

    /// With --status: end with exit code 3 where a bookmark is older than this.
    #[arg(long, value_name = "HOURS", requires = "status")]
    pub max_age: Option<f64>,

    /// Put the state in this file (`-`: on stdin) in the place of what is stored of the streams that it
    /// names, and print what changes. Other streams stay. Not while a run is under way.
    #[arg(long, value_name = "FILE", group = "mode")]
    pub write_state: Option<PathBuf>,

    /// Take a stream's bookmark away, so that it is read anew, and print what changes.
    #[arg(long, value_name = "STREAM", group = "mode")]
    pub reset: Option<String>,

    /// With --reset: set the bookmark to this instant instead, a date or RFC 3339.
    #[arg(long, value_name = "INSTANT", requires = "reset")]
    pub to: Option<String>,

    /// Look whether a run could come to its end: credentials, bucket, permissions, state. Prints a
    /// table; changes nothing.
    #[arg(long, group = "mode")]
    pub test: bool,

    /// With --read-state or --read-keys: only these streams; repeatable, or with commas between names.
    #[arg(
        long = "stream",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "of_streams"
    )]
    pub streams: Vec<String>,

    /// Print what this program is and which settings it takes.
    #[arg(long, group = "mode")]
    pub about: bool,

    /// How --about and --status print.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: OutputFormat,

    /// How log lines look on stderr [default: text; environment: `TARGET_GCS_LOG_FORMAT`].
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How `--about` and `--status` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For a terminal.
    Text,
    /// For programs: of --about name, description, version, capabilities, settings.
    Json,
    /// For documents, of --about alone.
    Markdown,
    /// A page for a browser, of --status alone.
    Html,
}

impl OutputFormat {
    /// What `--about` knows of.
    pub fn of_about(self) -> Result<about::Format, Failure> {
        match self {
            Self::Text => Ok(about::Format::Text),
            Self::Json => Ok(about::Format::Json),
            Self::Markdown => Ok(about::Format::Markdown),
            Self::Html => Err(Failure::usage(
                "--about prints text, json or markdown, not html",
            )),
        }
    }
}
