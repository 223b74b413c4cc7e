//! A page that can't be had, though the search answers others: it may be because of one record on it.
//! All that lies around it is read, from below and from above, and what stays between is a hole.

use super::asking::Asking;
use super::chain::Chain;
use super::plan::{Slice, Unit};
use crate::tap::fault::Fault;
use crate::tap::read::bookmark::Hole;
use crate::tap::read::order::Direction;
use crate::tap::read::page::{Page, Row};
use crate::tap::read::waiting::Piece;
use crate::tap::time::{EpochSeconds, HOUR, Seconds};

/// Two instants that are no further apart may lie in the same day or in neighbouring ones.
const TWO_DAYS: Seconds = 50 * HOUR;
/// How often what lies between is halved, at most.
const MOST_HALVINGS: u32 = 40;
/// Nothing was updated in the year 2100.
const NEVER: EpochSeconds = EpochSeconds::nearest(4_102_444_800);
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
    if asking.reading.is_whole_list || !is_answering(asking)? {
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
    let newest = |part: i64| Slice {
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

/// The rows of a hole; none where it still can't be read. Where seconds aren't compared, nothing is
/// found by asking for seconds.
pub fn passed_over(
    asking: &Asking<'_>,
    hole: &Hole,
    units: &[Unit],
) -> Result<Option<Vec<Row>>, Fault> {
    let mut rows = Vec::new();
    for unit in units {
        let slice = Slice {
            ending: hole.ending,
            ..Slice::window(Some(hole.from), Some(hole.to + 1), *unit)
        };
        let mut chain = Chain::new(Direction::Ascending, slice);
        chain.take_care(1);
        loop {
            let page = match chain.page(asking) {
                Ok(page) => page,
                Err(_) if chain.has_failed() => return Ok(None),
                Err(fault) => return Err(fault),
            };
            let is_done = chain.is_done(asking, &page);
            let is_within = |row: &Row| {
                let within = hole.from..=hole.to;
                row.replication_key_value
                    .is_some_and(|at| within.contains(&at))
            };
            rows.extend(page.rows.into_iter().filter(is_within));
            if is_done {
                break;
            }
        }
        if !rows.is_empty() {
            break;
        }
    }
    Ok(Some(rows))
}

/// Whether the search answers at all, now, so that it is what lies on a page that can't be had.
fn is_answering(asking: &Asking<'_>) -> Result<bool, Fault> {
    let end = asking.reading.client.config().end_date;
    let window = Slice::window(asking.reading.lower_bound(), end, Unit::Day);
    if another_page(asking, window)?.is_some() {
        return Ok(true);
    }
    if !asking.has_answered() {
        return Ok(false);
    }
    // It answered before, and both ends of what there is may be what can't be had.
    let nothing = Slice::window(Some(NEVER), None, Unit::Second);
    let mut chain = Chain::new(Direction::Ascending, nothing);
    chain.take_care(1);
    match chain.page(asking) {
        Ok(_) => Ok(true),
        Err(fault) => chain.take_failure().map_or(Err(fault), |_| Ok(false)),
    }
}

struct Around<'a, 'b> {
    asking: &'a Asking<'a>,
    why: String,
    give: &'a mut Give<'b>,
    holes: Vec<Hole>,
}

/// What came of reading a slice from both its ends.
enum End {
    /// All of its rows came, so many.
    Whole(u64),
    /// Something between them can't be had.
    Gap(Gap),
}

/// What lies between two rows, or between a row and an end of the slice.
struct Gap {
    slice: Slice,
    from: EpochSeconds,
    /// Inclusive.
    to: EpochSeconds,
    /// How many rows the slice has; none where no page of it came.
    total: Option<u64>,
    /// How many of them didn't come.
    unread: Option<u64>,
}

impl Gap {
    fn is_one(&self) -> bool {
        self.unread.is_some_and(|rows| rows <= 1)
    }
}

impl Around<'_, '_> {
    fn read(&mut self, chain: Chain, halvings: u32) -> Result<(), Fault> {
        let End::Gap(gap) = self.read_from_both_ends(chain)? else {
            return Ok(());
        };
        if gap.is_one() || halvings >= MOST_HALVINGS {
            return self.leave(&gap);
        }
        let Gap {
            slice, from, to, ..
        } = gap;
        let is_narrow = match slice.unit {
            Unit::Second => to - from <= 1,
            Unit::Day => to - from <= TWO_DAYS,
        };
        if is_narrow {
            return self.set_apart(&gap);
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
            self.read(careful(half), halvings + 1)?;
        }
        Ok(())
    }

    fn read_from_both_ends(&mut self, mut chain: Chain) -> Result<End, Fault> {
        let whole = |one: &Chain, rows: u64| End::Whole(one.total_count().unwrap_or(rows));
        let Some(why) = self.follow(&mut chain, None)? else {
            return Ok(whole(&chain, chain.rows()));
        };
        let mut back = Chain::new(chain.direction().reversed(), chain.slice());
        back.take_care(self.asking.per_page(2));
        if self.follow(&mut back, Some(&chain))?.is_none() {
            return Ok(whole(&back, chain.rows() + back.rows()));
        }
        self.why = why;
        let total = chain.total_count().or(back.total_count());
        let slice = chain.slice();
        let (below, above) = match chain.direction() {
            Direction::Ascending => (&chain, &back),
            Direction::Descending => (&back, &chain),
        };
        // Not what is asked for beyond the bounds: halves would be as wide as the whole.
        let earliest = || slice.lower().unwrap_or_else(|| slice.after());
        let from = below.reached().unwrap_or_else(earliest);
        let latest = || match slice.unit {
            Unit::Second => slice.to.map(|to| to - 1),
            Unit::Day => slice.before(),
        };
        let latest = || latest().unwrap_or_else(|| self.asking.reading.client.now());
        Ok(End::Gap(Gap {
            slice,
            from,
            to: above.reached().unwrap_or_else(latest).max(from),
            total,
            unread: total.map(|total| total.saturating_sub(chain.rows() + back.rows())),
        }))
    }

    /// Reads what lies between rows that can't be had, where no bound of time lies between them: by how
    /// ids end, a digit more at a time. What that doesn't reach stays within a hole.
    fn set_apart(&mut self, gap: &Gap) -> Result<(), Fault> {
        let mut counted = 0;
        let mut parts = Vec::new();
        let mut is_answering = false;
        for ending in gap.slice.ending.longer() {
            let slice = Slice {
                ending,
                is_window: false,
                ..gap.slice
            };
            match self.read_from_both_ends(careful(slice))? {
                End::Whole(rows) => {
                    is_answering = true;
                    counted += rows;
                }
                End::Gap(part) => {
                    counted += part.total.unwrap_or_default();
                    parts.push(Gap {
                        from: part.from.max(gap.from).min(gap.to),
                        to: part.to.min(gap.to).max(gap.from),
                        ..part
                    });
                }
            }
        }
        let silent = parts.iter().filter(|part| part.total.is_none()).count() as u64;
        // Where totals don't add up, some ids end otherwise, or it isn't by their ends that rows came.
        let uncounted = gap.total.and_then(|total| total.checked_sub(counted));
        let is_added_up = match uncounted {
            Some(0) => silent == 0,
            Some(_) => silent > 0,
            None => false,
        };
        if !is_added_up || !is_answering {
            self.leave(gap)?;
        }
        if !is_answering || gap.total.is_some_and(|total| counted > total) {
            return Ok(());
        }
        // A record that stands alone isn't sought any further.
        if gap.total.is_none() && counted == 0 && silent == 1 {
            return Ok(());
        }
        for mut part in parts {
            if part.total.is_none() {
                part.total = match silent {
                    1 => uncounted,
                    _ => (uncounted == Some(silent)).then_some(1),
                };
                part.unread = part.total;
            }
            if part.is_one() {
                self.leave(&part)?;
            } else {
                self.set_apart(&part)?;
            }
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

    fn leave(&mut self, gap: &Gap) -> Result<(), Fault> {
        self.asking.count_hole()?;
        let hole = Hole {
            from: gap.from,
            to: gap.to,
            since: self.asking.reading.started(),
            why: self.why.clone(),
            ending: gap.slice.ending,
        };
        tracing::warn!("{}: {hole} can't be read", self.asking.reading.stream.name);
        self.holes.push(hole);
        Ok(())
    }
}

/// Reads a part, oldest first, in which something can't be had.
fn careful(slice: Slice) -> Chain {
    let mut chain = Chain::new(Direction::Ascending, slice);
    chain.take_care(FEW_ROWS);
    chain
}
