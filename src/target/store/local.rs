//! A local directory as a store.
//!
//! Files are written in this run's folder below the destination and renamed into place, so that a
//! reader never meets half a file. All that can keep that from working is tried before the first
//! record: what a disk, a network share or another user's folder won't do is told at the start.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use super::disk::{
    COPY_PREFIX, absolute, copy_beside, fault, make_durably, place_over, sync_folder,
};
use super::error::{StoreError, StoreErrorKind};
use super::names::ObjectNames;
use super::run_folder::RunFolder;
use super::stored::{Generation, Listed, Stored};
use crate::cli::stop::Stop;
use crate::target::object_name::INCOMPLETE;

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
    /// `None` where nothing is to be written.
    run_folder: Option<RunFolder>,
}

impl LocalStore {
    /// Makes the directory if need be, removes what killed runs left behind, and tries what the run
    /// will have to do in the end.
    pub fn open(root: &Path, stop: &Stop) -> Result<Self, StoreError> {
        let root = absolute(root)?;
        make_durably(&root)?;
        let root = fs::canonicalize(&root).map_err(|error| fault("find", &root, error))?;
        let run_folder = RunFolder::make(&root, stop)?;
        let store = Self {
            inner: Arc::new(Inner {
                root,
                run_folder: Some(run_folder),
            }),
        };
        store.try_to_place()?;
        Ok(store)
    }

    /// Only to be read: nothing is made, changed or removed.
    pub fn open_to_read(root: &Path) -> Result<Self, StoreError> {
        let root = absolute(root)?;
        Ok(Self {
            inner: Arc::new(Inner {
                root,
                run_folder: None,
            }),
        })
    }

    pub fn path_of(&self, name: &str) -> PathBuf {
        self.inner.root.join(name)
    }

    pub fn create(&self, names: ObjectNames) -> Result<LocalWriter, StoreError> {
        let (file, temporary) = self.run_folder()?.temporary()?;
        Ok(LocalWriter {
            store: self.clone(),
            file: Some(file),
            temporary,
            names,
        })
    }

    pub fn entries(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let path = self.path_of(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fault("list", &path, error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| fault("list", &path, error))?;
            // Names of this program's making are ASCII.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let mut name = format!("{folder}{name}");
            if name == INCOMPLETE || !name.starts_with(prefix) {
                continue;
            }
            if entry.path().is_dir() {
                name.push('/');
            }
            names.push(name);
        }
        Ok(names)
    }

    /// All files, as far down as `levels` folders.
    pub fn objects(&self, levels: usize) -> Result<Vec<Listed>, StoreError> {
        let mut objects = Vec::new();
        let mut folders = vec![(String::new(), 0)];
        while let Some((folder, level)) = folders.pop() {
            for name in self.entries(&folder)? {
                if name.ends_with('/') {
                    if level < levels {
                        folders.push((name, level + 1));
                    }
                    continue;
                }
                let path = self.path_of(&name);
                let found = match fs::metadata(&path) {
                    Ok(found) if found.is_file() => found,
                    // Pipes and the like, links that lead nowhere, and what has just been removed.
                    Ok(_) => continue,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(fault("look at", &path, error)),
                };
                objects.push(Listed {
                    name,
                    bytes: found.len(),
                    generation: None,
                    crc32c: None,
                });
            }
        }
        Ok(objects)
    }

    pub fn open_file(&self, name: &str) -> Result<File, StoreError> {
        let path = self.path_of(name);
        File::open(&path).map_err(|error| fault("read", &path, error))
    }

    /// Tries to make a file where `prefix` leads, and removes it again.
    pub fn try_folder_of(&self, prefix: &str) -> Result<(), StoreError> {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let path = self.path_of(folder);
        // What isn't there yet will be made.
        let nearest = path.ancestors().find(|folder| folder.exists());
        let nearest = nearest.unwrap_or(&self.inner.root);
        tempfile::Builder::new()
            .prefix(COPY_PREFIX)
            .tempfile_in(nearest)
            .map(drop)
            .map_err(|error| fault("make files in", nearest, error))
    }

    pub fn read(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let path = self.path_of(name);
        match fs::metadata(&path) {
            // Opening a pipe would wait for whoever writes to it.
            Ok(found) if !found.is_file() => {
                return Err(fault(
                    "read",
                    &path,
                    io::Error::other("it is not a regular file"),
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match fs::symlink_metadata(&path) {
                    Ok(_) => Err(fault(
                        "read",
                        &path,
                        io::Error::other("it is a symbolic link to something that is not there"),
                    )),
                    Err(_) => Ok(None),
                };
            }
            _ => {}
        }
        match fs::read(&path) {
            Ok(content) => Ok(Some(Stored {
                version: Generation::Content(content.clone()),
                content,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault("read", &path, error)),
        }
    }

    pub fn replace(
        &self,
        name: &str,
        content: &[u8],
        expected: Option<&Generation>,
    ) -> Result<Generation, StoreError> {
        let path = self.path_of(name);
        let run_folder = self.run_folder()?;
        let (mut file, temporary) = run_folder.temporary()?;
        file.write_all(content)
            .and_then(|()| file.sync_all())
            .map_err(|error| fault("write", &temporary, error))?;
        drop(file);
        self.make_parent(&path)?;

        let lock = run_folder.lock()?;
        let current = self.read(name)?.map(|stored| stored.version);
        if current.as_ref() != expected {
            return Err(StoreError::failed(format_args!(
                "{} was changed by another run",
                path.display()
            ))
            .kind(StoreErrorKind::Conflict));
        }
        place_over(temporary, &path).map_err(|error| fault("write", &path, error))?;
        // Others need not wait for the disk.
        drop(lock);
        self.sync_folders_of(&path)?;
        Ok(Generation::Content(content.to_vec()))
    }

    fn run_folder(&self) -> Result<&RunFolder, StoreError> {
        self.inner.run_folder.as_ref().ok_or_else(|| {
            StoreError::failed(format_args!(
                "{} was opened only to be read",
                self.inner.root.display()
            ))
        })
    }

    fn make_parent(&self, path: &Path) -> Result<(), StoreError> {
        let parent = path.parent().unwrap_or(&self.inner.root);
        fs::create_dir_all(parent).map_err(|error| fault("make the directory", parent, error))
    }

    /// Does once with empty files what the end of the run takes: locks, and both kinds of renaming.
    fn try_to_place(&self) -> Result<(), StoreError> {
        let run_folder = self.run_folder()?;
        drop(run_folder.lock()?);
        let (_, temporary) = run_folder.temporary()?;
        let (_, taken) = run_folder.temporary()?;
        let place = taken.to_path_buf();
        place_over(temporary, &place).map_err(|error| fault("rename files in", &place, error))?;
        let (_, temporary) = run_folder.temporary()?;
        if self.place_new(temporary, &place)?.is_none() {
            return Err(StoreError::failed(format_args!(
                "can't keep files from being overwritten in {}",
                self.inner.root.display()
            )));
        }
        drop(taken);
        let (_, temporary) = run_folder.temporary()?;
        self.place_new(temporary, &place)?;
        fs::remove_file(&place).map_err(|error| fault("remove", &place, error))
    }

    /// Gives a complete file its name, if nothing has it; else the file comes back.
    fn place_new(&self, temporary: TempPath, path: &Path) -> Result<Option<TempPath>, StoreError> {
        let unplaced = match temporary.persist_noclobber(path) {
            Ok(()) => return Ok(None),
            Err(unplaced) => unplaced,
        };
        match unplaced.error.kind() {
            io::ErrorKind::AlreadyExists => Ok(Some(unplaced.path)),
            io::ErrorKind::CrossesDevices => {
                let copy = copy_beside(&unplaced.path, path)
                    .map_err(|error| fault("copy to", path, error))?;
                let is_taken = self.place_new(copy, path)?.is_some();
                Ok(is_taken.then_some(unplaced.path))
            }
            // Network shares and the like know neither hard links nor how not to overwrite.
            io::ErrorKind::Unsupported
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::PermissionDenied => self.place_in_turn(unplaced.path, path),
            _ => Err(fault("create", path, unplaced.error)),
        }
    }

    /// The same where only runs themselves can see to it that none overwrites another's file.
    fn place_in_turn(
        &self,
        temporary: TempPath,
        path: &Path,
    ) -> Result<Option<TempPath>, StoreError> {
        let lock = self.run_folder()?.lock()?;
        if fs::symlink_metadata(path).is_ok() {
            return Ok(Some(temporary));
        }
        let placed = temporary.persist(path);
        drop(lock);
        placed
            .map(|()| None)
            .map_err(|error| fault("create", path, error.error))
    }

    /// Makes a file's name durable, and the names of the folders it is in.
    fn sync_folders_of(&self, path: &Path) -> Result<(), StoreError> {
        let below_root = path
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(&self.inner.root));
        for folder in below_root {
            sync_folder(folder).map_err(|error| fault("sync", folder, error))?;
        }
        Ok(())
    }
}

/// A file on its way.
#[derive(Debug)]
pub struct LocalWriter {
    store: LocalStore,
    /// `None` once it is whole.
    file: Option<File>,
    temporary: TempPath,
    names: ObjectNames,
}

impl LocalWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, StoreError> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::Error::other("it is closed")),
        }
        .map_err(|error| fault("write", &self.temporary, error))
    }

    /// Brings all bytes to the disk and closes the file. It is renamed closed, which some network
    /// shares insist on, and holds no descriptor while it waits for a STATE.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        match self.file.take() {
            Some(file) => file
                .sync_all()
                .map_err(|error| fault("sync", &self.temporary, error)),
            None => Ok(()),
        }
    }

    pub fn finish(mut self) -> Result<String, StoreError> {
        self.seal()?;
        for _ in 0..MAX_TAKEN_NAMES {
            let name = self.names.next();
            let path = self.store.path_of(&name);
            self.store.make_parent(&path)?;
            match self.store.place_new(self.temporary, &path)? {
                None => {
                    self.store.sync_folders_of(&path)?;
                    return Ok(name);
                }
                Some(temporary) => self.temporary = temporary,
            }
        }
        Err(StoreError::failed("every name tried for a file was taken")
            .kind(StoreErrorKind::NameTaken))
    }
}
