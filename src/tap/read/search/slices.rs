//! Slices that are read at once and emitted in their order.

use std::thread;

use super::Search;
use super::board::{Board, Task, Turn};
use super::chain::{Asking, Chain};
use super::plan::Planner;
use crate::tap::fault::Fault;
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
    let asking = Asking::new(search.asking.reading);
    let asking = std::mem::replace(&mut search.asking, asking);
    let end = thread::scope(|scope| {
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
    });
    search.asking = asking;
    end
}

fn read_tasks(board: &Board, asking: &Asking<'_>) {
    while let Some(mut task) = board.take() {
        let end = read_task(&mut task, asking);
        task.end(end);
    }
}

fn read_task(task: &mut Task<'_>, asking: &Asking<'_>) -> Result<(), Fault> {
    let mut chain = Chain::new(Direction::Ascending, task.slice);
    let page = chain.page(asking)?;
    if task.is_cut(page.total_count, page.oldest()) {
        return Ok(());
    }
    chain.read_on(asking, page, &mut |piece| task.give(piece))
}

fn emit_all(search: &mut Search<'_>, board: &Board, sink: &mut Sink<'_>) -> Result<(), Fault> {
    loop {
        match board.turn()? {
            Turn::Page(slice, piece) => search.emit(piece, slice.lower(), sink)?,
            Turn::End(slice) => {
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
