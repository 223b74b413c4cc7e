//! All streams of a run side by side, a thread each: one that fails fails alone, and what nothing can
//! go on after ends all of them, each behind the record that it was writing.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

use super::outlet::Outlet;
use super::progress::{Progress, ProgressBoard, Summary};
use super::standing::Standing;
use super::stream::{self, Shared, StreamOutcome};
use crate::cli::Failure;
use crate::tap::along::workers::{died, words_of};
use crate::tap::fault::Fault;
use crate::tap::plan::Plan;

/// What became of one stream.
#[derive(Debug)]
pub struct Ended {
    /// How its reading ended.
    pub outcome: StreamOutcome,
    /// What it and its children came to.
    pub summaries: Vec<Summary>,
}

/// What became of all of them so far.
struct Results {
    /// In the order of the plans.
    ended: Vec<Option<Ended>>,
    /// Why nothing can go on.
    failure: Option<Failure>,
}

/// Reads every planned stream and writes all of it; gives what became of each, in the order of the
/// plans.
pub fn emit<W: Write + Send>(
    shared: &Shared,
    plans: &[Plan],
    standings: Vec<Standing<'_>>,
    outlet: &Outlet<W>,
) -> (Vec<Ended>, Result<(), Failure>) {
    let results = Mutex::new(Results {
        ended: plans.iter().map(|_| None).collect(),
        failure: None,
    });
    let board = Arc::new(ProgressBoard::default());
    thread::scope(|scope| {
        let tell = || board.tell();
        // Without it, all is read as well.
        let _ = thread::Builder::new()
            .name("progress".into())
            .spawn_scoped(scope, tell);
        for (number, (plan, standing)) in plans.iter().zip(standings).enumerate() {
            let results = &results;
            let settle = move |end| settle(shared, results, number, end);
            if let Err(fault) = start(scope, shared, plan, standing, outlet, &board, settle) {
                settle(Err(fault));
            }
        }
        board.complete();
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ended = results.ended.into_iter().flatten().collect();
    (ended, results.failure.map_or(Ok(()), Err))
}

/// Starts the thread of one stream, which says at its end what became of it.
fn start<'scope, W: Write + Send>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared,
    plan: &'scope Plan,
    standing: Standing<'scope>,
    outlet: &'scope Outlet<W>,
    board: &Arc<ProgressBoard>,
    settle: impl Fn(Result<Ended, Fault>) + Send + 'scope,
) -> Result<(), Fault> {
    let client = Arc::new(shared.client.for_another_stream());
    let mut progress = Progress::start(plan, &client, board);
    let emit = move || {
        let outcome = stream::emit(shared, &client, plan, standing, outlet, &mut progress);
        if let Err(
            Fault::Stream(message) | Fault::Gone { message, .. } | Fault::Refused { message },
        ) = &outcome.end
        {
            tracing::error!("stream {} failed: {message}", plan.stream.name);
        }
        Ended {
            summaries: progress.finish(),
            outcome,
        }
    };
    let thread = thread::Builder::new().name(format!("{} out", plan.stream.name));
    let started = thread.spawn_scoped(scope, move || {
        let ended = catch_unwind(AssertUnwindSafe(emit));
        settle(ended.map_err(|panic| died(&words_of(panic))));
    });
    let started = started.map(|_| ());
    started.map_err(|error| {
        Fault::Abort(Failure::failed(format_args!(
            "no thread can be started to read {}: {error}",
            plan.stream.name
        )))
    })
}

/// Takes down what became of a stream. Where nothing can go on, the others are told to end.
fn settle(shared: &Shared, results: &Mutex<Results>, number: usize, ended: Result<Ended, Fault>) {
    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
    let failure = match ended {
        Err(fault) => Failure::from(fault),
        Ok(Ended {
            outcome:
                StreamOutcome {
                    end: Err(Fault::Abort(failure)),
                    ..
                },
            ..
        }) => failure,
        Ok(ended) => {
            results.ended[number] = Some(ended);
            return;
        }
    };
    // The others' ends are of this one's making.
    results.failure.get_or_insert(failure);
    shared.client.stop().break_off();
}
