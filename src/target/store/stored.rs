//! What is known of an object that was read or written.

/// What an object was when it was read or written: the ticket for replacing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// A directory has no generations; the content stands for itself.
    Content(Vec<u8>),
    /// The object's generation, or `None` from a service that has none.
    Generation(Option<i64>),
}

/// A small object.
#[derive(Debug)]
pub struct Stored {
    /// All of its bytes.
    pub content: Vec<u8>,
    /// The ticket for replacing it.
    pub version: Version,
}

/// An object as a listing tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name below the destination.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Which of the objects of that name it is, where the service tells.
    pub generation: Option<i64>,
    /// The checksum of its bytes, in base64, where the service tells.
    pub crc32c: Option<String>,
}
