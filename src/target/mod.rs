//! The target: from Singer messages to objects in a bucket or files in a directory.

pub mod arguments;
pub mod config;
pub mod object_name;
pub mod validate;

mod batch;
mod commit;
mod load;
mod record;
mod side_by_side;
mod sink;
mod state;
mod store;
mod tape;
mod writer;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Failure;
use crate::cli::signals::Signals;
use crate::singer::incoming::{Input, Next};
use commit::{Committer, print_line};
use config::Config;
use load::{Loader, Stop};
use state::StateObjects;
use store::Store;
use writer::Workshop;

/// How long a signal or a due commit may wait while the input is silent.
const LOOK_UP_INTERVAL: Duration = Duration::from_millis(100);

/// Loads all messages of `input` into the destination.
pub fn run(
    config: &Config,
    input: impl Read + Send + 'static,
    signals: &Signals,
) -> Result<(), Failure> {
    let result = load_all(config, input, signals);
    // Whatever it came to: who has sent a signal wants to know that it was heeded.
    if let (Err(failure), Some(signal)) = (&result, signals.received()) {
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
    signals: &Signals,
) -> Result<(), Failure> {
    let store = Store::open(&config.destination, signals)?;
    let state_objects = StateObjects::read(&store, &config.state_path_template)?;
    let committer = Committer::new(state_objects, config.flush_interval);
    let workshop = Workshop {
        store,
        template: Arc::new(config.path_template.clone()),
        compression: config.compression,
        clock: Arc::default(),
        blocks: Arc::default(),
        open_objects: Arc::default(),
    };
    let mut loader = Loader::new(config, workshop, committer);
    match load(&mut loader, &Input::start(input), signals) {
        Ok(()) => loader.finish(),
        Err(Stop::Storage(failure)) => Err(failure),
        Err(Stop::Input(failure)) => match loader.salvage() {
            Ok(()) => Err(failure),
            Err(worse) => {
                tracing::error!("{failure}");
                Err(worse)
            }
        },
    }
}

/// Prints the state objects as one Singer state; of the streams only those named, if any are.
pub fn read_state(config: &Config, streams: &[String]) -> Result<(), Failure> {
    let store = Store::open(&config.destination, &Signals::default())?;
    let state = StateObjects::read(&store, &config.state_path_template)?.merged(streams)?;
    print_line(&state.to_string())
}

fn load(loader: &mut Loader, input: &Input, signals: &Signals) -> Result<(), Stop> {
    loop {
        if let Some(signal) = signals.received() {
            return Err(Stop::Input(Failure::signal(signal)));
        }
        loader.check()?;
        let next = input.next(LOOK_UP_INTERVAL).map_err(|error| {
            Stop::Input(Failure::failed(format_args!(
                "the input can't be read: {error}"
            )))
        })?;
        match next {
            Next::Lines(block) => {
                for (line, ended) in block.lines() {
                    loader.line(line, ended)?;
                }
                input.reuse(block);
            }
            Next::Waiting => loader.commit_if_due()?,
            Next::End => return Ok(()),
        }
    }
}
