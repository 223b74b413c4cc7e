//! A program from its command line to its exit code. The command line is read without showing what is
//! secret in it: clap's words about an argument quote it.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, Parser};
use schemars::JsonSchema;

use super::about::settings_text;
use super::foreign::holds_secret;
use super::logging::{self, LogFormat};
use super::{Failure, Program, failure, settings};

/// Does what the command line says, once logs can be written. Settings are of type `S`.
pub fn main<T: Parser, S: JsonSchema>(
    program: &Program,
    log_format: impl FnOnce(&T) -> Option<LogFormat>,
    run: impl FnOnce(&T) -> Result<(), Failure>,
) -> ExitCode {
    let arguments: T = arguments::<T, S>(program);
    let result = logging::start(program, log_format(&arguments)).and_then(|()| run(&arguments));
    failure::finish(result)
}

/// The arguments. Ends the program where they can't be used, and where a token or a key is among
/// them: a path, a stream's name or an option is never one, and it would be shown in a fault.
fn arguments<T: Parser, S: JsonSchema>(program: &Program) -> T {
    let given = std::env::args_os().skip(1);
    let number = given
        .map(|argument| holds_secret(&argument.to_string_lossy()))
        .position(|holds| holds);
    if let Some(number) = number {
        let fault = format!(
            "argument {} holds a token or a key, which is not shown\n\nhint: whoever lists processes \
             can read arguments: put it into a file given with --config, or into the environment\n",
            number + 1
        );
        T::command().error(ErrorKind::InvalidValue, fault).exit();
    }
    let mut matches = command::<T, S>(program).get_matches();
    T::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit())
}

/// The command line of a program whose settings are of type `S`: its long help tells those too.
#[must_use]
pub fn command<T: Parser, S: JsonSchema>(program: &Program) -> Command {
    let command = T::command();
    let examples = command.get_after_long_help().map(ToString::to_string);
    let settings = settings_text(program, &settings::schema_of::<S>());
    command.after_long_help(format!(
        "{}\n\nSettings, in a file given with --config or in the environment:\n{settings}",
        examples.unwrap_or_default()
    ))
}
