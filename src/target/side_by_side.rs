//! Waits that pass together: each of many small tasks waits for the disk or the network.

use std::sync::{Mutex, PoisonError};

/// Tasks that go on at once, at most.
const AT_ONCE: usize = 16;

/// Does `work` with each item, several at a time, and gives what came of them in no order. After a
/// failure no more are begun, and what is left of the items is dropped.
pub fn side_by_side<Item: Send, Done: Send, Error: Send>(
    items: Vec<Item>,
    work: impl Fn(Item) -> Result<Done, Error> + Sync,
) -> Result<Vec<Done>, Error> {
    let threads = items.len().min(AT_ONCE);
    let waiting = Mutex::new(items.into_iter());
    let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || lock().next();
    let work_off = || {
        let mut done = Vec::new();
        while let Some(item) = next() {
            match work(item) {
                Ok(result) => done.push(result),
                Err(error) => {
                    drop(std::mem::take(&mut *lock()));
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let results: Vec<Result<Vec<Done>, Error>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work_off)).collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let mut done = Vec::new();
    for result in results {
        done.append(&mut result?);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_item_is_done_once() {
        for count in [0, 1, AT_ONCE, 1000] {
            let items: Vec<usize> = (0..count).collect();
            let done = side_by_side(items.clone(), |item| Ok::<usize, ()>(item * 2)).unwrap();
            assert_eq!(done.len(), count);
            let expected: BTreeSet<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(done.into_iter().collect::<BTreeSet<usize>>(), expected);
        }
    }

    #[test]
    fn tasks_wait_together() {
        let all_have_come = Barrier::new(AT_ONCE);
        let items = (0..AT_ONCE).collect();
        let done = side_by_side(items, |_| {
            all_have_come.wait();
            Ok::<(), ()>(())
        });
        assert_eq!(done.unwrap().len(), AT_ONCE);
    }

    #[test]
    fn a_failure_is_the_last_to_begin() {
        let begun = AtomicUsize::new(0);
        let result = side_by_side((0..1000).collect(), |item: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if item >= 100 { Err(item) } else { Ok(item) }
        });
        let failed = result.unwrap_err();
        // Others were under way when it failed.
        assert!((100..100 + AT_ONCE).contains(&failed), "{failed}");
        let begun = begun.into_inner();
        assert!((101..=100 + AT_ONCE).contains(&begun), "{begun}");
    }
}
