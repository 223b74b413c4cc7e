//! Streams of content besides the help center's articles and collections: `help_centers`,
//! `help_center_redirects`, `internal_articles`, `article_versions`, `article_version_bodies`,
//! `content_snippets`, `ai_external_pages`, `ai_content_import_sources`, `macros`, `news_items`,
//! `newsfeeds`, `newsfeed_items` and `folders`.

use super::shared::{Id, Iso8601, OpenObject, Timestamp};
use super::tags::TagList;
use schemars::JsonSchema;

/// A public site that holds articles.
#[derive(JsonSchema)]
pub struct HelpCenter {
    /// Identifier of the help center.
    pub id: Id,
    /// Identifier of the workspace that the help center belongs to.
    pub workspace_id: Option<Id>,
    /// When the help center was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the help center last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// The help center's part of its address.
    pub identifier: Option<String>,
    /// Whether the site is on.
    pub website_turned_on: Option<bool>,
    /// Name that teammates see.
    pub display_name: Option<String>,
    /// Address of the help center.
    pub url: Option<String>,
    /// Domain of the company's own that leads to it.
    pub custom_domain: Option<String>,
    /// Whether this is the workspace's default help center.
    pub default: Option<bool>,
    /// Languages of the help center.
    pub locales: Option<Vec<String>>,
}

/// An article for teammates and AI agents only.
#[derive(JsonSchema)]
pub struct InternalArticle {
    /// Kind of object: `internal_article`.
    pub r#type: Option<String>,
    /// Identifier of the article.
    pub id: Id,
    /// Title.
    pub title: Option<String>,
    /// Text as HTML.
    pub body: Option<String>,
    /// Text as Markdown.
    pub body_markdown: Option<String>,
    /// Identifier of the admin who owns the article.
    pub owner_id: Option<Id>,
    /// Identifier of the admin who wrote the article.
    pub author_id: Option<Id>,
    /// When the article was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the article last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Language of the article.
    pub locale: Option<String>,
    /// Identifiers of the audiences that the AI agent may show it to.
    pub audience_ids: Option<Vec<Id>>,
    /// Whether the AI chatbot may use the article.
    pub ai_chatbot_availability: Option<bool>,
    /// Whether the AI copilot may use the article.
    pub ai_copilot_availability: Option<bool>,
    /// Whether the AI sales agent may use the article.
    pub ai_sales_agent_availability: Option<bool>,
    /// Identifier of the folder that holds the article; only the preview version sends it.
    pub folder_id: Option<Id>,
    /// Tags on the article; only the preview version sends them.
    pub tags: Option<TagList>,
}

/// An article as it once was.
#[derive(JsonSchema)]
pub struct ArticleVersion {
    /// Kind of object: `article_version`.
    pub r#type: Option<String>,
    /// Identifier of the version.
    pub id: Id,
    /// Identifier of the article.
    pub article_id: Option<Id>,
    /// Title.
    pub title: Option<String>,
    /// Short summary.
    pub description: Option<String>,
    /// Text as HTML; only sent when a single version is asked for.
    pub body: Option<String>,
    /// Text as Markdown; only sent when a single version is asked for.
    pub body_markdown: Option<String>,
    /// Identifier of the admin shown as the author.
    pub author_id: Option<Id>,
    /// Identifier of the teammate who created the version.
    pub created_by_id: Option<Id>,
    /// What created the version, such as `web` or `api`.
    pub created_via: Option<String>,
    /// Identifier of the version it was made from; null for the first.
    pub from_version_id: Option<Id>,
    /// State, such as `published` or `draft`.
    pub state: Option<String>,
    /// When the version was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the version last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A short piece of knowledge for AI agents and teammates.
#[derive(JsonSchema)]
pub struct ContentSnippet {
    /// Kind of object: `content_snippet`.
    pub r#type: Option<String>,
    /// Identifier of the snippet.
    pub id: Id,
    /// Title.
    pub title: Option<String>,
    /// Language of the snippet.
    pub locale: Option<String>,
    /// Text as blocks.
    pub json_blocks: Option<Vec<OpenObject>>,
    /// Text as Markdown.
    pub body_markdown: Option<String>,
    /// Older form of `ai_chatbot_availability`.
    pub chatbot_availability: Option<f64>,
    /// Older form of `ai_copilot_availability`.
    pub copilot_availability: Option<f64>,
    /// Whether the AI chatbot may use the snippet.
    pub ai_chatbot_availability: Option<bool>,
    /// Whether the AI copilot may use the snippet.
    pub ai_copilot_availability: Option<bool>,
    /// Whether the AI sales agent may use the snippet.
    pub ai_sales_agent_availability: Option<bool>,
    /// When the snippet was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the snippet last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Identifiers of the audiences that the AI agent may show it to.
    pub audience_ids: Option<Vec<Id>>,
}

/// A page of another site that AI agents may draw on.
#[derive(JsonSchema)]
pub struct ExternalPage {
    /// Kind of object: `external_page`.
    pub r#type: Option<String>,
    /// Identifier of the page.
    pub id: Id,
    /// Title.
    pub title: Option<String>,
    /// Text as HTML.
    pub html: Option<String>,
    /// Address of the page.
    pub url: Option<String>,
    /// Whether the AI agent may use the page.
    pub ai_agent_availability: Option<bool>,
    /// Whether the AI copilot may use the page.
    pub ai_copilot_availability: Option<bool>,
    /// Whether the AI sales agent may use the page.
    pub ai_sales_agent_availability: Option<bool>,
    /// Older form of the other availabilities.
    pub fin_availability: Option<bool>,
    /// Language of the page.
    pub locale: Option<String>,
    /// Identifier of the import source that the page came from.
    pub source_id: Option<Id>,
    /// Identifier that the source gave the page.
    pub external_id: Option<Id>,
    /// When the page was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the page last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// When the page was last read in, in epoch seconds.
    pub last_ingested_at: Option<Timestamp>,
}

/// A site that external pages are imported from.
#[derive(JsonSchema)]
pub struct ContentImportSource {
    /// Kind of object: `content_import_source`.
    pub r#type: Option<String>,
    /// Identifier of the import source.
    pub id: Id,
    /// When pages were last imported, in epoch seconds.
    pub last_synced_at: Option<Timestamp>,
    /// How pages are imported, such as `api` or `automatic`.
    pub sync_behavior: Option<String>,
    /// Whether the source is `active` or `deactivated`.
    pub status: Option<String>,
    /// Address of the site.
    pub url: Option<String>,
    /// When the source was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the source last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
    /// Identifiers of the audiences that its pages may be shown to.
    pub audience_ids: Option<Vec<Id>>,
}

/// A reply that teammates keep ready.
#[derive(JsonSchema)]
pub struct Macro {
    /// Kind of object: `macro`.
    pub r#type: Option<String>,
    /// Identifier of the macro.
    pub id: Id,
    /// Name of the macro.
    pub name: Option<String>,
    /// Text as HTML, with placeholders as tags.
    pub body: Option<String>,
    /// Text without markup, with placeholders in braces.
    pub body_text: Option<String>,
    /// When the macro was created, in ISO 8601.
    pub created_at: Option<Timestamp>,
    /// When the macro last changed, in ISO 8601.
    pub updated_at: Option<Iso8601>,
    /// Who sees the macro: `everyone` or `specific_teams`.
    pub visible_to: Option<String>,
    /// Identifiers of the teams that see the macro.
    pub visible_to_team_ids: Option<Vec<Id>>,
    /// Where the macro can be used, such as `inbox`.
    pub available_on: Option<Vec<String>>,
}

/// A piece of news for contacts.
#[derive(JsonSchema)]
pub struct NewsItem {
    /// Kind of object: `news-item`.
    pub r#type: Option<String>,
    /// Identifier of the news item.
    pub id: Id,
    /// Identifier of the workspace that the news item belongs to.
    pub workspace_id: Option<Id>,
    /// Title.
    pub title: Option<String>,
    /// Text, possibly HTML.
    pub body: Option<String>,
    /// Identifier of the teammate shown as the sender.
    pub sender_id: Option<Id>,
    /// Whether it is `draft` or `live`.
    pub state: Option<String>,
    /// Newsfeeds that it appears on.
    pub newsfeed_assignments: Option<Vec<NewsfeedAssignment>>,
    /// Names of its labels.
    pub labels: Option<Vec<String>>,
    /// Address of the picture on top.
    pub cover_image_url: Option<String>,
    /// Emojis that readers may react with.
    pub reactions: Option<Vec<String>>,
    /// Whether it appears without a notification.
    pub deliver_silently: Option<bool>,
    /// When the news item was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the news item last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A newsfeed that a news item appears on.
#[derive(JsonSchema)]
pub struct NewsfeedAssignment {
    /// Identifier of the newsfeed.
    pub newsfeed_id: Option<Id>,
    /// When the news item appears there, in epoch seconds.
    pub published_at: Option<Timestamp>,
}

/// A list of news items for certain contacts.
#[derive(JsonSchema)]
pub struct Newsfeed {
    /// Kind of object: `newsfeed`.
    pub r#type: Option<String>,
    /// Identifier of the newsfeed.
    pub id: Id,
    /// Name that teammates see.
    pub name: Option<String>,
    /// When the newsfeed was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the newsfeed last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A news item on a newsfeed.
#[derive(JsonSchema)]
pub struct NewsfeedItem {
    /// Identifier of the newsfeed; added by the tap.
    pub newsfeed_id: Id,
    /// The news item.
    #[schemars(flatten)]
    pub item: NewsItem,
}

/// An address of a help center that leads to another.
#[derive(JsonSchema)]
pub struct HelpCenterRedirect {
    /// Kind of object: `help_center_redirect`.
    pub r#type: Option<String>,
    /// Identifier of the redirect.
    pub id: Id,
    /// Address that leads elsewhere.
    pub from_url: Option<String>,
    /// Language of what it leads to.
    pub locale: Option<String>,
    /// Identifier of the help center.
    pub help_center_id: Option<Id>,
    /// Kind of what it leads to: `article` or `collection`.
    pub target_type: Option<String>,
    /// Identifier of what it leads to.
    pub target_id: Option<Id>,
    /// When the redirect was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the redirect last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}

/// A folder of content.
#[derive(JsonSchema)]
pub struct Folder {
    /// Kind of object; not documented.
    pub r#type: Option<String>,
    /// Identifier of the folder.
    pub id: Id,
    /// Name of the folder.
    pub name: Option<String>,
    /// What is in it, in words.
    pub description: Option<String>,
    /// Emoji shown with the folder.
    pub emoji: Option<String>,
    /// Identifier of the folder that holds it; null at the top.
    pub parent_folder_id: Option<Id>,
    /// How much is in it.
    pub content_count: Option<f64>,
    /// When the folder was created, in epoch seconds.
    pub created_at: Option<Timestamp>,
    /// When the folder last changed, in epoch seconds.
    pub updated_at: Option<Timestamp>,
}
