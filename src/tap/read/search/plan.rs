//! Where a window of time is split into slices. Any place is right, since rows are told by their own
//! instants; how wide a slice is only decides how many pages it has, and follows what its neighbours
//! held. Knows nothing of requests.

use crate::tap::read::ending::Ending;
use crate::tap::time::{DAY, EpochSeconds, HOUR, Seconds};

/// Intercom began in 2011: nothing is older.
pub const BEGINNING: EpochSeconds = EpochSeconds::nearest(1_293_840_000);

/// A whole day of any timezone, daylight saving included: asked for beyond a bound, since a day that
/// only touches the bound may not match.
const WHOLE_DAY_MARGIN: Seconds = 25 * HOUR;
/// Whether `>` and `<` include their own second is not known for sure.
const SECOND_MARGIN: Seconds = 1;
/// Pages of a slice: its last one is but half full on the average, which mustn't weigh.
const MOST_PAGES: u64 = 12;
/// Where so little is left that slices would be too few for all who read, they are smaller.
const LEAST_PAGES: u64 = 3;
/// By how much a slice may be wider than the one before.
const FASTEST_GROWTH: i64 = 4;
/// A slice that holds too much is split into so many, at most: all it holds may lie in one of them.
const MOST_PARTS: u64 = 8;
/// Rows that all lie in one second aren't reached by splitting: after so many splits they are read as they
/// are.
const DEEPEST_SPLIT: u32 = 7;
/// Rows a day that are enough to show when days begin.
const ENOUGH_A_DAY: i64 = 24;

/// What a search compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Seconds.
    Second,
    /// Perhaps whole days of a timezone that isn't known.
    Day,
}

/// A part of the window that is read by a query of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Slice {
    /// Inclusive; none where it has no beginning.
    pub from: Option<EpochSeconds>,
    /// Exclusive; none where it has no end.
    pub to: Option<EpochSeconds>,
    /// How the search compares.
    pub unit: Unit,
    /// Whether no slice follows.
    pub is_last: bool,
    /// Whether it is all there is.
    pub is_window: bool,
    /// How the ids of its rows end.
    pub ending: Ending,
}

/// Gives out the slices of a window, oldest first.
#[derive(Debug)]
pub struct Planner {
    window: Slice,
    /// Where the window begins, as far as rows are known.
    beginning: EpochSeconds,
    /// Nothing is split from here on.
    end: EpochSeconds,
    /// Where the next slice begins; none once the last was given out.
    next: Option<EpochSeconds>,
    /// So many rows in so many seconds were met last, in the slice that begins there.
    met: (u64, Seconds),
    met_from: EpochSeconds,
    last_width: Seconds,
    /// How many rows are still to be planned, more or less.
    rows_left: u64,
    page_size: u64,
    readers: u64,
    /// Whether the API's counts are true, as far as is known.
    is_trusting: bool,
    /// The second of a day, in UTC, at which days begin, as far as answers show.
    day_begins: Seconds,
}

impl Unit {
    /// What is asked for beyond a bound.
    fn margin(self) -> Seconds {
        match self {
            Self::Second => SECOND_MARGIN,
            Self::Day => WHOLE_DAY_MARGIN,
        }
    }
}

impl Slice {
    /// All between two bounds.
    #[must_use]
    pub fn window(from: Option<EpochSeconds>, to: Option<EpochSeconds>, unit: Unit) -> Self {
        Self {
            from,
            to,
            unit,
            is_last: true,
            is_window: true,
            ending: Ending::default(),
        }
    }

    /// What `updated_at` is asked to be greater than.
    #[must_use]
    pub fn after(&self) -> EpochSeconds {
        let earliest = EpochSeconds::EPOCH;
        self.from
            .map_or(earliest, |from| (from - self.unit.margin()).max(earliest))
    }

    /// What `updated_at` is asked to be less than. The slice that follows asks for a margin below its
    /// own beginning: where days match, for the day in which this one ends, and all of it.
    #[must_use]
    pub fn before(&self) -> Option<EpochSeconds> {
        let margin = if self.is_last { self.unit.margin() } else { 0 };
        self.to.map(|to| to + margin)
    }

    /// Rows from here on are this slice's own.
    #[must_use]
    pub fn lower(&self) -> Option<EpochSeconds> {
        self.from.filter(|_| self.unit == Unit::Second)
    }

    /// Rows below are others' for sure: where days match, the day in which this slice begins is its own
    /// from its first second on.
    #[must_use]
    pub fn earliest(&self) -> Option<EpochSeconds> {
        match self.unit {
            Unit::Second => self.from,
            Unit::Day => self.from.map(|from| from - WHOLE_DAY_MARGIN),
        }
    }

    /// Up to where nothing is still to come once this slice and those before are read.
    #[must_use]
    pub fn settled(&self) -> Option<EpochSeconds> {
        match self.unit {
            Unit::Second => self.to,
            Unit::Day => self.to.map(|to| to - WHOLE_DAY_MARGIN),
        }
    }
}

impl Planner {
    /// Plans a window of `total` rows, the oldest of which is of `oldest`, for so many who read at once.
    /// Nothing is split from `latest` on.
    #[must_use]
    pub fn new(
        window: Slice,
        oldest: Option<EpochSeconds>,
        latest: EpochSeconds,
        total: u64,
        page_size: u32,
        readers: usize,
    ) -> Self {
        let end = window.to.map_or(latest, |to| to.min(latest));
        let beginning = window.from.max(oldest);
        let beginning = beginning.unwrap_or(EpochSeconds::EPOCH).min(end);
        let seconds = (end - beginning).max(1);
        Self {
            window,
            beginning,
            end,
            next: Some(beginning),
            met: (total.max(1), seconds),
            met_from: beginning,
            last_width: seconds,
            rows_left: total,
            page_size: page_size.max(1).into(),
            readers: readers.max(1) as u64,
            is_trusting: true,
            day_begins: 0,
        }
    }

    /// So many slices are read at once from now on.
    pub fn reckon_with(&mut self, readers: usize) {
        self.readers = readers.max(1) as u64;
    }

    /// The API's counts don't tell how much there is: all that isn't planned yet becomes one slice.
    pub fn distrust(&mut self) {
        self.is_trusting = false;
    }

    /// The next slice; none after the last.
    pub fn next(&mut self) -> Option<Slice> {
        let at = self.next?;
        let from = if at == self.beginning {
            self.window.from
        } else {
            Some(at)
        };
        let target = self.target_rows();
        let to = self.boundary_near(at, at + self.width(target));
        self.rows_left = self.rows_left.saturating_sub(target);
        if to >= self.end || !self.is_trusting {
            self.next = None;
            return Some(Slice {
                from,
                is_window: false,
                ..self.window
            });
        }
        self.last_width = to - at;
        self.next = Some(to);
        Some(Slice {
            from,
            to: Some(to),
            is_last: false,
            is_window: false,
            ..self.window
        })
    }

    /// Whether the last slice was given out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// A slice holds so many rows, the oldest of which is of `oldest`.
    pub fn learn(&mut self, slice: &Slice, rows: u64, oldest: Option<EpochSeconds>) {
        let from = slice.from.unwrap_or(self.beginning);
        let width = (slice.to.unwrap_or(self.end) - from).max(1);
        if from >= self.met_from && !slice.is_last {
            self.met_from = from;
            self.met = (rows.max(1), width);
        }
        let expected = self.target_rows();
        self.rows_left = (self.rows_left + expected).saturating_sub(rows);
        let a_day = i64::try_from(rows).unwrap_or(i64::MAX) / (width / DAY).max(1);
        if let Some(oldest) = oldest
            && slice.from.is_some_and(|from| from != self.beginning)
            && a_day >= ENOUGH_A_DAY
        {
            self.day_begins = oldest.since_day_began(0);
        }
    }

    /// The parts of a slice that holds too many rows to be read in one go; none where it doesn't, or
    /// can't be split. `splits` is how often it was split already.
    #[must_use]
    pub fn split(&self, slice: &Slice, rows: u64, splits: u32) -> Option<Vec<Slice>> {
        let target = self.target_rows();
        if rows <= 2 * target || splits >= DEEPEST_SPLIT || !self.is_trusting {
            return None;
        }
        let from = slice.from.unwrap_or(self.beginning);
        let to = slice.to.map_or(self.end, |to| to.min(self.end));
        let count = rows.div_ceil(target).min(MOST_PARTS).cast_signed();
        let mut parts = Vec::new();
        let mut rest = *slice;
        let mut last = from;
        for number in 1..count {
            let at = self.align(from + (to - from) * number / count);
            if at <= last || at >= to {
                continue;
            }
            parts.push(Slice {
                to: Some(at),
                is_last: false,
                ..rest
            });
            rest.from = Some(at);
            last = at;
        }
        parts.push(rest);
        (parts.len() > 1).then_some(parts)
    }

    fn target_rows(&self) -> u64 {
        let share = self.rows_left / self.readers;
        share.clamp(LEAST_PAGES * self.page_size, MOST_PAGES * self.page_size)
    }

    fn width(&self, target: u64) -> Seconds {
        let (rows, seconds) = self.met;
        let width = i128::from(target) * i128::from(seconds) / i128::from(rows.max(1));
        let widest = self.last_width.saturating_mul(FASTEST_GROWTH).max(1);
        Seconds::try_from(width).unwrap_or(widest).clamp(1, widest)
    }

    /// Where a slice from `from` ends that is to end about there.
    fn boundary_near(&self, from: EpochSeconds, at: EpochSeconds) -> EpochSeconds {
        let boundary = self.align(at);
        if boundary > from {
            boundary
        } else {
            boundary + DAY
        }
    }

    /// Days are split in their middle: those that match up to a boundary end before its own day, and the
    /// next slice, which asks from a day below the boundary on, begins with that, whether or not clocks are
    /// changed meanwhile.
    fn align(&self, at: EpochSeconds) -> EpochSeconds {
        match self.window.unit {
            Unit::Second => at,
            Unit::Day => at - at.since_day_began(self.day_begins + DAY / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: EpochSeconds = day(1_000);

    const fn day(number: i64) -> EpochSeconds {
        EpochSeconds::nearest(number * DAY)
    }

    fn planner(unit: Unit, total: u64) -> Planner {
        let window = Slice::window(Some(day(100)), None, unit);
        Planner::new(window, None, END, total, 100, 8)
    }

    /// All slices, each holding as many rows as `rows` says.
    fn all(mut planner: Planner, rows: impl Fn(&Slice) -> u64) -> Vec<Slice> {
        let mut slices = Vec::new();
        while let Some(slice) = planner.next() {
            planner.learn(&slice, rows(&slice), slice.from);
            slices.push(slice);
        }
        slices
    }

    #[test]
    fn slices_follow_each_other_from_end_to_end() {
        for unit in [Unit::Second, Unit::Day] {
            for total in [1, 5_000, 1_000_000] {
                let slices = all(planner(unit, total), |_| 1_000);
                assert_eq!(slices[0].from, Some(day(100)));
                assert!(
                    slices
                        .last()
                        .is_some_and(|last| last.is_last && last.to.is_none())
                );
                for pair in slices.windows(2) {
                    assert_eq!(pair[0].to, pair[1].from);
                    assert!(pair[0].to > pair[0].from && !pair[0].is_last);
                }
            }
        }
    }

    #[test]
    fn sparse_times_are_passed_quickly_and_dense_ones_split() {
        let dense_from = day(990);
        let rows = |slice: &Slice| {
            let from = slice.from.unwrap().max(dense_from);
            let to = slice.to.unwrap_or(END);
            u64::try_from((to - from).max(0) / 10).unwrap()
        };
        let slices = all(planner(Unit::Second, 86_400), rows);
        let sparse = slices.iter().filter(|slice| slice.to < Some(dense_from));
        assert!(sparse.count() < 80, "{}", slices.len());
        let planner = planner(Unit::Second, 86_400);
        let slice = slices.last().unwrap();
        let parts = planner.split(slice, 30_000, 0).unwrap();
        assert_eq!(
            (parts[0].from, parts.last().unwrap().to),
            (slice.from, None)
        );
        assert!(parts.len() == 8 && parts.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(planner.split(slice, 30_000, DEEPEST_SPLIT), None);
    }

    #[test]
    fn a_second_and_a_day_are_not_split() {
        let slice = |unit, width| Slice {
            from: Some(day(500)),
            to: Some(day(500) + width),
            unit,
            is_last: false,
            is_window: false,
            ending: Ending::default(),
        };
        assert_eq!(
            planner(Unit::Second, 9).split(&slice(Unit::Second, 1), 9_000, 0),
            None
        );
        let day = Slice {
            from: Some(day(500) + DAY / 2),
            to: Some(day(501) + DAY / 2),
            ..slice(Unit::Day, DAY)
        };
        assert_eq!(planner(Unit::Day, 9).split(&day, 9_000, 0), None);
    }

    /// Whatever the timezone, of two slices that follow each other the second begins, by whole days, no
    /// later than the first ends; and once it is known when days begin, no earlier.
    #[test]
    fn days_are_covered_in_every_timezone() {
        for offset in -12..=14 {
            let day_of = |second: EpochSeconds| (second + offset * HOUR).get().div_euclid(DAY);
            for begins in [0, (-offset * HOUR).rem_euclid(DAY)] {
                let mut planner = planner(Unit::Day, 900_000);
                planner.day_begins = begins;
                let slices = all(planner, |_| 0);
                for pair in slices.windows(2) {
                    let last_day = day_of(pair[0].before().unwrap()) - 1;
                    let first_day = day_of(pair[1].after()) + 1;
                    assert!(first_day <= last_day + 1, "{offset} {pair:?}");
                    if begins != 0 {
                        assert_eq!(first_day, last_day + 1, "{offset} {pair:?}");
                    }
                }
            }
        }
    }
}
