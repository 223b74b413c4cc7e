//! Writes the two programs' manual pages and shell completions into a directory, for packages:
//!
//!     cargo run --example shell_files -- DIRECTORY

use std::fs;
use std::io::Result;
use std::path::Path;

use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;
use intercom_singer::internals::command::command;
use intercom_singer::internals::tap::streams;
use intercom_singer::internals::{tap, target};

fn main() -> Result<()> {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: cargo run --example shell_files -- DIRECTORY");
        std::process::exit(2);
    };
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let tap = command::<tap::Arguments, tap::Settings>(&tap::PROGRAM);
    let target = command::<target::Arguments, target::Settings>(&target::PROGRAM);
    complete(knowing_streams(tap.clone()), directory)?;
    complete(target.clone(), directory)?;
    clap_mangen::generate_to(tap, directory)?;
    clap_mangen::generate_to(target, directory)
}

/// Shells complete the names of streams where one is asked for.
fn knowing_streams(command: Command) -> Command {
    let names = || PossibleValuesParser::new(streams::names());
    command
        .mut_arg("streams", |argument| argument.value_parser(names()))
        .mut_arg("exclude", |argument| argument.value_parser(names()))
}

fn complete(mut command: Command, directory: &Path) -> Result<()> {
    let name = command.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command, &name, directory)?;
    }
    Ok(())
}
