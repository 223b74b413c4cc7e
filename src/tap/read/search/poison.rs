//! A page that can't be had, though the search answers others: it may be because of one record on it.
//! All that lies around it is read, from below and from above, and what stays between is a hole.

use super::chain::{Asking, Chain};
use super::plan::{Slice, Unit};
use super::waiting::Piece;
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Hole;
use crate::tap::read::order::Direction;
use crate::tap::read::page::Page;
use crate::tap::time::EpochSeconds;

/// Two instants that are no further apart may lie in the same day or in neighbouring ones.
const TWO_DAYS: EpochSeconds = 50 * 3600;
/// How often what lies between is halved, at most.
const MOST_HALVINGS: u32 = 40;
/// Rows of the first page that is asked for in a part in which something can't be had.
const FEW_ROWS: u32 = 4;

/// Where pages go.
type Give<'a> = dyn FnMut(Piece) -> Result<(), Fault> + 'a;

/// Reads a chain, oldest first, from its first page on; gives back what can't be had.
pub fn read_on(
    mut chain: Chain,
    first_page: Result<Page, Fault>,
    asking: &Asking<'_>,
    give: &mut Give<'_>,
) -> Result<Vec<Hole>, Fault> {
    let end = first_page.and_then(|page| chain.read_on(asking, page, give));
    match end {
        Ok(()) => Ok(Vec::new()),
        Err(fault) => read_around(chain, asking, fault, give),
    }
}

/// Reads what can be had of a chain's slice from where it failed on. Gives back what can't be, or the
/// fault where that isn't because of what is on the page.
pub fn read_around(
    mut chain: Chain,
    asking: &Asking<'_>,
    fault: Fault,
    give: &mut Give<'_>,
) -> Result<Vec<Hole>, Fault> {
    let Some(why) = chain.take_failure() else {
        return Err(fault);
    };
    if asking.reading.is_whole_list || !asking.is_answering()? {
        return Err(fault);
    }
    tracing::warn!(
        "{}: {why}; what lies around that is read",
        asking.reading.stream.name
    );
    chain.take_care(asking.per_page(2));
    let mut around = Around {
        asking,
        why,
        give,
        holes: Vec::new(),
    };
    around.read(chain, 0)?;
    Ok(around.holes)
}

/// A page of a window that can be had, where its first can't be.
pub fn another_page(asking: &Asking<'_>, window: Slice) -> Result<Option<Page>, Fault> {
    let end = window.to.unwrap_or_else(|| asking.reading.started());
    let beginning = window.from.unwrap_or(super::plan::BEGINNING).min(end);
    let newest = |part: EpochSeconds| Slice {
        from: Some(end - (end - beginning) / part),
        ..window
    };
    for (slice, direction) in [
        (window, Direction::Descending),
        (window, Direction::Ascending),
        (newest(8), Direction::Ascending),
        (newest(64), Direction::Ascending),
        (newest(512), Direction::Ascending),
    ] {
        let mut chain = Chain::new(direction, slice);
        chain.take_care(1);
        match chain.page(asking) {
            Ok(page) if !page.rows.is_empty() => return Ok(Some(page)),
            Ok(_) => {}
            Err(fault) => {
                if chain.take_failure().is_none() {
                    return Err(fault);
                }
            }
        }
    }
    Ok(None)
}

struct Around<'a, 'b> {
    asking: &'a Asking<'a>,
    why: String,
    give: &'a mut Give<'b>,
    holes: Vec<Hole>,
}

impl Around<'_, '_> {
    fn read(&mut self, mut chain: Chain, halvings: u32) -> Result<(), Fault> {
        let Some(why) = self.follow(&mut chain, None)? else {
            return Ok(());
        };
        let mut back = Chain::new(chain.direction().reversed(), chain.slice());
        back.take_care(self.asking.per_page(2));
        if self.follow(&mut back, Some(&chain))?.is_none() {
            return Ok(());
        }
        let is_one = chain
            .total_count()
            .or(back.total_count())
            .is_some_and(|total| total <= chain.rows() + back.rows() + 1);
        let slice = chain.slice();
        let (below, above) = match chain.direction() {
            Direction::Ascending => (&chain, &back),
            Direction::Descending => (&back, &chain),
        };
        let from = below.reached().unwrap_or_else(|| slice.after());
        let latest = || {
            slice
                .before()
                .unwrap_or_else(|| self.asking.reading.client.now())
        };
        let to = above.reached().unwrap_or_else(latest).max(from);
        let is_narrow = match slice.unit {
            Unit::Second => to - from <= 1,
            Unit::Day => to - from <= TWO_DAYS,
        };
        if is_one || is_narrow || halvings >= MOST_HALVINGS {
            self.why = why;
            return self.leave(from, to);
        }
        let middle = from + (to - from) / 2;
        let lower = Slice {
            from: Some(from),
            to: Some(middle),
            is_last: false,
            is_window: false,
            ..slice
        };
        let upper = Slice {
            from: Some(middle),
            to: Some(to + 1),
            is_last: slice.unit == Unit::Day,
            is_window: false,
            ..slice
        };
        for half in [lower, upper] {
            let mut chain = Chain::new(Direction::Ascending, half);
            chain.take_care(FEW_ROWS);
            self.read(chain, halvings + 1)?;
        }
        Ok(())
    }

    /// Reads until nothing follows, or what the other chain has met. Says why where it can't go on.
    fn follow(
        &mut self,
        chain: &mut Chain,
        other: Option<&Chain>,
    ) -> Result<Option<String>, Fault> {
        loop {
            self.asking.check_failures()?;
            let page = match chain.page(self.asking) {
                Ok(page) => page,
                Err(fault) => return chain.take_failure().map_or(Err(fault), |why| Ok(Some(why))),
            };
            let is_done = chain.is_done(self.asking, &page);
            let mut rows = page.rows;
            let count = rows.len();
            if let Some(other) = other {
                rows.retain(|row| !other.has_met(row));
                chain.discount(count - rows.len());
            }
            let is_met = rows.is_empty() && count > 0;
            (self.give)(Piece {
                rows,
                position: None,
            })?;
            if is_met || is_done {
                return Ok(None);
            }
        }
    }

    fn leave(&mut self, from: EpochSeconds, to: EpochSeconds) -> Result<(), Fault> {
        self.asking.count_hole()?;
        let hole = Hole {
            from,
            to,
            since: self.asking.reading.started(),
            why: self.why.clone(),
        };
        tracing::warn!("{}: {hole} can't be read", self.asking.reading.stream.name);
        self.holes.push(hole);
        Ok(())
    }
}
