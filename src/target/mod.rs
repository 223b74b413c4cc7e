//! The target: from Singer messages to objects in a bucket or files in a directory.

pub mod arguments;
pub mod config;
pub mod object_name;

mod batch;
mod commit;
mod load;
mod record;
mod side_by_side;
mod sink;
mod state;
mod store;
mod writer;

use std::io::Read;
use std::sync::Arc;

use crate::cli::Failure;
use crate::cli::stop::{LOOK_UP, Stop};
use crate::singer::messages::{Input, Next};
use commit::{Committer, print_line};
use config::Config;
use load::{LoadFault, Loader};
use state::StateObjects;
use store::Store;
use writer::Workshop;

/// Loads all messages of `input` into the destination.
pub fn run(config: &Config, input: impl Read + Send + 'static, stop: &Stop) -> Result<(), Failure> {
    let result = load_all(config, input, stop);
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
) -> Result<(), Failure> {
    let store = Store::open(&config.destination, stop)?;
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
    match load(&mut loader, &Input::start(input), stop) {
        Ok(()) => loader.finish(),
        Err(LoadFault::Storage(failure)) => Err(failure),
        Err(LoadFault::Input(failure)) => match loader.salvage() {
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
    let store = Store::open(&config.destination, &Stop::default())?;
    let state = StateObjects::read(&store, &config.state_path_template)?.merged(streams)?;
    print_line(&state.to_string())
}

fn load(loader: &mut Loader, input: &Input, stop: &Stop) -> Result<(), LoadFault> {
    loop {
        if let Some(signal) = stop.received() {
            return Err(LoadFault::Input(Failure::signal(signal)));
        }
        loader.check()?;
        let next = input.next(LOOK_UP).map_err(|error| {
            LoadFault::Input(Failure::failed(format_args!(
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
