//! How much one check may cost. A schema of a few lines can ask for more steps than anyone waits
//! for (lists of lists, each level of which is looked at twice), or for more stack than there is.
//!
//! The validator has no way to be told to stop. Everything it learns of a record it asks of
//! [`super::tape`], though, which takes steps at each look into a list or an object; how many schemas
//! may be held against one value is known ([`super::branching`]). Out of a check that has had enough there is one way: unwinding,
//! up to where the check began.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Steps of a check whatever the record's size, shared by the schemas that are held against a value:
/// about a second's worth.
const LEAST_STEPS: u64 = 20_000_000;
/// Steps for each value and key of a record.
const STEPS_A_VALUE: u64 = 200;
/// How deep a check may go, in bytes of stack: threads have 2 MiB.
const STACK_BYTES: usize = 1024 * 1024;

thread_local! {
    static STEPS_LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The lowest address that the stack may reach. Stacks grow downwards wherever this runs.
    static STACK_END: Cell<usize> = const { Cell::new(0) };
}

/// A check that would not have ended in time.
#[derive(Debug, PartialEq, Eq)]
pub struct Exhausted;

/// Runs a check of a record of that many values and keys, against each of which up to so many schemas
/// are held.
pub fn bounded<T>(
    values: usize,
    schemas_a_value: u64,
    check: impl FnOnce() -> T,
) -> Result<T, Exhausted> {
    STEPS_LEFT.set(LEAST_STEPS / schemas_a_value.max(1) + STEPS_A_VALUE * values as u64);
    STACK_END.set(stack_place().saturating_sub(STACK_BYTES));
    // Nothing of the check is looked at afterwards.
    let outcome = catch_unwind(AssertUnwindSafe(check));
    STEPS_LEFT.set(u64::MAX);
    STACK_END.set(0);
    outcome.map_err(|reason: Box<dyn Any + Send>| {
        if reason.is::<Exhausted>() {
            return Exhausted;
        }
        resume_unwind(reason)
    })
}

/// Takes so many steps of the check that this thread is at.
#[inline]
pub fn steps(count: usize) {
    let (left, is_over) = STEPS_LEFT.get().overflowing_sub(count as u64);
    STEPS_LEFT.set(left);
    if is_over || stack_place() < STACK_END.get() {
        give_up();
    }
}

#[cold]
fn give_up() -> ! {
    // Not `panic!`: nothing is wrong with the program, and nobody is to read that something is.
    resume_unwind(Box::new(Exhausted))
}

/// Where the stack is now.
#[inline]
fn stack_place() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_without_end_ends() {
        let endless = || -> u8 {
            loop {
                steps(1_000_000);
            }
        };
        assert_eq!(bounded(1, 1, endless), Err(Exhausted));
        assert_eq!(bounded(1, 1, || 7), Ok(7));
    }

    #[test]
    fn a_check_without_bottom_ends() {
        fn deeper(level: u64) -> u64 {
            steps(1);
            if level == u64::MAX {
                0
            } else {
                1 + std::hint::black_box(deeper(level + 1))
            }
        }
        assert_eq!(bounded(1, 1, || deeper(0)), Err(Exhausted));
    }
}
