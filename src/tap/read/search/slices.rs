//! Slices that are read at once and emitted in their order.

use std::sync::Arc;
use std::thread;

use super::Search;
use super::board::{Board, Task, Turn};
use super::chain::{Asking, Chain};
use super::plan::Planner;
use super::poison;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Hole;
use crate::tap::read::order::Direction;
use crate::tap::read::reading::{Batch, Sink};

/// Reads all slices of a plan, so many at once.
pub fn read(
    search: &mut Search<'_>,
    planner: Planner,
    readers: usize,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let board = Board::new(planner);
    let asking = Arc::clone(&search.asking);
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for _ in 0..readers {
            let thread = thread::Builder::new().name(asking.reading.stream.name.to_owned());
            match thread.spawn_scoped(scope, || read_tasks(&board, &asking)) {
                Ok(handle) => handles.push(handle),
                Err(error) if handles.is_empty() => {
                    return Err(Fault::Stream(format!(
                        "no thread can be started to read its pages: {error}"
                    )));
                }
                // Those who are there do.
                Err(_) => break,
            }
        }
        let end = emit_all(search, &board, sink);
        board.close();
        for handle in handles {
            // Whoever died has said so on the board.
            let _ = handle.join();
        }
        end
    })
}

fn read_tasks(board: &Board, asking: &Asking<'_>) {
    while let Some(mut task) = board.take() {
        let end = read_task(&mut task, asking);
        task.end(end);
    }
}

fn read_task(task: &mut Task<'_>, asking: &Asking<'_>) -> Result<Vec<Hole>, Fault> {
    let mut chain = Chain::new(Direction::Ascending, task.slice);
    let first = chain.page(asking);
    if let Ok(page) = &first
        && task.is_cut(page, chain.is_over(), asking.per_page(0))
    {
        return Ok(Vec::new());
    }
    poison::read_on(chain, first, asking, &mut |piece| task.give(piece))
}

fn emit_all(search: &mut Search<'_>, board: &Board, sink: &mut Sink<'_>) -> Result<(), Fault> {
    loop {
        match board.turn()? {
            Turn::Page(slice, piece) => search.emit(piece, slice.lower(), sink)?,
            Turn::End(slice, holes) => {
                search.sieve.leave(holes);
                let reached = slice.settled().min(search.sieve.reached());
                search.position = search.position.max(reached);
                let marks = search.marks(reached);
                if !marks.is_empty() {
                    sink(Batch {
                        marks,
                        total_count: search.total_count,
                        ..Batch::default()
                    })?;
                }
            }
            Turn::Over => return Ok(()),
        }
    }
}
