//! What AI did in a conversation and saw in it.

use super::shared::{Id, NumberOrText, OpenObject, Timestamp};
use schemars::JsonSchema;

/// What the AI agent did in a conversation.
#[derive(JsonSchema)]
pub struct AiAgent {
    /// What brought the AI agent in, such as `workflow`.
    pub source_type: Option<String>,
    /// Title of what brought the AI agent in.
    pub source_title: Option<String>,
    /// Kind of the last answer it gave.
    pub last_answer_type: Option<String>,
    /// Whether and how the conversation was resolved.
    pub resolution_state: Option<String>,
    /// Stars from 1 to 5 that the contact gave the AI agent.
    pub rating: Option<NumberOrText>,
    /// Words the contact added to the rating.
    pub rating_remark: Option<String>,
    /// When the rating was made, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the rating last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Content that its answers drew on.
    pub content_sources: Option<ContentSourceList>,
}

/// Content that an AI agent's answers drew on.
#[derive(JsonSchema)]
pub struct ContentSourceList {
    /// Kind of object: `content_source.list`.
    pub r#type: Option<String>,
    /// Number of pieces of content.
    pub total_count: Option<NumberOrText>,
    /// The pieces of content.
    pub content_sources: Option<Vec<ContentSource>>,
}

/// A piece of content that an AI agent's answer drew on.
#[derive(JsonSchema)]
pub struct ContentSource {
    /// Kind of content, such as `article`.
    pub content_type: Option<String>,
    /// Where teammates find the content.
    pub url: Option<String>,
    /// Title of the content.
    pub title: Option<String>,
    /// Language of the content.
    pub locale: Option<String>,
}

/// What the sales agent did in a conversation.
#[derive(JsonSchema)]
pub struct SalesAgent {
    /// How the talk ended, such as `qualified`.
    pub outcome: Option<String>,
    /// Where the contact was routed to, as the workspace names it.
    pub routing_outcome: Option<String>,
    /// What the sales agent learned from the contact, by field.
    pub collected_data: Option<OpenObject>,
}

/// Topics that the AI recognised in a conversation.
#[derive(JsonSchema)]
pub struct AiTopicList {
    /// Kind of object: `ai_topics`.
    pub r#type: Option<String>,
    /// The topics.
    pub topics: Option<Vec<AiTopic>>,
}

/// A topic that the AI recognised in a conversation.
#[derive(JsonSchema)]
pub struct AiTopic {
    /// Kind of object: `ai_topic`.
    pub r#type: Option<String>,
    /// Name of the topic.
    pub topic_name: Option<String>,
    /// Finer topics within it.
    pub subtopics: Option<Vec<AiSubtopic>>,
}

/// A finer topic within a topic that the AI recognised.
#[derive(JsonSchema)]
pub struct AiSubtopic {
    /// Kind of object: `ai_subtopic`.
    pub r#type: Option<String>,
    /// Identifier of the subtopic.
    pub id: Option<Id>,
    /// Name of the subtopic.
    pub name: Option<String>,
}
