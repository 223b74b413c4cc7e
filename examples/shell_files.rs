//! Writes the two programs' manual pages and shell completions into a directory, for packages:
//!
//!     cargo run --example shell_files -- DIRECTORY

use std::fs;
use std::io::Result;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use intercom_singer::{tap, target};

fn main() -> Result<()> {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: cargo run --example shell_files -- DIRECTORY");
        std::process::exit(2);
    };
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    for command in [
        tap::arguments::Arguments::command(),
        target::arguments::Arguments::command(),
    ] {
        write(command, directory)?;
    }
    Ok(())
}

fn write(mut command: Command, directory: &Path) -> Result<()> {
    let name = command.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command, &name, directory)?;
    }
    clap_mangen::generate_to(command, directory)
}
