//! From arguments to an exit code: which command it is, and the load, from its first look at the
//! destination to its end.

use std::fs::File;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::arguments::Arguments;
use super::commands;
use super::commit::Committer;
use super::config::{Config, PROGRAM, Settings};
use super::load::{LoadFault, Loader};
use super::state::StateObjects;
use super::store::Store;
use super::tally::LoadTally;
use super::writer::Workshop;
use crate::cli::output::print;
use crate::cli::report::{Report, catch_signals};
use crate::cli::stop::{LOOK_UP, Stop};
use crate::cli::{Failure, about, command, settings, terminal};
use crate::singer::lines::{Input, InputFault, NextLine};

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    command::main::<Arguments, Settings>(&PROGRAM, |given| given.log_format, run)
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.about {
        let schema = settings::schema_of::<Settings>();
        return print(&about::render(
            &PROGRAM,
            &schema,
            arguments.format.of_about()?,
        ));
    }
    let tally = Arc::new(LoadTally::default());
    let Some(path) = &arguments.report else {
        return run_as_set(arguments, &tally, None);
    };
    let report = Report::begin(path, &PROGRAM)?;
    let result = run_as_set(arguments, &tally, Some(&report));
    report.finish(result, tally.facts())
}

/// What the configuration is needed for.
fn run_as_set(
    arguments: &Arguments,
    tally: &Arc<LoadTally>,
    report: Option<&Report>,
) -> Result<(), Failure> {
    let settings: Settings = settings::load(&PROGRAM, &arguments.config)?;
    let config = settings.check(std::env::var("STORAGE_EMULATOR_HOST").ok())?;
    if arguments.read_state {
        return commands::read_state(&config, &arguments.streams);
    }
    if arguments.read_keys {
        return commands::read_keys(&config, &arguments.streams);
    }
    if arguments.status {
        let most = arguments.max_age.map(hours).transpose()?;
        return commands::status(&config, arguments.format, most);
    }
    if let Some(stream) = &arguments.reset {
        return commands::reset(&config, stream, arguments.to.as_deref());
    }
    if let Some(file) = &arguments.write_state {
        return commands::write_state(&config, file);
    }
    if arguments.test {
        return commands::test(&config);
    }
    let hung = Arc::clone(tally);
    let stop = catch_signals(report, move || hung.facts())?;
    let input: Box<dyn Read + Send> = match &arguments.input {
        None => Box::new(terminal::messages_from_stdin()),
        Some(path) => match File::open(path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                let path = path.display();
                return Err(Failure::usage(format_args!("can't read {path}: {error}")));
            }
        },
    };
    load_input(&config, input, &stop, tally)
}

fn hours(hours: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(hours * 3600.0)
        .map_err(|_| Failure::usage("--max-age must be a number of hours, 0 or more"))
}

/// Loads all messages of `input` into the destination.
fn load_input(
    config: &Config,
    input: impl Read + Send + 'static,
    stop: &Stop,
    tally: &Arc<LoadTally>,
) -> Result<(), Failure> {
    let result = load_all(config, input, stop, tally);
    // Whatever it came to: who has sent a signal wants to know that it was heeded.
    if let (Err(failure), Some(signal)) = (&result, stop.received()) {
        let stopped = Failure::signal(signal);
        if failure.exit_code() != stopped.exit_code() {
            tracing::error!("{failure}");
        }
        return Err(stopped);
    }
    result
}

fn load_all(
    config: &Config,
    input: impl Read + Send + 'static,
    stop: &Stop,
    tally: &Arc<LoadTally>,
) -> Result<(), Failure> {
    let store = Store::open(&config.destination, stop)?;
    let result = load_into(&store, config, input, stop, tally);
    tally.asked(store.asked().document());
    result
}

fn load_into(
    store: &Store,
    config: &Config,
    input: impl Read + Send + 'static,
    stop: &Stop,
    tally: &Arc<LoadTally>,
) -> Result<(), Failure> {
    store.try_folder_of(config.state_path_template.prefix())?;
    let state_objects = StateObjects::read(store, &config.state_path_template)?;
    if let Ok(state) = state_objects.merged(&[]) {
        tally.began_with(state);
    }
    store.check()?;
    let committer = Committer::new(state_objects, config.flush_interval);
    let workshop = Workshop {
        store: store.clone(),
        compression: config.compression,
        clock: Arc::default(),
        blocks: Arc::default(),
        threads: Arc::default(),
        tally: Arc::clone(tally),
    };
    let mut loader = Loader::new(config, workshop, committer, stop);
    match load(&mut loader, &Input::start(input, config.max_line_bytes)) {
        Ok(()) => loader.finish(),
        Err(LoadFault::Storage(failure)) => {
            loader.count();
            Err(failure)
        }
        Err(LoadFault::Input(failure)) => match loader.salvage() {
            Ok(()) => Err(failure),
            Err(worse) => {
                tracing::error!("{failure}");
                Err(worse)
            }
        },
    }
}

fn load(loader: &mut Loader, input: &Input) -> Result<(), LoadFault> {
    loop {
        loader.check()?;
        let next = match input.next(LOOK_UP) {
            Ok(next) => next,
            Err(InputFault::Unreadable(error)) => {
                return Err(LoadFault::Input(Failure::failed(format_args!(
                    "the input can't be read: {error}"
                ))));
            }
            Err(fault @ InputFault::TooLong { .. }) => return Err(loader.no_line(&fault)),
        };
        match next {
            NextLine::Lines(block) => {
                for (line, ended) in block.lines() {
                    loader.line(line, ended)?;
                    // Checking one record may take its time, and a block has many.
                    loader.heed_signals()?;
                }
                input.reuse(block);
            }
            NextLine::Waiting => loader.commit_if_due()?,
            NextLine::End => return loader.end_of_input(),
        }
    }
}
