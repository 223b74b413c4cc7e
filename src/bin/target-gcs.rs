//! `target-gcs`: arguments to [`intercom_singer::target`] to exit code.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use intercom_singer::cli::about::{self, Format};
use intercom_singer::cli::logging::{self, LogFormat};
use intercom_singer::cli::signals::Signals;
use intercom_singer::cli::{Failure, failure, settings};
use intercom_singer::target;
use intercom_singer::target::config::{PROGRAM, Settings};

/// Writes a Singer tap's messages to Google Cloud Storage or a directory.
///
/// Messages come on stdin; each state whose records are stored is printed on stdout.
#[derive(Parser)]
#[command(name = "target-gcs", version)]
struct Arguments {
    /// A JSON file of settings, or ENV for environment variables; later ones win.
    #[arg(long, value_name = "FILE")]
    config: Vec<String>,
    /// Read messages from this file instead of stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "read_state")]
    input: Option<PathBuf>,
    /// Print the stored state, to be given to the tap, and end.
    #[arg(long)]
    read_state: bool,
    /// With --read-state: only this stream's state; may be given more than once.
    #[arg(long, value_name = "NAME", requires = "read_state")]
    stream: Vec<String>,
    /// Print what this program is and which settings it takes, and end.
    #[arg(long)]
    about: bool,
    /// How --about prints.
    #[arg(long, value_enum, default_value_t, requires = "about")]
    format: Format,
    /// How log lines look.
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(failure) = logging::start(&PROGRAM, arguments.log_format) {
        eprintln!("ERROR {failure}");
        return ExitCode::from(failure.exit_code());
    }
    failure::finish(run(arguments))
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.about {
        let text = about::render(
            &PROGRAM,
            &settings::schema_of::<Settings>(),
            arguments.format,
        );
        return target::print_line(text.trim_end());
    }
    let settings: Settings = settings::load(&PROGRAM, &arguments.config)?;
    let config = settings.check(std::env::var("STORAGE_EMULATOR_HOST").ok())?;
    if arguments.read_state {
        return target::read_state(&config, &arguments.stream);
    }
    let input: Box<dyn Read + Send> = match arguments.input {
        None => Box::new(io::stdin()),
        Some(path) => match File::open(&path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                let path = path.display();
                return Err(Failure::usage(format_args!("can't read {path}: {error}")));
            }
        },
    };
    let signals = Signals::install()
        .map_err(|error| Failure::failed(format_args!("can't catch signals: {error}")))?;
    target::run(&config, input, &signals)
}
