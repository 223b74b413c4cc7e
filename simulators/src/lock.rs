//! Locks whose content is of use also after a test has panicked with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock's content.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
