//! What both command lines share: settings from files and the environment, `--about`, logs,
//! failures and exit codes. Knows neither Intercom nor storage.

pub mod about;
pub mod command;
pub mod failure;
pub mod foreign;
pub mod logging;
pub mod nearest;
pub mod output;
pub mod report;
pub mod settings;
pub mod stop;
pub mod terminal;

pub use failure::{Failure, SettingFault};

/// What a program says of itself.
#[derive(Debug)]
pub struct Program {
    /// The command's name, such as `tap-intercom`.
    pub name: &'static str,
    /// What an environment variable of a setting begins with, without the last underscore:
    /// `TAP_INTERCOM` makes `TAP_INTERCOM_START_DATE`.
    pub env_prefix: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Capabilities by the names that Meltano knows.
    pub capabilities: &'static [&'static str],
}

/// The version both programs carry.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
