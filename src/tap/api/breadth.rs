//! How many requests may be in flight: few at first, more while they are answered well, fewer when
//! the server fails or slows down. Pure: the clock and the answers are arguments.

use std::time::Duration;

/// How many may be in flight to begin with.
const FIRST: f64 = 8.0;
/// Where one in so many of a round fails, there are too many in flight.
const TOO_MANY_FAILURES: u32 = 8;
/// A round that takes so many times as long as the fastest is one of a server that has too much to do.
const TOO_SLOW: u32 = 4;
/// Differences below this are none.
const NOTICEABLE: Duration = Duration::from_millis(200);
/// Rounds of fewer answers say nothing of how fast they come.
const ENOUGH_TO_COMPARE: u32 = 8;
/// Once it is known what is too much, a round adds one in so many.
const GENTLE_GROWTH: f64 = 8.0;

/// The most that may be in flight at a time.
#[derive(Debug)]
pub struct Breadth {
    most: f64,
    allowed: f64,
    /// Whether it was never too much: then each round doubles it.
    is_ramping: bool,
    /// The shortest mean time of a round.
    fastest: Option<Duration>,
    round: Round,
}

/// As many answers as were in flight when it began.
#[derive(Debug, Default)]
struct Round {
    length: u32,
    answers: u32,
    failures: u32,
    took: Duration,
    /// Whether as many were in flight as may be.
    was_full: bool,
}

impl Breadth {
    /// At most `most` at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        let allowed = FIRST.min(most);
        Self {
            most,
            allowed,
            is_ramping: true,
            fastest: None,
            round: Round::of(allowed),
        }
    }

    /// How many may be in flight now, at least 1.
    #[must_use]
    pub fn allowed(&self) -> u32 {
        whole(self.allowed)
    }

    /// A request went out, and so many are in flight.
    pub fn sent(&mut self, in_flight: u32) {
        self.round.was_full |= in_flight >= self.allowed();
    }

    /// A request came to an end. `is_healthy`: the server had no trouble with it.
    pub fn ended(&mut self, is_healthy: bool, took: Duration) {
        self.round.answers += 1;
        self.round.failures += u32::from(!is_healthy);
        self.round.took += took;
        if self.is_ramping && is_healthy && self.round.was_full {
            self.set(self.allowed + 1.0);
        }
        if self.round.answers >= self.round.length {
            self.end_round();
        }
    }

    fn end_round(&mut self) {
        let round = std::mem::replace(&mut self.round, Round::of(self.allowed));
        let mean = round.took / round.answers.max(1);
        if round.failures * TOO_MANY_FAILURES >= round.answers.max(1) {
            self.is_ramping = false;
            self.set(self.allowed / 2.0);
        } else if round.answers >= ENOUGH_TO_COMPARE && self.is_slow(mean) {
            self.is_ramping = false;
            self.set((self.allowed * (1.0 - 1.0 / GENTLE_GROWTH)).max(FIRST));
        } else if !self.is_ramping && round.was_full {
            self.set(self.allowed + (self.allowed / GENTLE_GROWTH).max(1.0));
        }
        if round.answers >= ENOUGH_TO_COMPARE {
            // What was fast long ago is forgotten: the way to the server may be another by now.
            let fastest = self.fastest.map_or(mean, |fastest| fastest + fastest / 64);
            self.fastest = Some(fastest.min(mean));
        }
        self.round = Round::of(self.allowed);
    }

    fn is_slow(&self, mean: Duration) -> bool {
        self.fastest
            .is_some_and(|fastest| mean > TOO_SLOW * fastest + NOTICEABLE)
    }

    fn set(&mut self, allowed: f64) {
        self.allowed = allowed.clamp(1.0, self.most);
    }
}

impl Round {
    fn of(allowed: f64) -> Self {
        Self {
            length: whole(allowed),
            ..Self::default()
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 1 and the setting's largest value"
)]
fn whole(allowed: f64) -> u32 {
    allowed as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(100);

    /// A round trip of as many as may be in flight.
    fn round_trip(breadth: &mut Breadth, failures: u32, took: Duration) {
        let count = breadth.allowed();
        breadth.sent(count);
        for number in 0..count {
            breadth.ended(number >= failures, took);
        }
    }

    #[test]
    fn it_doubles_while_all_goes_well_up_to_the_most() {
        let mut breadth = Breadth::new(50);
        let mut allowed = Vec::new();
        for _ in 0..6 {
            allowed.push(breadth.allowed());
            round_trip(&mut breadth, 0, USUAL);
        }
        assert_eq!(allowed, [8, 16, 32, 50, 50, 50]);
        assert_eq!(Breadth::new(1).allowed(), 1);
    }

    #[test]
    fn it_does_not_grow_where_it_is_not_used() {
        let mut breadth = Breadth::new(64);
        for _ in 0..1000 {
            breadth.sent(2);
            breadth.ended(true, USUAL);
        }
        assert_eq!(breadth.allowed(), 8);
    }

    #[test]
    fn failures_halve_it_once_a_round_and_it_grows_again_slowly() {
        let mut breadth = Breadth::new(64);
        for _ in 0..5 {
            round_trip(&mut breadth, 0, USUAL);
        }
        round_trip(&mut breadth, 64, USUAL);
        assert_eq!(breadth.allowed(), 32);
        round_trip(&mut breadth, 0, USUAL);
        assert_eq!(breadth.allowed(), 36);
        for _ in 0..20 {
            let count = breadth.allowed();
            round_trip(&mut breadth, count, USUAL);
        }
        assert_eq!(breadth.allowed(), 1);
        for _ in 0..60 {
            round_trip(&mut breadth, 0, USUAL);
        }
        assert_eq!(breadth.allowed(), 64);
    }

    #[test]
    fn one_that_fails_among_many_changes_nothing() {
        let mut breadth = Breadth::new(64);
        for _ in 0..5 {
            round_trip(&mut breadth, 0, USUAL);
        }
        for _ in 0..10 {
            round_trip(&mut breadth, 1, USUAL);
        }
        assert_eq!(breadth.allowed(), 64);
    }

    #[test]
    fn a_server_that_slows_down_is_asked_less_at_a_time() {
        let mut breadth = Breadth::new(64);
        for _ in 0..5 {
            round_trip(&mut breadth, 0, USUAL);
        }
        for _ in 0..10 {
            round_trip(&mut breadth, 0, 10 * USUAL);
        }
        assert!(breadth.allowed() < 32, "{}", breadth.allowed());
        for _ in 0..40 {
            round_trip(&mut breadth, 0, 2 * USUAL);
        }
        assert_eq!(breadth.allowed(), 64);
    }
}
