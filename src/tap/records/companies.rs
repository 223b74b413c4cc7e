//! Streams `companies` and `contact_companies`.

use super::notes::CompanyNoteList;
use super::segments::SegmentList;
use super::shared::{Id, NumericTimestamp, OpenObject, Timestamp};
use super::tags::TagList;
use schemars::JsonSchema;

/// An organisation that contacts belong to.
#[derive(JsonSchema)]
pub struct Company {
    /// Kind of object: `company`.
    pub r#type: Option<String>,
    /// Identifier that Intercom gave the company.
    pub id: Id,
    /// Name of the company.
    pub name: Option<String>,
    /// Identifier of the workspace that the company belongs to.
    pub app_id: Option<Id>,
    /// Plan that the company is on.
    pub plan: Option<Plan>,
    /// Identifier that one's own systems gave the company.
    pub company_id: Option<Id>,
    /// When one's own systems created the company, in epoch seconds.
    pub remote_created_at: Option<Timestamp>,
    /// When the company was added to Intercom, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the company last changed, in epoch seconds.
    pub updated_at: Option<NumericTimestamp>,
    /// When someone of the company last made a request, in epoch seconds.
    pub last_request_at: Option<Timestamp>,
    /// Number of employees.
    pub size: Option<f64>,
    /// Address of the company's website.
    pub website: Option<String>,
    /// Industry the company is in.
    pub industry: Option<String>,
    /// What the company pays a month.
    pub monthly_spend: Option<f64>,
    /// Number of sessions recorded for the company.
    pub session_count: Option<f64>,
    /// Number of users in the company.
    pub user_count: Option<f64>,
    /// Attributes that the workspace defined for its companies.
    pub custom_attributes: Option<OpenObject>,
    /// Tags on the company.
    pub tags: Option<TagList>,
    /// Segments that the company falls into.
    pub segments: Option<SegmentList>,
    /// Notes about the company.
    pub notes: Option<CompanyNoteList>,
}

/// A plan that companies can be on.
#[derive(JsonSchema)]
pub struct Plan {
    /// Kind of object: `plan`.
    pub r#type: Option<String>,
    /// Identifier of the plan.
    pub id: Option<Id>,
    /// Name of the plan.
    pub name: Option<String>,
}

/// A company that a contact belongs to.
#[derive(JsonSchema)]
pub struct ContactCompany {
    /// Identifier of the contact; added by the tap.
    pub contact_id: Id,
    /// Path of the API request that answers the company.
    pub url: Option<String>,
    /// The company.
    #[schemars(flatten)]
    pub company: Company,
}
