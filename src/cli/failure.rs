//! Why a program ended, as a message, a hint and an exit code.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use super::foreign::told;

/// An end other than success: what the user is told and what the scheduler sees.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    exit_code: u8,
}

impl Failure {
    /// Something went wrong while running: exit code 1.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::with_code(message, 1)
    }

    /// Wrong usage, configuration or input files; nothing was started: exit code 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::with_code(message, 2)
    }

    /// All went well, and what was looked at isn't as it should be: exit code 3.
    pub fn found(message: impl fmt::Display) -> Self {
        Self::with_code(message, 3)
    }

    /// Stopped by a signal: exit code 128 + its number, as shells report it.
    #[must_use]
    pub fn signal(number: i32) -> Self {
        let name = match number {
            signal_hook::consts::SIGINT => "SIGINT",
            signal_hook::consts::SIGTERM => "SIGTERM",
            _ => "a signal",
        };
        let code = u8::try_from(128 + number).unwrap_or(1);
        Self::with_code(format_args!("stopped by {name}"), code)
    }

    fn with_code(message: impl fmt::Display, exit_code: u8) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            exit_code,
        }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The exit code: 1, 2, 3 or 128 + a signal's number.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for Failure {}

/// What an error says, and what it comes of: each cause after a colon, unless it was just said.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = told(&error.to_string());
        if !text.ends_with(&*said) {
            text += ": ";
            text += &said;
        }
        cause = error.source();
    }
    text
}

/// Reports how a program ended, on stderr through the log, and picks its exit code.
#[must_use]
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::from(failure.exit_code)
        }
    }
}

/// A setting whose value can't be used.
#[derive(Debug, thiserror::Error)]
#[error("setting `{key}` is {value}, but must be {expected}")]
pub struct SettingFault {
    /// The setting's name.
    pub key: &'static str,
    /// The value as JSON.
    pub value: String,
    /// What is allowed, to follow "must be".
    pub expected: &'static str,
}

impl From<SettingFault> for Failure {
    fn from(fault: SettingFault) -> Self {
        Self::usage(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: io::Error,
    }

    #[test]
    fn causes_are_told_once_and_harmless() {
        let layer = |text, cause: &str| {
            let source = io::Error::other(cause);
            with_causes(&Layer { text, source })
        };
        assert_eq!(layer("can't read a", "no"), "can't read a: no");
        assert_eq!(layer("can't read a: no", "no"), "can't read a: no");
        assert!(!layer("can't read a", "\u{1b}[2J").contains('\u{1b}'));
    }
}
