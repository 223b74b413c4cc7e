//! The command line, read without showing what is secret in it: clap's words about an argument quote
//! it.

use clap::Parser;
use clap::error::ErrorKind;

use super::foreign::holds_secret;

/// The arguments. Ends the program where they can't be used, and where a token or a key is among
/// them: a path, a stream's name or an option is never one, and it would be shown in a fault.
#[must_use]
pub fn arguments<T: Parser>() -> T {
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
    T::parse()
}
