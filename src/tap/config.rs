//! The tap's settings: as users write them, and checked once into what the rest works with.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use ureq::http::{HeaderValue, Uri};

use super::time::{self, EpochSeconds, Seconds};
use crate::cli::foreign::told;
use crate::cli::settings::quoted;
use crate::cli::{Failure, SettingFault, VERSION};
use crate::http::agent::is_loopback;

/// The settings as users write them. The doc comments are what `--about` and the README show.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Access token of the workspace (Intercom's Developer Hub: your app, Authentication).
    #[schemars(
        with = "String",
        length(min = 1),
        extend("secret" = true, "writeOnly" = true)
    )]
    access_token: SecretString,
    /// Date or RFC 3339 instant: how far back incremental streams reach when they have no bookmark.
    #[schemars(extend("x-default" = "all history"))]
    start_date: Option<String>,
    /// Date or RFC 3339 instant before which records must have been updated, exclusive: splits a backfill into slices that run side by side.
    end_date: Option<String>,
    /// Where the workspace is hosted.
    #[serde(default)]
    region: Region,
    /// Base URL instead of the region's: a proxy or a test server.
    #[schemars(extend("x-default" = "from region"))]
    base_url: Option<String>,
    /// Version of the API, sent as `Intercom-Version`.
    #[serde(default = "default_api_version")]
    #[schemars(length(min = 1))]
    api_version: String,
    /// Sent as `User-Agent`.
    #[schemars(extend("x-default" = "tap-intercom/VERSION"))]
    user_agent: Option<String>,
    /// How long one request may take to answer.
    #[serde(default = "default_request_timeout", alias = "request_timeout")]
    #[schemars(range(min = 1, max = 3600), extend("x-aliases" = ["request_timeout"]))]
    request_timeout_seconds: u64,
    /// How often one request is tried before its stream fails.
    #[serde(default = "default_max_attempts")]
    #[schemars(range(min = 1, max = 100))]
    max_attempts: u32,
    /// The most requests in flight at a time, over all streams. There are only a few at first, and more while they are answered well.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 256))]
    concurrency: usize,
    /// A cap below the API's own rate limit, which leaves the rest to other apps.
    #[schemars(range(min = 1, max = 1_000_000))]
    max_requests_per_minute: Option<u32>,
    /// Records a page of the search endpoints.
    #[serde(default = "default_page_size")]
    #[schemars(range(min = 1, max = 150))]
    page_size: u32,
    /// How far below its bookmark each run asks again, for records that were indexed late.
    #[serde(default = "default_lookback")]
    #[schemars(range(min = 0, max = 31_536_000))]
    lookback_seconds: u32,
    /// How many pages of calls in a row must hold nothing new before the rest is taken as known.
    #[serde(default = "default_calls_overlap")]
    #[schemars(range(min = 1, max = 10_000))]
    calls_overlap_pages: u32,
    /// The same for articles.
    #[serde(default = "default_articles_overlap")]
    #[schemars(range(min = 1, max = 10_000))]
    articles_overlap_pages: u32,
    /// After how many days all companies are scrolled again, where a search tells which have changed: it
    /// leaves out those without users. 0 is every run.
    #[serde(default = "default_companies_scroll_days")]
    #[schemars(range(min = 0, max = 365))]
    companies_scroll_days: u32,
    /// Least time between two STATE messages while a stream is read; 0 is one behind every page.
    #[serde(default = "default_state_interval")]
    #[schemars(range(min = 0, max = 3600))]
    state_interval_seconds: u32,
    /// Streams that are not read, and properties that are left out, such as `conversation_parts` or `contacts.location.city`. A stream takes along what is read with it. `--exclude` adds to them.
    #[serde(default)]
    exclude: Vec<String>,
    /// What becomes of a stream's schema when the data goes beyond it: `follow` lets it grow and sends it again, `ignore` leaves it as declared.
    #[serde(default)]
    schema_changes: SchemaChanges,
    /// Give the records of full-table streams a `version`, and say with `ACTIVATE_VERSION` when a list
    /// is complete: what is missing from it is gone.
    #[serde(default)]
    activate_versions: bool,
    /// Ask with each contact for the contacts that were merged into it.
    #[serde(default)]
    include_merge_history: bool,
    /// How the texts of conversation parts are written: `html`, or `plaintext` with links as `label (url)`.
    #[serde(default)]
    display_as: DisplayAs,
    /// Identifiers of the custom object types whose instances `custom_object_instances` reads.
    #[serde(default)]
    custom_object_types: Vec<String>,
    /// How long a run waits for an export job: for its own to be done, or for another program's to make
    /// way.
    #[serde(default = "default_export_wait")]
    #[schemars(range(min = 0, max = 10_080))]
    export_wait_minutes: u32,
    /// How many days each run exports again, for opens, replies and the like that came late, and for rows of
    /// reports that changed.
    #[serde(default = "default_export_lookback")]
    #[schemars(range(min = 0, max = 365))]
    export_lookback_days: u32,
}

/// What becomes of a schema that the data goes beyond.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum SchemaChanges {
    #[default]
    Follow,
    Ignore,
}

/// How texts are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum DisplayAs {
    #[default]
    Html,
    Plaintext,
}

/// Where a workspace is hosted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Region {
    #[default]
    Us,
    Eu,
    Au,
}

fn default_api_version() -> String {
    "2.17".into()
}
fn default_request_timeout() -> u64 {
    60
}
fn default_max_attempts() -> u32 {
    8
}
fn default_concurrency() -> usize {
    64
}
fn default_page_size() -> u32 {
    150
}
fn default_lookback() -> u32 {
    600
}
fn default_calls_overlap() -> u32 {
    40
}
fn default_companies_scroll_days() -> u32 {
    7
}
fn default_articles_overlap() -> u32 {
    3
}
// A state holds what is remembered of all streams: behind every page, it may be more than the records.
fn default_state_interval() -> u32 {
    1
}

fn default_export_wait() -> u32 {
    60
}
fn default_export_lookback() -> u32 {
    30
}

/// The settings, checked.
#[derive(Debug)]
pub struct Config {
    /// Sent to `base_url`'s host and to no other.
    pub access_token: SecretString,
    /// Inclusive lower bound of `updated_at` without a bookmark.
    pub start_date: Option<EpochSeconds>,
    /// Exclusive upper bound of `updated_at`.
    pub end_date: Option<EpochSeconds>,
    /// Scheme, host and path prefix, without a slash at the end.
    pub base_url: String,
    /// `Intercom-Version`.
    pub api_version: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// Longest silence of one request.
    pub request_timeout: Duration,
    /// Tries of one request, at least 1.
    pub max_attempts: u32,
    /// The most requests in flight, at least 1.
    pub concurrency: usize,
    /// Least time between two requests.
    pub request_interval: Option<Duration>,
    /// Records a search page.
    pub page_size: u32,
    /// Seconds below a bookmark.
    pub lookback_seconds: Seconds,
    /// Pages of calls.
    pub calls_overlap_pages: u32,
    /// Between two whole scrolls.
    pub companies_scroll_days: u32,
    /// Pages of articles.
    pub articles_overlap_pages: u32,
    /// Between two STATEs of a stream that is being read.
    pub state_interval: Duration,
    /// Streams and dotted paths of properties.
    pub exclude: Vec<String>,
    /// Whether schemas grow with the data.
    pub follows_data: bool,
    /// Whether full-table streams come in versions.
    pub activate_versions: bool,
    /// Whether contacts come with their merge history.
    pub include_merge_history: bool,
    /// Whether conversation parts come without markup.
    pub is_plaintext: bool,
    /// Custom object types, each once.
    pub custom_object_types: Vec<String>,
    /// For export jobs, and for those that stand in the way.
    pub export_wait: Duration,
    /// Of sending, before the bookmark.
    pub export_lookback_days: u32,
}

impl TryFrom<Settings> for Config {
    type Error = Failure;

    fn try_from(settings: Settings) -> Result<Self, Failure> {
        let start_date = instant("start_date", settings.start_date)?;
        let end_date = instant("end_date", settings.end_date)?;
        if let (Some(start), Some(end)) = (start_date, end_date)
            && end <= start
        {
            return Err(SettingFault {
                key: "end_date",
                value: time::to_rfc3339(end),
                expected: "later than `start_date`",
            }
            .into());
        }
        let base_url = match settings.base_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => settings.region.base_url().to_owned(),
        };
        let user_agent = settings
            .user_agent
            .unwrap_or_else(|| format!("tap-intercom/{VERSION}"));
        check_base_url(&base_url)?;
        if base_url.to_ascii_lowercase().starts_with("http:") && !is_loopback(&base_url) {
            tracing::warn!(
                "`base_url` is not encrypted: whoever is on the way to {} can read the token",
                told(&base_url)
            );
        }
        Ok(Self {
            base_url,
            access_token: token(&settings.access_token)?,
            start_date,
            end_date,
            api_version: header("api_version", settings.api_version)?,
            user_agent: header("user_agent", user_agent)?,
            request_timeout: Duration::from_secs(settings.request_timeout_seconds),
            max_attempts: settings.max_attempts,
            concurrency: settings.concurrency,
            request_interval: settings
                .max_requests_per_minute
                .map(|count| Duration::from_mins(1) / count),
            page_size: settings.page_size,
            lookback_seconds: settings.lookback_seconds.into(),
            calls_overlap_pages: settings.calls_overlap_pages,
            companies_scroll_days: settings.companies_scroll_days,
            articles_overlap_pages: settings.articles_overlap_pages,
            state_interval: Duration::from_secs(settings.state_interval_seconds.into()),
            exclude: settings.exclude,
            follows_data: matches!(settings.schema_changes, SchemaChanges::Follow),
            activate_versions: settings.activate_versions,
            include_merge_history: settings.include_merge_history,
            is_plaintext: matches!(settings.display_as, DisplayAs::Plaintext),
            custom_object_types: each_once(settings.custom_object_types),
            export_wait: Duration::from_secs(60 * u64::from(settings.export_wait_minutes)),
            export_lookback_days: settings.export_lookback_days,
        })
    }
}

impl Region {
    fn base_url(self) -> &'static str {
        match self {
            Self::Us => "https://api.intercom.io",
            Self::Eu => "https://api.eu.intercom.io",
            Self::Au => "https://api.au.intercom.io",
        }
    }
}

fn each_once(values: Vec<String>) -> Vec<String> {
    let mut distinct = Vec::with_capacity(values.len());
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

fn instant(key: &'static str, text: Option<String>) -> Result<Option<EpochSeconds>, SettingFault> {
    let Some(text) = text else {
        return Ok(None);
    };
    match time::parse(&text) {
        Some(seconds) => {
            if time::lacks_zone(&text) {
                tracing::warn!(
                    "`{key}` names no zone and is taken as UTC: {}",
                    quoted(&text)
                );
            }
            Ok(Some(seconds))
        }
        None => Err(SettingFault {
            key,
            value: quoted(&text),
            expected: "a date (2024-01-31) or an RFC 3339 instant (2024-01-31T00:00:00Z)",
        }),
    }
}

/// The token as it goes into a header: people paste it with a line break behind it.
fn token(given: &SecretString) -> Result<SecretString, SettingFault> {
    let token = given.expose_secret().trim();
    if token.is_empty() || !is_header(token) {
        return Err(SettingFault {
            key: "access_token",
            value: "a value that is not shown".into(),
            expected: "a token of plain ASCII characters, without line breaks",
        });
    }
    Ok(SecretString::from(token))
}

/// A setting that is sent as a header.
fn header(key: &'static str, value: String) -> Result<String, SettingFault> {
    if is_header(&value) {
        return Ok(value);
    }
    Err(SettingFault {
        key,
        value: quoted(&value),
        expected: "plain ASCII characters without line breaks, since it is sent as a header",
    })
}

fn is_header(value: &str) -> bool {
    value.is_ascii() && HeaderValue::from_str(value).is_ok()
}

fn check_base_url(base_url: &str) -> Result<(), SettingFault> {
    let fault = |value| SettingFault {
        key: "base_url",
        value,
        expected: "an http or https URL such as https://api.intercom.io",
    };
    // A user's name, and perhaps a password.
    if base_url.contains('@') {
        return Err(fault("a URL with a user's name, which is not shown".into()));
    }
    let uri: Option<Uri> = base_url.parse().ok();
    let is_usable = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
            && !base_url.contains('#')
    });
    if is_usable {
        return Ok(());
    }
    Err(fault(quoted(base_url)))
}
