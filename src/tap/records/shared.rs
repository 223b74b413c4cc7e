//! Pieces that several records share: loosely typed values, references, lists.

use schemars::JsonSchema;

/// An identifier.
// Documented as a string for most objects, yet the published examples hold integers too.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["string", "integer"]))]
pub struct Id;

/// A point in time.
// Documented as epoch seconds for most fields and as ISO 8601 for some. On record are, for the same
// field in different versions and workspaces, epoch seconds, epoch milliseconds, fractions of
// seconds, digits as text and ISO 8601. Descriptions name the form that is documented.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["number", "string"]))]
pub struct Timestamp;

/// A point in time that a stream is read by, in epoch seconds.
// Numbers only, although it is a timestamp as any other: all recorded and published answers, from
// version 2.7 on, hold numbers here, and loaders can order a column of numbers, and keep it as one.
// Where text is on record for a replication key, as of calls, that field is a `Timestamp`.
#[derive(JsonSchema)]
#[schemars(extend("type" = "number"))]
pub struct NumericTimestamp;

/// A point in time that a stream is read by, as ISO 8601 text, which orders as time does.
#[derive(JsonSchema)]
#[schemars(extend("type" = "string"))]
pub struct Iso8601;

/// A number that may come as text.
// On record as text are sizes of attachments and times of transcripts. Taken for every number inside
// a nested object, of which no loader makes a column of numbers. Those of the record itself stay
// numbers, which loaders can add up.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["number", "string"]))]
pub struct NumberOrText;

/// An object whose properties each workspace defines for itself.
#[derive(JsonSchema)]
#[schemars(extend("type" = "object"))]
pub struct OpenObject;

/// A value of any type.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["string", "number", "boolean", "object", "array"]))]
pub struct AnyValue;

/// A picture of a person: its address, or an object that holds it.
// The description says object for contacts and text for admins, Intercom's own libraries say text
// for both; both are on record.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["string", "object"]))]
pub struct Avatar {
    /// Kind of object: `avatar`.
    pub r#type: Option<String>,
    /// Address of the picture.
    pub image_url: Option<String>,
}

/// A pointer to another object.
#[derive(JsonSchema)]
pub struct Reference {
    /// Kind of the object pointed to.
    pub r#type: Option<String>,
    /// Identifier of the object pointed to.
    pub id: Option<Id>,
}

/// Whom something is assigned to: an object, or text in older versions.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["object", "string"]))]
pub struct Assignee {
    /// Kind of assignee: `admin`, `team` or `nobody_admin`.
    pub r#type: Option<String>,
    /// Identifier of the assignee.
    pub id: Option<Id>,
}

/// A pointer to a contact.
#[derive(JsonSchema)]
pub struct ContactReference {
    /// Kind of object: `contact`.
    pub r#type: Option<String>,
    /// Identifier that Intercom gave the contact.
    pub id: Option<Id>,
    /// Identifier that the company's own systems gave the contact.
    pub external_id: Option<Id>,
    /// Whether the contact is a `user` or a `lead`; versions up to 2.9 say so here.
    pub role: Option<String>,
}

/// Contacts taking part in a conversation or ticket.
#[derive(JsonSchema)]
pub struct ContactReferences {
    /// Kind of object: `contact.list`.
    pub r#type: Option<String>,
    /// The contacts, in the order they joined.
    pub contacts: Option<Vec<ContactReference>>,
}

/// Objects attached to a record, of which the API sends the first few. The tap completes the list
/// from `url`, with fuller objects than these.
#[derive(JsonSchema)]
pub struct AttachedList {
    /// Kind of object: `list`.
    pub r#type: Option<String>,
    /// The attached objects.
    pub data: Option<Vec<AttachedObject>>,
    /// Path of the API request that answers the whole list.
    pub url: Option<String>,
    /// Number of objects attached, listed here or not.
    pub total_count: Option<NumberOrText>,
    /// Whether the API knows of more objects than it sent along.
    pub has_more: Option<bool>,
}

/// One object of a list that is attached to a record.
#[derive(JsonSchema)]
pub struct AttachedObject {
    /// Kind of the attached object.
    pub r#type: Option<String>,
    /// Identifier of the attached object.
    pub id: Option<Id>,
    /// Path of the API request that answers the object.
    pub url: Option<String>,
}

/// A file sent along with a message.
#[derive(JsonSchema)]
pub struct Attachment {
    /// Kind of attachment, such as `upload`.
    pub r#type: Option<String>,
    /// File name.
    pub name: Option<String>,
    /// Address to download the file from; it may expire.
    pub url: Option<String>,
    /// Media type of the file.
    pub content_type: Option<String>,
    /// Size of the file in bytes.
    pub filesize: Option<NumberOrText>,
    /// Width of an image in pixels.
    pub width: Option<NumberOrText>,
    /// Height of an image in pixels.
    pub height: Option<NumberOrText>,
}

/// One address line in the head of an email.
#[derive(JsonSchema)]
pub struct EmailAddressHeader {
    /// Which header: `from`, `to`, `cc` and so on.
    pub r#type: Option<String>,
    /// Email address.
    pub email_address: Option<String>,
    /// Display name that goes with the address.
    pub name: Option<String>,
}

/// Conversations and tickets linked to a record.
#[derive(JsonSchema)]
pub struct LinkedObjectList {
    /// Kind of object: `list`.
    pub r#type: Option<String>,
    /// The linked objects.
    pub data: Option<Vec<LinkedObject>>,
    /// Number of objects linked, listed here or not.
    pub total_count: Option<NumberOrText>,
    /// Whether there are more linked objects than listed here.
    pub has_more: Option<bool>,
}

/// A conversation or ticket linked to a record.
#[derive(JsonSchema)]
pub struct LinkedObject {
    /// Kind of the linked object: `ticket` or `conversation`.
    pub r#type: Option<String>,
    /// Identifier of the linked object.
    pub id: Option<Id>,
    /// Category of a linked ticket.
    pub category: Option<String>,
}
