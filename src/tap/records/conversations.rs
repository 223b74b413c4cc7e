//! Stream `conversations`, as a search answers them: without their parts, which are a stream of
//! their own. Stream `deleted_conversations`: what no search answers any more.

use super::companies::Company;
use super::conversation_ai::{AiAgent, AiTopicList, SalesAgent};
use super::conversation_reviews::{MonitorEvaluation, Scorecard};
use super::shared::{
    Attachment, ContactReference, ContactReferences, EmailAddressHeader, Id, LinkedObjectList,
    NumberOrText, NumericTimestamp, OpenObject, Reference, Timestamp,
};
use super::tags::TagList;
use schemars::JsonSchema;

/// An exchange between contacts and the company's teammates, bots and agents.
#[derive(JsonSchema)]
pub struct Conversation {
    /// Kind of object: `conversation`.
    pub r#type: Option<String>,
    /// Identifier of the conversation.
    pub id: Id,
    /// Title given to the conversation.
    pub title: Option<String>,
    /// When the conversation was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the conversation last changed, in epoch seconds.
    pub updated_at: Option<NumericTimestamp>,
    /// Since when the contact has waited for an answer, in epoch seconds; null after a reply.
    pub waiting_since: Option<Timestamp>,
    /// When a snoozed conversation opens again, in epoch seconds.
    pub snoozed_until: Option<Timestamp>,
    /// Whether the conversation is open.
    pub open: Option<bool>,
    /// State, such as `open`, `closed` or `snoozed`.
    pub state: Option<String>,
    /// Whether the conversation has been read.
    pub read: Option<bool>,
    /// How urgent the conversation is.
    pub priority: Option<String>,
    /// Identifier of the admin it is assigned to; 0 for none.
    pub admin_assignee_id: Option<Id>,
    /// Identifier of the team it is assigned to; 0 for none.
    pub team_assignee_id: Option<Id>,
    /// Identifier of the company that the conversation is with, in older versions.
    pub company_id: Option<Id>,
    /// Company that the conversation is with.
    pub company: Option<Company>,
    /// Tags on the conversation.
    pub tags: Option<TagList>,
    /// How the contact rated the conversation.
    pub conversation_rating: Option<ConversationRating>,
    /// The message that began the conversation.
    pub source: Option<ConversationSource>,
    /// Contacts who take part.
    pub contacts: Option<ContactReferences>,
    /// Teammates who wrote at least once.
    pub teammates: Option<TeammateList>,
    /// Attributes that the workspace defined for its conversations.
    pub custom_attributes: Option<OpenObject>,
    /// Topics that Intercom recognised.
    pub topics: Option<TopicList>,
    /// Topics that the AI recognised; only the preview version sends them.
    pub ai_topics: Option<AiTopicList>,
    /// Ticket that the conversation turned into.
    pub ticket: Option<OpenObject>,
    /// The contact's first reply.
    pub first_contact_reply: Option<FirstContactReply>,
    /// Service level agreement that applies, and how it went.
    pub sla_applied: Option<SlaApplied>,
    /// Durations, points in time and counts computed for reports.
    pub statistics: Option<ConversationStatistics>,
    /// Conversations and tickets linked to this one.
    pub linked_objects: Option<LinkedObjectList>,
    /// Whether the AI agent took part.
    pub ai_agent_participated: Option<bool>,
    /// What the AI agent did in the conversation.
    pub ai_agent: Option<AiAgent>,
    /// Whether the sales agent took part.
    pub sales_agent_participated: Option<bool>,
    /// What the sales agent did in the conversation.
    pub sales_agent: Option<SalesAgent>,
    /// Channels the conversation began on and is on now.
    pub channel: Option<ConversationChannel>,
    /// The same conversation in other help desks and CRM systems.
    pub external_references: Option<Vec<ExternalReference>>,
    /// Quality monitors that flagged the conversation; only sent on request.
    pub monitor_evaluations: Option<Vec<MonitorEvaluation>>,
    /// Results on quality scorecards; only sent on request.
    pub scorecards: Option<Vec<Scorecard>>,
}

/// How a contact rated a conversation.
#[derive(JsonSchema)]
pub struct ConversationRating {
    /// Stars from 1 to 5.
    pub rating: Option<NumberOrText>,
    /// Words the contact added.
    pub remark: Option<String>,
    /// When the rating was asked for, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the rating last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Contact who rated.
    pub contact: Option<ContactReference>,
    /// Teammate who was rated.
    pub teammate: Option<Reference>,
}

/// The message that began a conversation.
#[derive(JsonSchema)]
pub struct ConversationSource {
    /// What kind of message it was.
    pub r#type: Option<String>,
    /// Identifier of the message.
    pub id: Option<Id>,
    /// How it came about, such as `customer_initiated`.
    pub delivered_as: Option<String>,
    /// Recipients of the email.
    pub recipients: Option<Vec<EmailRecipient>>,
    /// Addresses that answers to the email go to.
    pub reply_to: Option<Vec<ReplyToAddress>>,
    /// Subject line.
    pub subject: Option<String>,
    /// Text of the message, possibly HTML.
    pub body: Option<String>,
    /// Who wrote the message.
    pub author: Option<SourceAuthor>,
    /// Files sent along.
    pub attachments: Option<Vec<Attachment>>,
    /// Page on which the conversation began.
    pub url: Option<String>,
    /// Whether the text was removed afterwards.
    pub redacted: Option<bool>,
    /// Headers and history of the email.
    pub email_message_metadata: Option<SourceEmailMetadata>,
}

/// A recipient of the email that began a conversation.
#[derive(JsonSchema)]
pub struct EmailRecipient {
    /// Which header named the recipient: `to`, `cc` or `bcc`.
    pub r#type: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Why this recipient was left out.
    pub drop_reason: Option<String>,
}

/// An address that answers to an email go to.
#[derive(JsonSchema)]
pub struct ReplyToAddress {
    /// Email address.
    pub email: Option<String>,
    /// Display name that goes with the address.
    pub name: Option<String>,
}

/// Who wrote the first message of a conversation.
#[derive(JsonSchema)]
pub struct SourceAuthor {
    /// Kind of author, such as `user`, `lead`, `admin` or `bot`.
    pub r#type: Option<String>,
    /// Identifier of the author.
    pub id: Option<Id>,
    /// Name of the author.
    pub name: Option<String>,
    /// Email address of the author.
    pub email: Option<String>,
}

/// Headers and history of the email that began a conversation.
#[derive(JsonSchema)]
pub struct SourceEmailMetadata {
    /// The email's `Message-ID` header.
    pub message_id: Option<Id>,
    /// Subject line.
    pub subject: Option<String>,
    /// Address lines of the email's head.
    pub email_address_headers: Option<Vec<EmailAddressHeader>>,
    /// Quoted or forwarded emails below the text, as HTML.
    pub history: Option<String>,
}

/// Teammates who wrote in a conversation.
#[derive(JsonSchema)]
pub struct TeammateList {
    /// Kind of object: `admin.list`.
    pub r#type: Option<String>,
    /// The teammates.
    pub teammates: Option<Vec<Reference>>,
    /// The teammates, under the name that older versions use.
    pub admins: Option<Vec<Reference>>,
}

/// Topics recognised in a conversation.
#[derive(JsonSchema)]
pub struct TopicList {
    /// Kind of object: `topic.list`.
    pub r#type: Option<String>,
    /// The topics.
    pub topics: Option<Vec<Topic>>,
    /// Number of topics.
    pub total_count: Option<NumberOrText>,
}

/// A topic recognised in a conversation.
#[derive(JsonSchema)]
pub struct Topic {
    /// Kind of object: `topic`.
    pub r#type: Option<String>,
    /// Identifier of the topic.
    pub id: Option<Id>,
    /// Name of the topic.
    pub name: Option<String>,
}

/// A contact's first reply in a conversation.
#[derive(JsonSchema)]
pub struct FirstContactReply {
    /// Kind of reply.
    pub r#type: Option<String>,
    /// When the contact replied, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// Page on which the contact replied.
    pub url: Option<String>,
}

/// A service level agreement and how it went.
#[derive(JsonSchema)]
pub struct SlaApplied {
    /// Kind of object: `conversation_sla_summary`.
    pub r#type: Option<String>,
    /// Name of the agreement.
    pub sla_name: Option<String>,
    /// How it went, such as `hit`, `missed`, `cancelled` or `active`.
    pub sla_status: Option<String>,
}

/// Durations (in seconds), points in time and counts of a conversation.
#[derive(JsonSchema)]
pub struct ConversationStatistics {
    /// Kind of object: `conversation_statistics`.
    pub r#type: Option<String>,
    /// Seconds until the last assignment before the first admin reply.
    pub time_to_assignment: Option<NumberOrText>,
    /// Seconds until the first admin reply, within office hours.
    pub time_to_admin_reply: Option<NumberOrText>,
    /// Seconds until it was first closed, within office hours.
    pub time_to_first_close: Option<NumberOrText>,
    /// Seconds until it was last closed, within office hours.
    pub time_to_last_close: Option<NumberOrText>,
    /// Median of the seconds until an admin replied to a contact, within office hours.
    pub median_time_to_reply: Option<NumberOrText>,
    /// When a contact first replied, in epoch seconds.
    pub first_contact_reply_at: Option<Timestamp>,
    /// When it was first assigned after that, in epoch seconds.
    pub first_assignment_at: Option<Timestamp>,
    /// When an admin first replied after that, in epoch seconds.
    pub first_admin_reply_at: Option<Timestamp>,
    /// When it was first closed after that, in epoch seconds.
    pub first_close_at: Option<Timestamp>,
    /// When it was last assigned, in epoch seconds.
    pub last_assignment_at: Option<Timestamp>,
    /// When an admin first replied after the last assignment, in epoch seconds.
    pub last_assignment_admin_reply_at: Option<Timestamp>,
    /// When a contact last replied, in epoch seconds.
    pub last_contact_reply_at: Option<Timestamp>,
    /// When an admin last replied, in epoch seconds.
    pub last_admin_reply_at: Option<Timestamp>,
    /// When it was last closed, in epoch seconds.
    pub last_close_at: Option<Timestamp>,
    /// Identifier of the admin who last closed it.
    pub last_closed_by_id: Option<Id>,
    /// How often it was opened again.
    pub count_reopens: Option<NumberOrText>,
    /// How often it was assigned.
    pub count_assignments: Option<NumberOrText>,
    /// Number of parts.
    pub count_conversation_parts: Option<NumberOrText>,
    /// How soon each assigned team first responded.
    pub assigned_team_first_response_time: Option<Vec<TeamResponseTime>>,
    /// How soon each assigned team first responded, within office hours.
    pub assigned_team_first_response_time_in_office_hours: Option<Vec<TeamResponseTime>>,
    /// Seconds from assignment to close.
    pub handling_time: Option<NumberOrText>,
    /// Seconds from assignment to close, less the time nobody worked on it.
    pub adjusted_handling_time: Option<NumberOrText>,
}

/// How soon a team first responded.
#[derive(JsonSchema)]
pub struct TeamResponseTime {
    /// Identifier of the team.
    pub team_id: Option<Id>,
    /// Name of the team.
    pub team_name: Option<String>,
    /// Seconds until the team's first response.
    pub response_time: Option<NumberOrText>,
}

/// Channels of a conversation.
#[derive(JsonSchema)]
pub struct ConversationChannel {
    /// Channel the conversation began on.
    pub initial: Option<String>,
    /// Channel the conversation is on now.
    pub current: Option<String>,
}

/// The same conversation in another system.
#[derive(JsonSchema)]
pub struct ExternalReference {
    /// Kind of the other system's object.
    pub r#type: Option<String>,
    /// Identifier in the other system.
    pub id: Option<Id>,
}

/// A conversation that was deleted.
#[derive(JsonSchema)]
pub struct DeletedConversation {
    /// Kind of object: `conversation`.
    pub r#type: Option<String>,
    /// Identifier of the conversation.
    pub id: Id,
    /// Whether reports still count the conversation.
    pub metrics_retained: Option<bool>,
    /// When the conversation was deleted, in epoch seconds.
    pub deleted_at: Option<Timestamp>,
}
