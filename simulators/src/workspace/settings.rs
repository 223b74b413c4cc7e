//! What can be chosen about a workspace: how much is in it and how its API behaves.

use std::time::Duration;

use chrono_tz::Tz;

/// More requests than anybody sends in a window.
const PLENTY: u64 = 1_000_000;

/// What a workspace holds and how it answers. The defaults are a small, quiet workspace with a limit that
/// is never reached, which behaves as the API is described.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The same seed gives the same workspace.
    pub seed: u64,
    /// The newest `updated_at` of the generated rows, in epoch seconds. `None`: the moment the
    /// workspace starts.
    pub base_time: Option<i64>,
    /// Over how many days before the base time the `updated_at` of rows are spread.
    pub spread_days: u32,
    /// How many rows of each stream share one second (at most half of them).
    pub same_second_rows: usize,

    /// How many contacts.
    pub contacts: usize,
    /// How many conversations.
    pub conversations: usize,
    /// How many calls.
    pub calls: usize,
    /// How many articles.
    pub articles: usize,
    /// How many help center collections.
    pub collections: usize,
    /// How many tickets.
    pub tickets: usize,
    /// How many companies.
    pub companies: usize,
    /// One company in so many has no users, and searches leave it out; 0: none.
    pub companies_without_users_every: u32,
    /// How many macros.
    pub macros: usize,
    /// How many entries of the activity log.
    pub activity_logs: usize,
    /// How many activities of contacts.
    pub contact_activities: usize,
    /// How many admins.
    pub admins: usize,
    /// How many teams.
    pub teams: usize,
    /// How many tags.
    pub tags: usize,
    /// How many records each of the further lists has (brands, segments, news items, …).
    pub listed: usize,
    /// The custom object types and how many instances each has.
    pub custom_objects: Vec<(String, usize)>,

    /// One contact in so many has nested lists of more than 10 elements; 0: none has.
    pub long_lists_every: u32,
    /// The most parts of an ordinary conversation; the least is 1.
    pub parts_per_conversation: u16,
    /// How many conversations have 620 parts, more than the API gives.
    pub long_conversations: usize,

    /// How long a scroll that isn't used stays open.
    pub scroll_lifetime: Duration,
    /// Activity logs of more days than this are too much to ask for: 504.
    pub most_log_days: u32,

    /// The token that requests must carry.
    pub token: String,
    /// The token stops working after so many requests.
    pub token_revoked_after: Option<u64>,
    /// Paths (by their beginning) that the workspace's plan does not include: 403.
    pub restricted_paths: Vec<String>,
    /// The workspace's timezone, in `/me` and for dates matched by whole day.
    pub timezone: Tz,

    /// How contact search matches dates.
    pub dates: Dates,
    /// Conversation search: `>` and `<` include their own second.
    pub inclusive_bounds: bool,
    /// What a cursor of a search remembers.
    pub cursors: CursorKind,
    /// How the last page of a search says that it is the last.
    pub last_page: LastPage,
    /// Searches pay no heed to the order they are asked for: their rows come in none.
    pub ignores_sort: bool,
    /// This page of a search, counted from 1, names no next one, although there is one.
    pub drops_next_at_page: Option<u64>,
    /// By how much the totals of a search are off; they are never below zero.
    pub search_totals_off_by: i64,
    /// From this page on, a search gives its caller the cursor it came with.
    pub repeat_cursor_at_page: Option<u64>,

    /// `pages.next` of `/calls`.
    pub calls_next: PageNext,
    /// How far `pages.total_pages` of `/calls` is from the truth.
    pub total_pages_off_by: i64,
    /// One call in so many is out of place in `/calls`; 0: none is.
    pub displaced_calls_every: u32,
    /// By how many pages of 25 a displaced call is out of place, at most, either way.
    pub displaced_calls_pages: u32,
    /// How timestamps of a call are written.
    pub call_timestamps: CallTimestamps,
    /// How transcripts are written.
    pub transcripts: TranscriptFormat,
    /// One call in so many has a `transcription_url` but no transcript until it is published; 0:
    /// none.
    pub pending_transcripts_every: u32,
    /// One call in so many has its `transcription_url` on `foreign_host`; 0: none.
    pub foreign_transcripts_every: u32,
    /// Another host, `http://…` without a slash at the end.
    pub foreign_host: String,
    /// One collection in so many comes a second time, 25 places later; 0: none does.
    pub repeated_collections_every: u32,

    /// How many requests a window allows; 0: any number, and no answer tells of a limit.
    pub rate_limit: u64,
    /// How long a window is; windows are aligned with the wall clock.
    pub rate_window: Duration,
    /// How much of each window other apps use up.
    pub other_apps: u64,
    /// What a 429 says.
    pub too_many: TooMany,

    /// By how many seconds the workspace's clock is ahead of this machine's: answers say so in `Date`.
    /// `None`: they have no `Date`.
    pub clock_ahead: Option<i64>,
    /// What happens to rows while they are being read.
    pub churn: Churn,
    /// How long every request takes.
    pub latency: Duration,
    /// Up to so much later, at random, a request is taken up: of those that come at once, the first may see
    /// changes that the last one doesn't.
    pub jitter: Duration,
    /// Keep a record of every request.
    pub log_requests: bool,
}

impl Settings {
    /// Whether the company of that row has no users.
    pub(super) fn is_without_users(&self, row: u32) -> bool {
        let every = self.companies_without_users_every;
        every > 0 && row.is_multiple_of(every)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            seed: 1,
            base_time: None,
            spread_days: 400,
            same_second_rows: 0,
            contacts: 0,
            conversations: 0,
            calls: 0,
            articles: 0,
            collections: 0,
            tickets: 0,
            companies: 0,
            companies_without_users_every: 0,
            macros: 0,
            activity_logs: 0,
            contact_activities: 0,
            admins: 6,
            teams: 3,
            tags: 12,
            listed: 130,
            custom_objects: vec![("Order".to_owned(), 160), ("Line item/ä".to_owned(), 20)],
            long_lists_every: 0,
            parts_per_conversation: 6,
            long_conversations: 0,
            scroll_lifetime: Duration::from_mins(1),
            most_log_days: 100,
            token: "workspace-token".to_owned(),
            token_revoked_after: None,
            restricted_paths: Vec::new(),
            timezone: Tz::UTC,
            dates: Dates::ByVersion,
            inclusive_bounds: false,
            cursors: CursorKind::SearchAfter,
            last_page: LastPage::NoNext,
            ignores_sort: false,
            drops_next_at_page: None,
            search_totals_off_by: 0,
            repeat_cursor_at_page: None,
            calls_next: PageNext::Null,
            total_pages_off_by: 0,
            displaced_calls_every: 0,
            displaced_calls_pages: 3,
            call_timestamps: CallTimestamps::Mixed,
            transcripts: TranscriptFormat::Mixed,
            pending_transcripts_every: 0,
            foreign_transcripts_every: 0,
            foreign_host: "http://transcripts.invalid".to_owned(),
            repeated_collections_every: 0,
            rate_limit: PLENTY,
            rate_window: Duration::from_secs(10),
            other_apps: 0,
            too_many: TooMany::ResetHeaders,
            clock_ahead: None,
            churn: Churn::default(),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            log_requests: true,
        }
    }
}

/// How contact search matches dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// By whole day up to `Intercom-Version: 2.16` (and without that header), by second from 2.17.
    ByVersion,
    /// By whole day of the workspace's timezone, whatever the version.
    WholeDay,
    /// By second, whatever the version.
    Exact,
}

/// What a cursor remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorKind {
    /// The sort value and the tie-breaker of the page's last row, so that a row that moves meanwhile
    /// is met again or passed by, as in a search engine's index.
    SearchAfter,
    /// How many rows came before: a row that moves pushes or pulls all others.
    Offset,
}

/// How the last page of a search says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastPage {
    /// `pages` has no `next`.
    NoNext,
    /// `pages.next` is null.
    NullNext,
    /// `pages.next.starting_after` is null.
    NullCursor,
    /// It does not: an empty page follows.
    EmptyPageFollows,
}

/// `pages.next` of a page-numbered list, while there is a next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageNext {
    /// `null`, on every page.
    Null,
    /// The next page's URL.
    Url,
    /// The next page's number.
    Number,
    /// `{"page":…,"per_page":…}`.
    Object,
}

/// How timestamps of a call are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallTimestamps {
    /// Epoch seconds.
    Integer,
    /// ISO 8601 strings.
    Iso,
    /// Epoch milliseconds.
    Milliseconds,
    /// Some calls one way, some the other.
    Mixed,
}

/// How transcripts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranscriptFormat {
    /// As the API is described: `[HH:MM:SS] Speaker: "words"`.
    Text,
    /// As a JSON array of turns.
    Json,
    /// Some calls one way, some the other.
    Mixed,
}

/// What a 429 says about when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMany {
    /// `X-RateLimit-*`, as on every answer.
    ResetHeaders,
    /// Only `Retry-After`, in seconds.
    RetryAfter,
    /// Nothing.
    Bare,
}

/// What each search or list request does to the rows of its stream before it is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Churn {
    /// So many random rows are updated, now.
    pub touches: u32,
    /// So many rows are added, now.
    pub inserts: u32,
    /// So many random rows are deleted.
    pub deletes: u32,
}
