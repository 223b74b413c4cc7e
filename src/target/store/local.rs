//! A local directory as a store.
//!
//! Files are written in `.incomplete/<run>/` below the destination and renamed into place, so that
//! a reader never meets half a file. Each run holds a lock on its folder there; the next run
//! removes the folders of runs that were killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempPath;

use super::{StoreError, StoreErrorKind, Stored, Version};
use crate::target::writer::ObjectNames;

const INCOMPLETE: &str = ".incomplete";
const LOCK: &str = "lock";
/// Serialises the replacing of state files between runs; never removed.
const STATE_LOCK: &str = "state.lock";
/// A folder that has no lock may be one whose run is about to take it.
const STALE_AFTER: Duration = Duration::from_mins(1);
/// Names are unique within a run; other runs take one only by chance.
const MAX_TAKEN_NAMES: usize = 100;

/// A directory. Clones share it.
#[derive(Clone, Debug)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    run_folder: Mutex<Option<RunFolder>>,
    next_file: AtomicU64,
}

/// This run's folder for files that are not complete.
#[derive(Debug)]
struct RunFolder {
    path: PathBuf,
    // Held for as long as the run lasts.
    _lock: File,
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

impl LocalStore {
    /// Makes the directory if need be, and removes what killed runs left behind.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(|error| fault("make the directory", root, &error))?;
        // Absolute, so that messages say where files really are.
        let root = fs::canonicalize(root).map_err(|error| fault("find", root, &error))?;
        remove_stale(&root.join(INCOMPLETE));
        let inner = Inner {
            root,
            run_folder: Mutex::default(),
            next_file: AtomicU64::new(0),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    pub fn path_of(&self, name: &str) -> PathBuf {
        self.inner.root.join(name)
    }

    pub fn create(&self, names: ObjectNames) -> Result<LocalWriter, StoreError> {
        let (file, temporary) = self.temporary()?;
        Ok(LocalWriter {
            store: self.clone(),
            file,
            temporary,
            names,
        })
    }

    pub fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let mut names = Vec::new();
        self.list_folder(folder, prefix, &mut names)?;
        Ok(names)
    }

    fn list_folder(
        &self,
        folder: &str,
        prefix: &str,
        names: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let path = self.path_of(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fault("list", &path, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| fault("list", &path, &error))?;
            // Names of this program's making are ASCII.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let name = format!("{folder}{name}");
            if entry.path().is_dir() {
                if name != INCOMPLETE {
                    self.list_folder(&format!("{name}/"), prefix, names)?;
                }
            } else if name.starts_with(prefix) {
                names.push(name);
            }
        }
        Ok(())
    }

    pub fn read(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let path = self.path_of(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(Stored {
                version: Version::Content(content.clone()),
                content,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault("read", &path, &error)),
        }
    }

    pub fn replace(
        &self,
        name: &str,
        content: &[u8],
        expected: Option<&Version>,
    ) -> Result<Version, StoreError> {
        let path = self.path_of(name);
        let (mut file, temporary) = self.temporary()?;
        file.write_all(content)
            .and_then(|()| file.sync_all())
            .map_err(|error| fault("write", &temporary, &error))?;
        self.make_parent(&path)?;

        let lock_path = self.inner.root.join(INCOMPLETE).join(STATE_LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(|error| fault("open", &lock_path, &error))?;
        lock.lock()
            .map_err(|error| fault("lock", &lock_path, &error))?;
        let current = self.read(name)?.map(|stored| stored.version);
        if current.as_ref() != expected {
            return Err(StoreError::failed(format_args!(
                "{} was changed by another run",
                path.display()
            ))
            .kind(StoreErrorKind::Conflict));
        }
        temporary
            .persist(&path)
            .map_err(|error| fault("write", &path, &error.error))?;
        // Others need not wait for the disk.
        drop(lock);
        self.sync_folders_of(&path)?;
        Ok(Version::Content(content.to_vec()))
    }

    /// A new file in this run's folder; it is removed unless it is renamed.
    fn temporary(&self) -> Result<(File, TempPath), StoreError> {
        let mut run_folder = self
            .inner
            .run_folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let folder = match &mut *run_folder {
            Some(folder) => folder,
            none => none.insert(make_run_folder(&self.inner.root.join(INCOMPLETE))?),
        };
        let number = self.inner.next_file.fetch_add(1, Ordering::Relaxed);
        let path = folder.path.join(number.to_string());
        let create = || {
            let file = File::create_new(&path)?;
            Ok((file, TempPath::try_from_path(&path)?))
        };
        create().map_err(|error: io::Error| fault("create", &path, &error))
    }

    fn make_parent(&self, path: &Path) -> Result<(), StoreError> {
        let parent = path.parent().unwrap_or(&self.inner.root);
        fs::create_dir_all(parent).map_err(|error| fault("make the directory", parent, &error))
    }

    /// Makes a file's name durable, and the names of the folders it is in.
    fn sync_folders_of(&self, path: &Path) -> Result<(), StoreError> {
        let below_root = path
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(&self.inner.root));
        for folder in below_root {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| fault("sync", folder, &error))?;
        }
        Ok(())
    }
}

/// A file on its way.
#[derive(Debug)]
pub struct LocalWriter {
    store: LocalStore,
    file: File,
    temporary: TempPath,
    names: ObjectNames,
}

impl LocalWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, StoreError> {
        self.file
            .write(bytes)
            .map_err(|error| fault("write", &self.temporary, &error))
    }

    pub fn finish(mut self) -> Result<String, StoreError> {
        self.file
            .sync_all()
            .map_err(|error| fault("sync", &self.temporary, &error))?;
        for _ in 0..MAX_TAKEN_NAMES {
            let name = self.names.next();
            let path = self.store.path_of(&name);
            self.store.make_parent(&path)?;
            match self.temporary.persist_noclobber(&path) {
                Ok(()) => {
                    self.store.sync_folders_of(&path)?;
                    return Ok(name);
                }
                Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                    self.temporary = taken.path;
                }
                Err(error) => return Err(fault("create", &path, &error.error)),
            }
        }
        Err(StoreError::failed("every name tried for a file was taken")
            .kind(StoreErrorKind::NameTaken))
    }
}

fn make_run_folder(incomplete: &Path) -> Result<RunFolder, StoreError> {
    let mut made = try_run_folder(incomplete);
    if made
        .as_ref()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    {
        // Another run ended just now and removed the folder, empty as it was.
        made = try_run_folder(incomplete);
    }
    made.map_err(|error| fault("make a directory in", incomplete, &error))
}

fn try_run_folder(incomplete: &Path) -> io::Result<RunFolder> {
    fs::create_dir_all(incomplete)?;
    let path = tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(incomplete)?
        .keep();
    let lock = File::create_new(path.join(LOCK))?;
    lock.lock()?;
    Ok(RunFolder { path, _lock: lock })
}

/// Removes the folders of runs that ended without removing them. Failing at it harms nobody.
fn remove_stale(incomplete: &Path) {
    let Ok(entries) = fs::read_dir(incomplete) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && is_stale(&path).unwrap_or(false) {
            tracing::info!("removing {}, left by a run that was killed", path.display());
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_stale(run_folder: &Path) -> io::Result<bool> {
    let age = fs::metadata(run_folder)?.modified()?.elapsed();
    if age.is_ok_and(|age| age < STALE_AFTER) {
        return Ok(false);
    }
    match File::open(run_folder.join(LOCK)) {
        Ok(lock) => Ok(lock.try_lock().is_ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn fault(action: &str, path: &Path, error: &io::Error) -> StoreError {
    let fault = StoreError::failed(format_args!("can't {action} {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::PermissionDenied => fault.hint("check who owns the directory and its mode"),
        io::ErrorKind::ReadOnlyFilesystem => {
            fault.hint("the file system is mounted read-only: check its mount, or `destination`")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            fault.hint("make room on the disk and run again")
        }
        _ => fault,
    }
}
