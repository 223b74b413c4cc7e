//! The command line of `target-gcs`.

use std::path::PathBuf;

use clap::Parser;

use crate::cli::about::Format;
use crate::cli::logging::LogFormat;

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

  Load into a directory, without a configuration file
    TARGET_GCS_DESTINATION=lake target-gcs --input messages.jsonl

Exit codes: 0 everything is stored; 1 it isn't, and the log says why; 2 wrong arguments or
configuration; 130 and 143 stopped by SIGINT and SIGTERM. After any of them, what the last state on
stdout covers is stored."
)]
pub struct Arguments {
    /// Configuration file (JSON); may be given several times, later ones win. The word ENV reads
    /// the environment variables `TARGET_GCS_<SETTING>`, as does giving none.
    #[arg(short, long, value_name = "FILE")]
    pub config: Vec<String>,

    /// Read messages from this file instead of stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "read_state")]
    pub input: Option<PathBuf>,

    /// Print the stored state, for the tap to go on from. `{}` where there is none.
    #[arg(long, conflicts_with = "about")]
    pub read_state: bool,

    /// Look whether a run could come to its end: credentials, bucket, permissions, state. Prints a
    /// table; changes nothing.
    #[arg(long, conflicts_with_all = ["about", "read_state", "input"])]
    pub test: bool,

    /// With --read-state: only these streams' states; repeatable, or with commas between names.
    #[arg(
        long = "stream",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "read_state"
    )]
    pub streams: Vec<String>,

    /// Print what this program is and which settings it takes.
    #[arg(long)]
    pub about: bool,

    /// How --about prints.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// How log lines look on stderr [default: text; environment: `TARGET_GCS_LOG_FORMAT`].
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}
