//! Streams `articles` and `article_drafts`, the help center's articles, and `article_statistics`.

use super::shared::{Id, NumericTimestamp, OpenObject, Timestamp};
use super::tags::TagList;
use schemars::JsonSchema;

/// An article of the help center. Top-level content is that of the default language.
// No `statistics`: they are part of a single article's answer, which no list holds.
#[derive(JsonSchema)]
pub struct Article {
    /// Kind of object: `article`.
    pub r#type: Option<String>,
    /// Identifier of the article.
    pub id: Id,
    /// Identifier of the workspace that the article belongs to.
    pub workspace_id: Option<Id>,
    /// Title.
    pub title: Option<String>,
    /// Short summary.
    pub description: Option<String>,
    /// Text as HTML.
    pub body: Option<String>,
    /// Text as Markdown.
    pub body_markdown: Option<String>,
    /// Identifier of the admin shown as the author.
    pub author_id: Option<Id>,
    /// State, such as `published` or `draft`.
    pub state: Option<String>,
    /// When the article was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the article last changed, in epoch seconds.
    pub updated_at: Option<NumericTimestamp>,
    /// Whether a draft with changes waits on top of what is published.
    pub has_unpublished_changes: Option<bool>,
    /// When that draft last changed, in epoch seconds.
    pub draft_updated_at: Option<Timestamp>,
    /// Address of the article.
    pub url: Option<String>,
    /// Identifier of the collection that holds the article.
    pub parent_id: Option<Id>,
    /// Kind of the parent, such as `collection`.
    pub parent_type: Option<String>,
    /// Identifiers of the collections that hold the article.
    pub parent_ids: Option<Vec<Id>>,
    /// Identifier of the folder that holds the article; only the preview version sends it.
    pub folder_id: Option<Id>,
    /// Identifier of the article's content; sent, though not documented.
    pub content_id: Option<Id>,
    /// Whether the AI chatbot may use the article.
    pub ai_chatbot_availability: Option<bool>,
    /// Whether the AI copilot may use the article.
    pub ai_copilot_availability: Option<bool>,
    /// Whether the AI sales agent may use the article.
    pub ai_sales_agent_availability: Option<bool>,
    /// Identifier of the teammate who created the article.
    pub created_by_id: Option<Id>,
    /// Identifier of the teammate who last changed the article.
    pub updated_by_id: Option<Id>,
    /// Whether the AI agent never suggests the article.
    pub exclude_from_article_suggestions: Option<bool>,
    /// Who may see the article in the help center.
    pub help_center_audience: Option<String>,
    /// When the article is to be published, in epoch seconds.
    pub scheduled_publish_at: Option<Timestamp>,
    /// When the article is to be withdrawn, in epoch seconds.
    pub scheduled_unpublish_at: Option<Timestamp>,
    /// Default language of a help center in several languages.
    pub default_locale: Option<String>,
    /// The article in each language, by locale.
    pub translated_content: Option<OpenObject>,
    /// Tags on the article.
    pub tags: Option<TagList>,
}

/// How an article fares.
#[derive(JsonSchema)]
pub struct ArticleStatistics {
    /// Identifier of the article; added by the tap.
    pub article_id: Id,
    /// When that article last changed, in epoch seconds; added by the tap.
    pub article_updated_at: Option<NumericTimestamp>,
    /// Kind of object: `article_statistics`.
    pub r#type: Option<String>,
    /// How often it was viewed.
    pub views: Option<f64>,
    /// Number of conversations begun from it.
    pub conversions: Option<f64>,
    /// Number of reactions to it.
    pub reactions: Option<f64>,
    /// Share of happy reactions, in percent.
    pub happy_reaction_percentage: Option<f64>,
    /// Share of neutral reactions, in percent.
    pub neutral_reaction_percentage: Option<f64>,
    /// Share of sad reactions, in percent.
    pub sad_reaction_percentage: Option<f64>,
    /// Number of conversations in which Fin used it.
    pub fin_involvements: Option<f64>,
    /// Number of conversations that Fin resolved with it.
    pub fin_resolutions: Option<f64>,
    /// Share of the former that were resolved, in percent.
    pub fin_resolution_rate: Option<f64>,
}
