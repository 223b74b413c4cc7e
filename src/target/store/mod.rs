//! The sole owner of storage: a local directory or a bucket, behind one set of operations.
//!
//! Data objects are created whole or not at all, and never over another one. Small objects (state)
//! are replaced by compare-and-swap.

mod auth;
pub mod blocks;
mod bucket;
mod check;
mod credentials;
mod disk;
mod error;
mod gcs;
mod http;
mod kept;
mod local;
pub mod names;
mod pieces;
mod run_folder;
mod session;
mod stored;
mod upload;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use super::config::Destination;
use crate::cli::stop::Stop;
use blocks::SpareBlocks;
pub use error::{StoreError, StoreErrorKind};
use gcs::{GcsStore, GcsWriter};
use local::{LocalStore, LocalWriter};
use names::ObjectNames;
pub use stored::{Generation, Listed, ServiceRequests, Stored};

/// A place for objects. Clones share it.
#[derive(Clone, Debug)]
pub enum Store {
    /// A directory of this machine.
    Local(LocalStore),
    /// A bucket of Google Cloud Storage.
    Gcs(GcsStore),
}

impl Store {
    /// Prepares a destination. A bucket is not asked for anything yet. After a signal, what fails is
    /// no longer tried again for long.
    pub fn open(destination: &Destination, stop: &Stop) -> Result<Self, StoreError> {
        match destination {
            Destination::Directory(path) => LocalStore::open(path, stop).map(Self::Local),
            Destination::Bucket(config) => GcsStore::open(config, stop).map(Self::Gcs),
        }
    }

    /// A destination that is only read: nothing is made, changed or removed in it.
    pub fn open_to_read(destination: &Destination, stop: &Stop) -> Result<Self, StoreError> {
        match destination {
            Destination::Directory(path) => LocalStore::open_to_read(path).map(Self::Local),
            Destination::Bucket(config) => GcsStore::open(config, stop).map(Self::Gcs),
        }
    }

    /// Begins a data object, whose blocks go to `spare` when they aren't needed any more. Nothing can
    /// be seen of it before [`Writer::finish`].
    pub fn create(
        &self,
        names: ObjectNames,
        content_type: &'static str,
        spare: &Arc<SpareBlocks>,
    ) -> Result<Writer, StoreError> {
        match self {
            Self::Local(store) => store.create(names).map(Writer::Local),
            Self::Gcs(store) => Ok(Writer::Gcs(store.create(names, content_type, spare))),
        }
    }

    /// What is in the folder that `prefix` leads to and begins with `prefix`, sorted: names of
    /// objects, and of folders with a slash at the end. What is in those is not looked at.
    pub fn entries(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut names = match self {
            Self::Local(store) => store.entries(prefix),
            Self::Gcs(store) => store.entries(prefix),
        }?;
        names.sort();
        Ok(names)
    }

    /// All objects, as far down as `levels` folders, sorted by name.
    pub fn objects(&self, levels: usize) -> Result<Vec<Listed>, StoreError> {
        let mut objects = match self {
            Self::Local(store) => store.objects(levels),
            Self::Gcs(store) => store.objects(),
        }?;
        objects.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(objects)
    }

    /// An object's bytes, whatever its size, checked on their way where that can be.
    pub fn reader(&self, object: &Listed) -> Result<Box<dyn io::Read + Send>, StoreError> {
        match self {
            Self::Local(store) => Ok(Box::new(store.open_file(&object.name)?)),
            Self::Gcs(store) => Ok(Box::new(store.reader(object))),
        }
    }

    /// Fails where small objects that begin with `prefix` can't be written, as far as that is known
    /// without writing any.
    pub fn try_folder_of(&self, prefix: &str) -> Result<(), StoreError> {
        match self {
            Self::Local(store) => store.try_folder_of(prefix),
            Self::Gcs(_) => Ok(()),
        }
    }

    /// A small object's content, or `None` when there is no such object.
    pub fn read(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        match self {
            Self::Local(store) => store.read(name),
            Self::Gcs(store) => store.read(name),
        }
    }

    /// Replaces a small object that still is what it was (`None`: creates it). Fails with
    /// [`StoreErrorKind::Conflict`] when another writer was there first.
    pub fn replace(
        &self,
        name: &str,
        content: &[u8],
        expected: Option<&Generation>,
    ) -> Result<Generation, StoreError> {
        match self {
            Self::Local(store) => store.replace(name, content, expected),
            Self::Gcs(store) => store.replace(name, content, expected),
        }
    }

    /// Looks whether all that a run needs is allowed, before it begins; gives what was found, for
    /// people.
    pub fn check(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        match self {
            Self::Local(_) => Ok(Vec::new()),
            Self::Gcs(store) => store.check(),
        }
    }

    /// What was asked of a service so far; nothing of a directory.
    #[must_use]
    pub fn asked(&self) -> ServiceRequests {
        match self {
            Self::Local(_) => ServiceRequests::default(),
            Self::Gcs(store) => store.asked(),
        }
    }

    /// How a user would write an object's place.
    #[must_use]
    pub fn place_of(&self, name: &str) -> String {
        match self {
            Self::Local(store) => store.path_of(name).display().to_string(),
            Self::Gcs(store) => store.url_of(name),
        }
    }
}

/// A data object on its way. Dropping it without [`Writer::finish`] leaves nothing behind.
#[derive(Debug)]
pub enum Writer {
    /// A temporary file.
    Local(LocalWriter),
    /// An upload session.
    Gcs(GcsWriter),
}

impl Writer {
    /// Adds a block, and gives it back where it is stored already.
    pub fn write_block(&mut self, block: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Local(writer) => {
                let mut rest = block.as_slice();
                while !rest.is_empty() {
                    let written = writer.write(rest)?;
                    rest = &rest[written..];
                }
                Ok(Some(block))
            }
            Self::Gcs(writer) => writer.write_block(block).map(|()| None),
        }
    }

    /// No more bytes will come: sends off what can be sent without making the object appear.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Local(writer) => writer.seal(),
            Self::Gcs(writer) => writer.seal(),
        }
    }

    /// Makes the object appear and gives its name. It is stored durably when this returns.
    pub fn finish(self) -> Result<String, StoreError> {
        match self {
            Self::Local(writer) => writer.finish(),
            Self::Gcs(writer) => writer.finish(),
        }
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(writer) => writer.write(bytes),
            Self::Gcs(writer) => writer.write(bytes).map(|()| bytes.len()),
        }
        .map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
