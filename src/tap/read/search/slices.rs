//! Slices that are read at once, and come out in their order.

use std::thread;

use super::asking::Asking;
use super::board::{SliceBoard, SliceTurn, Task};
use super::chain::Chain;
use super::plan::Planner;
use super::poison;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Hole;
use crate::tap::read::order::Direction;
use crate::tap::read::readers::Readers;

/// Reads all slices of a plan, several at once but for the oldest, which may be read alone first, and
/// hands over what comes of them. `most` is how many readers there may be.
pub fn read(
    asking: &Asking<'_>,
    planner: Planner,
    most: usize,
    is_oldest_alone: bool,
    take: &mut dyn FnMut(SliceTurn) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let board = SliceBoard::new(planner, asking.reading.client, most, is_oldest_alone);
    thread::scope(|scope| {
        let mut readers = Readers::default();
        let end = loop {
            let read = || read_tasks(&board, asking);
            readers.start(scope, board.enough(), asking.reading.stream.name, read)?;
            match board
                .turn()
                .and_then(|turn| turn.map(&mut *take).transpose())
            {
                Ok(Some(())) => {}
                Ok(None) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        board.close();
        readers.join();
        end
    })
}

fn read_tasks(board: &SliceBoard, asking: &Asking<'_>) {
    while let Some(mut task) = board.take() {
        let end = read_task(&mut task, asking);
        task.end(end);
    }
}

fn read_task(task: &mut Task<'_>, asking: &Asking<'_>) -> Result<Vec<Hole>, Fault> {
    let mut chain = Chain::new(Direction::Ascending, task.slice);
    let first = chain.page(asking);
    if let Ok(page) = &first
        && task.is_split(page, chain.is_over(), asking.per_page(0))
    {
        return Ok(Vec::new());
    }
    poison::read_on(chain, first, asking, &mut |piece| task.give(piece))
}
