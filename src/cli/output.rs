//! Text on stdout for people and for files: `--about`, the catalog.

use std::io::{self, Write};

use super::Failure;

/// Prints the text. A reader that has seen enough and is gone is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result
            .map_err(|error| Failure::failed(format_args!("stdout can't be written to: {error}"))),
    }
}
