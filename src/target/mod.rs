//! The target: from Singer messages to objects in a bucket or files in a directory.

pub mod arguments;
pub mod config;
pub mod object_name;
pub mod state_name;

mod admission;
mod batch;
mod bookmark;
mod claim;
mod commands;
mod commit;
mod data_name;
mod destination;
mod intake;
mod keys;
mod lake;
mod load;
mod quarantine;
mod record;
mod side_by_side;
mod sink;
mod state;
mod state_changes;
mod state_edits;
mod state_place;
mod status;
mod storable;
mod store;
mod stream_in_name;
pub mod tally;
mod versions;
mod writer;

use std::io::Read;
use std::sync::Arc;

use crate::cli::Failure;
use crate::cli::stop::{LOOK_UP, Stop};
use crate::singer::lines::{Input, InputFault, Next};
pub use commands::{read_keys, read_state, reset, status, test, write_state};
use commit::Committer;
use config::Config;
use load::{LoadFault, Loader};
use state::StateObjects;
use store::Store;
use tally::Tally;
use writer::Workshop;

/// Loads all messages of `input` into the destination.
pub fn run(
    config: &Config,
    input: impl Read + Send + 'static,
    stop: &Stop,
    tally: &Arc<Tally>,
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
    tally: &Arc<Tally>,
) -> Result<(), Failure> {
    let store = Store::open(&config.destination, stop)?;
    store.try_folder_of(config.state_path_template.prefix())?;
    let state_objects = StateObjects::read(&store, &config.state_path_template)?;
    if let Ok(state) = state_objects.merged(&[]) {
        tally.began_with(state);
    }
    store.check()?;
    let committer = Committer::new(state_objects, config.flush_interval);
    let workshop = Workshop {
        store,
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
            Next::Lines(block) => {
                for (line, ended) in block.lines() {
                    loader.line(line, ended)?;
                    // Checking one record may take its time, and a block has many.
                    loader.heed_signals()?;
                }
                input.reuse(block);
            }
            Next::Waiting => loader.commit_if_due()?,
            Next::End => return loader.end_of_input(),
        }
    }
}
