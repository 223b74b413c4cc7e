//! A run's own corner of a directory, `.incomplete/run-XXXXXX/`, where files are until they are
//! complete, and the lock that runs share.
//!
//! What other people keep in `.incomplete` is left alone: only folders that look in every way like
//! those made here, and whose lock nobody holds, are removed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempPath;

use super::disk::fault;
use super::error::StoreError;
use crate::cli::stop::Stop;
use crate::http::patience::{Backoff, Patience};
use crate::target::object_name::INCOMPLETE;

const RUN_PREFIX: &str = "run-";
/// Random letters that follow it.
const RUN_LETTERS: usize = 6;
const LOCK: &str = "lock";
/// Serialises what only one run may do at a time; never removed.
const STATE_LOCK: &str = "state.lock";
/// A folder whose lock is free may be one whose run is about to take it.
const STALE_AFTER: Duration = Duration::from_mins(1);
/// Runs hold the shared lock for an instant, so whoever holds it that long is something else.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);
const LOCK_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(20),
    longest: Duration::from_millis(200),
};

/// This run's folder for files that are not complete. Dropped, it is removed.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    next_file: AtomicU64,
    /// Open all the time: what becomes of the file's mode is no matter then.
    state_lock: Mutex<File>,
    state_lock_path: PathBuf,
    stop: Stop,
    // Held for as long as the run lasts.
    _lock: File,
}

/// The lock that runs share, held.
pub struct SharedLock<'a> {
    file: MutexGuard<'a, File>,
}

impl Drop for SharedLock<'_> {
    fn drop(&mut self) {
        // It can't be held any longer than the file is open.
        let _ = self.file.unlock();
    }
}

impl RunFolder {
    /// Makes a folder below `root`, after removing those of runs that were killed.
    pub fn make(root: &Path, stop: &Stop) -> Result<Self, StoreError> {
        let incomplete = root.join(INCOMPLETE);
        let mut made = try_to_make(&incomplete);
        if made
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            // Another run ended just now and removed the folder, empty as it was.
            made = try_to_make(&incomplete);
        }
        let (path, lock) =
            made.map_err(|error| fault("make a directory in", &incomplete, error))?;
        let state_lock_path = incomplete.join(STATE_LOCK);
        let state_lock =
            open_lock(&state_lock_path).map_err(|error| fault("open", &state_lock_path, error))?;
        Ok(Self {
            path,
            next_file: AtomicU64::default(),
            state_lock: Mutex::new(state_lock),
            state_lock_path,
            stop: stop.clone(),
            _lock: lock,
        })
    }

    /// A new file; it is removed unless it is renamed.
    pub fn temporary(&self) -> Result<(File, TempPath), StoreError> {
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(number.to_string());
        let create = || {
            let file = File::create_new(&path)?;
            Ok((file, TempPath::try_from_path(&path)?))
        };
        create().map_err(|error: io::Error| fault("create", &path, error))
    }

    /// Waits for the lock that runs share, but not for ever.
    pub fn lock(&self) -> Result<SharedLock<'_>, StoreError> {
        let mut patience = Patience::new(LOCK_BACKOFF, LOCK_PATIENCE, &self.stop);
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            let Ok(pause) = patience.next_pause() else {
                let path = self.state_lock_path.display();
                return Err(StoreError::failed(format_args!(
                    "can't lock {path}: another process holds it all the time"
                ))
                .hint(format_args!(
                    "runs of this program hold it for an instant only: see who does by `fuser -v {path}`"
                )));
            };
            patience.wait(pause);
        }
    }

    fn try_lock(&self) -> Result<Option<SharedLock<'_>>, StoreError> {
        let file = self
            .state_lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match file.try_lock() {
            Ok(()) => Ok(Some(SharedLock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fault("lock", &self.state_lock_path, error)
                .hint("`destination` must be on a file system that can lock files")),
        }
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // What stays behind is removed by a later run.
        let _ = fs::remove_dir_all(&self.path);
        if let Some(incomplete) = self.path.parent() {
            let _ = fs::remove_dir(incomplete);
        }
    }
}

fn try_to_make(incomplete: &Path) -> io::Result<(PathBuf, File)> {
    match fs::create_dir(incomplete) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(incomplete)?.is_dir() {
                return Err(io::Error::other(
                    "it is not a directory, and a symbolic link is not followed",
                ));
            }
            remove_stale(incomplete);
        }
        made => made?,
    }
    let path = tempfile::Builder::new()
        .prefix(RUN_PREFIX)
        .rand_bytes(RUN_LETTERS)
        .tempdir_in(incomplete)?
        .keep();
    let lock = File::create_new(path.join(LOCK))?;
    lock.lock()?;
    Ok((path, lock))
}

/// Opens the shared lock, which another user may have made.
fn open_lock(path: &Path) -> io::Result<File> {
    let is_there = match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => true,
        Ok(_) => return Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let to_write = OpenOptions::new().create(true).append(true).open(path);
    match to_write {
        // On a local disk reading is enough to lock.
        Err(error) if is_there && error.kind() == io::ErrorKind::PermissionDenied => {
            File::open(path)
        }
        opened => opened,
    }
}

/// Removes the folders of runs that ended without removing them. Failing at it harms nobody.
fn remove_stale(incomplete: &Path) {
    let Ok(entries) = fs::read_dir(incomplete) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let is_run = name.to_str().is_some_and(is_run_name)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_run && let Ok(Some(files)) = files_of_stale(&path) {
            tracing::info!("removing {}, left by a run that was killed", path.display());
            for file in files {
                let _ = fs::remove_file(file);
            }
            let _ = fs::remove_dir(&path);
        }
    }
}

fn is_run_name(name: &str) -> bool {
    name.strip_prefix(RUN_PREFIX).is_some_and(|letters| {
        letters.len() == RUN_LETTERS && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// All files of a run's folder that nobody holds, its lock last; `None` where it is held or young,
/// or holds anything that a run doesn't make.
fn files_of_stale(run_folder: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let age = fs::metadata(run_folder)?.modified()?.elapsed();
    if age.is_ok_and(|age| age < STALE_AFTER) {
        return Ok(None);
    }
    let mut files = Vec::new();
    let mut has_lock = false;
    for entry in fs::read_dir(run_folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_lock = name == LOCK;
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if !entry.file_type()?.is_file() || !(is_lock || is_number) {
            return Ok(None);
        }
        has_lock |= is_lock;
        if is_number {
            files.push(entry.path());
        }
    }
    let lock_path = run_folder.join(LOCK);
    if !has_lock || File::open(&lock_path)?.try_lock().is_err() {
        return Ok(None);
    }
    files.push(lock_path);
    Ok(Some(files))
}
