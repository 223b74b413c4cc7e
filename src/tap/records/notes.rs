//! Stream `contact_notes`, and the notes that companies hold.

use super::admins::Admin;
use super::shared::{EpochSeconds, Id, Reference};
use schemars::JsonSchema;

/// A note that an admin wrote about a contact.
#[derive(JsonSchema)]
pub struct ContactNote {
    /// Kind of object: `note`.
    pub r#type: Option<String>,
    /// Identifier of the note.
    pub id: Id,
    /// Identifier of the contact; added by the tap.
    pub contact_id: Option<Id>,
    /// When the note was written, in epoch seconds.
    pub created_at: Option<EpochSeconds>,
    /// Contact that the note is about.
    pub contact: Option<Reference>,
    /// Company that the note is about.
    pub company: Option<Reference>,
    /// Admin who wrote the note.
    pub author: Option<Admin>,
    /// Text of the note, as HTML.
    pub body: Option<String>,
}

/// Notes about a company.
#[derive(JsonSchema)]
pub struct CompanyNoteList {
    /// Kind of object: `note.list`.
    pub r#type: Option<String>,
    /// The notes.
    pub notes: Option<Vec<CompanyNote>>,
}

/// A note that an admin wrote about a company.
#[derive(JsonSchema)]
pub struct CompanyNote {
    /// Kind of object: `note`.
    pub r#type: Option<String>,
    /// Identifier of the note.
    pub id: Option<Id>,
    /// When the note was written, in epoch seconds.
    pub created_at: Option<EpochSeconds>,
    /// Company that the note is about.
    pub company: Option<Reference>,
    /// Admin who wrote the note.
    pub author: Option<Admin>,
    /// Text of the note, as HTML.
    pub body: Option<String>,
}
