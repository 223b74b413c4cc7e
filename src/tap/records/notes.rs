//! Streams `contact_notes` and `company_notes`, and the notes that companies hold.

use super::admins::Admin;
use super::shared::{Id, NumberOrText, Reference, Timestamp};
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
    pub created_at: Option<Timestamp>,
    /// Contact that the note is about.
    pub contact: Option<Reference>,
    /// Company that the note is about.
    pub company: Option<Reference>,
    /// Admin who wrote the note.
    pub author: Option<Admin>,
    /// Identifier of that admin; sent by some workspaces in the place of `author`.
    pub admin_id: Option<Id>,
    /// Name of that admin, likewise.
    pub admin_name: Option<String>,
    /// Email address of that admin, likewise.
    pub admin_email: Option<String>,
    /// Text of the note, as HTML.
    pub body: Option<String>,
    /// Path of the API request that answers the note.
    pub url: Option<String>,
}

/// Notes about a company.
#[derive(JsonSchema)]
pub struct CompanyNoteList {
    /// Kind of object: `note.list`.
    pub r#type: Option<String>,
    /// The notes, under the name that the list's own answer has.
    pub notes: Option<Vec<AttachedNote>>,
    /// The notes, under the name that a company has.
    pub data: Option<Vec<AttachedNote>>,
    /// Path of the API request that answers the whole list.
    pub url: Option<String>,
    /// Number of notes, listed here or not.
    pub total_count: Option<NumberOrText>,
    /// Whether there are more notes than listed here.
    pub has_more: Option<bool>,
}

/// A note that an admin wrote about a company.
#[derive(JsonSchema)]
pub struct CompanyNote {
    /// Identifier that Intercom gave the company; added by the tap.
    pub company_id: Option<Id>,
    /// The note.
    #[schemars(flatten)]
    pub note: AttachedNote,
}

/// A note about a company.
#[derive(JsonSchema)]
pub struct AttachedNote {
    /// Kind of object: `note`.
    pub r#type: Option<String>,
    /// Identifier of the note.
    pub id: Id,
    /// When the note was written, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// Company that the note is about.
    pub company: Option<Reference>,
    /// Admin who wrote the note.
    pub author: Option<Admin>,
    /// Text of the note, as HTML.
    pub body: Option<String>,
}
