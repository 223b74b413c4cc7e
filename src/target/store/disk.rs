//! What one file or folder takes to be in its place for good: renames, copies, syncs, and words for
//! what goes wrong.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::error::StoreError;

/// What a copy is called that is still being made, beside the place that it is for.
pub const COPY_PREFIX: &str = ".incomplete-";

/// Renames over whatever is there.
pub fn place_over(temporary: TempPath, path: &Path) -> io::Result<()> {
    match temporary.persist(path) {
        Ok(()) => Ok(()),
        Err(unplaced) if unplaced.error.kind() == io::ErrorKind::CrossesDevices => {
            copy_beside(&unplaced.path, path)?
                .persist(path)
                .map_err(|error| error.error)
        }
        Err(unplaced) => Err(unplaced.error),
    }
}

/// A durable copy in the folder of `path`, which is on another disk. Its name begins with a dot, so
/// that nobody takes it for a data file.
pub fn copy_beside(temporary: &Path, path: &Path) -> io::Result<TempPath> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut copy = tempfile::Builder::new()
        .prefix(COPY_PREFIX)
        .tempfile_in(folder)?;
    let mut original = File::open(temporary)?;
    io::copy(&mut original, copy.as_file_mut())?;
    let mode = original.metadata()?.permissions();
    copy.as_file().set_permissions(mode)?;
    copy.as_file().sync_all()?;
    Ok(copy.into_temp_path())
}

/// So that messages say where files really are; a link that leads nowhere is told as one.
pub fn absolute(root: &Path) -> Result<PathBuf, StoreError> {
    let root = std::path::absolute(root).map_err(|error| fault("find", root, error))?;
    let is_link = fs::symlink_metadata(&root).is_ok_and(|found| found.is_symlink());
    if is_link && let Err(error) = fs::metadata(&root) {
        let target = fs::read_link(&root).unwrap_or_default();
        return Err(StoreError::failed(format_args!(
            "{} is a symbolic link to {}, which can't be reached",
            root.display(),
            target.display()
        ))
        .caused_by(error)
        .hint("make what it leads to, or name another `destination`"));
    }
    Ok(root)
}

/// Makes a directory with those above it, and makes their names durable.
pub fn make_durably(folder: &Path) -> Result<(), StoreError> {
    // Whether it is a directory shows when something is made in it.
    if fs::symlink_metadata(folder).is_ok() {
        return Ok(());
    }
    let Some(above) = folder.parent() else {
        return Ok(());
    };
    make_durably(above)?;
    match fs::create_dir(folder) {
        // By another run, just now.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(|error| fault("make the directory", folder, error))?,
    }
    match sync_folder(above) {
        // A folder may be one to write in, but not to read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced.map_err(|error| fault("sync", above, error)),
    }
}

/// Makes the names of what is in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows opens no folder as a file; its file system's journal keeps names.
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Network shares don't sync folders, and need not be asked to.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Says what can't be done with which file, and what to check.
pub fn fault(action: &str, path: &Path, error: io::Error) -> StoreError {
    let kind = error.kind();
    let fault =
        StoreError::failed(format_args!("can't {action} {}", path.display())).caused_by(error);
    match kind {
        io::ErrorKind::PermissionDenied => fault.hint("check who owns the directory and its mode"),
        io::ErrorKind::ReadOnlyFilesystem => {
            fault.hint("the file system is mounted read-only: check its mount, or `destination`")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            fault.hint("make room on the disk and run again")
        }
        io::ErrorKind::InvalidFilename => {
            fault.hint("choose a shorter `destination` or path template")
        }
        _ => fault,
    }
}
