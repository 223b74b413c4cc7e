//! A simulated Intercom workspace on loopback, for trying the tap out and for measuring it.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use clap::{Parser, ValueEnum};

use simulators::workspace::{
    CallTimestamps, Churn, CursorKind, Dates, Fault, LastPage, PageNext, Settings, TooMany,
    TranscriptFormat, When, Workspace,
};

/// Serve a made-up Intercom workspace until killed.
///
///     cargo run --release --example workspace -- --contacts 10000 --config config.json &
///     tap-intercom --config config.json
///
/// The first line on stdout is the address, the second a config for tap-intercom. The same seed,
/// counts and base time give the same rows.
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Arguments {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Token that requests must carry
    #[arg(long, default_value = "workspace-token")]
    token: String,

    /// Also write a config for tap-intercom into this file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How many contacts
    #[arg(long, default_value_t = 1000, help_heading = "Rows")]
    contacts: usize,
    /// How many conversations
    #[arg(long, default_value_t = 200, help_heading = "Rows")]
    conversations: usize,
    /// The most parts of one conversation
    #[arg(long, default_value_t = 6, help_heading = "Rows")]
    parts: u16,
    /// How many conversations have 620 parts, more than the API gives
    #[arg(long, default_value_t = 0, help_heading = "Rows")]
    long_conversations: usize,
    /// How many calls
    #[arg(long, default_value_t = 100, help_heading = "Rows")]
    calls: usize,
    /// How many articles
    #[arg(long, default_value_t = 50, help_heading = "Rows")]
    articles: usize,
    /// How many help center collections
    #[arg(long, default_value_t = 20, help_heading = "Rows")]
    collections: usize,
    /// How many tickets
    #[arg(long, default_value_t = 100, help_heading = "Rows")]
    tickets: usize,
    /// How many companies
    #[arg(long, default_value_t = 100, help_heading = "Rows")]
    companies: usize,
    /// How many macros
    #[arg(long, default_value_t = 20, help_heading = "Rows")]
    macros: usize,
    /// How many entries of the activity log
    #[arg(long, default_value_t = 200, help_heading = "Rows")]
    activity_logs: usize,
    /// How many activities of contacts (Intercom-Version Preview)
    #[arg(long, default_value_t = 50, help_heading = "Rows")]
    contact_activities: usize,
    /// How many admins
    #[arg(long, default_value_t = 6, help_heading = "Rows")]
    admins: usize,
    /// How many teams
    #[arg(long, default_value_t = 3, help_heading = "Rows")]
    teams: usize,
    /// How many tags
    #[arg(long, default_value_t = 12, help_heading = "Rows")]
    tags: usize,
    /// How many records each of the other lists has: brands, segments, news items, …
    #[arg(long, default_value_t = 130, help_heading = "Rows")]
    listed: usize,
    /// A type of custom objects and how many there are; repeatable. The config names them
    #[arg(
        long = "custom-object",
        value_name = "TYPE=COUNT",
        value_parser = type_and_count,
        help_heading = "Rows"
    )]
    custom_objects: Vec<(String, usize)>,
    /// One contact in so many has nested lists of more than 10 elements; 0: none
    #[arg(long, default_value_t = 0, help_heading = "Rows")]
    long_lists_every: u32,
    /// The same seed gives the same rows
    #[arg(long, default_value_t = 1, help_heading = "Rows")]
    seed: u64,
    /// Newest `updated_at`, in epoch seconds; now if not given
    #[arg(long, help_heading = "Rows")]
    base_time: Option<i64>,
    /// Over how many days before that rows were updated
    #[arg(long, default_value_t = 400, help_heading = "Rows")]
    spread_days: u32,
    /// How many rows of each stream share one second
    #[arg(long, default_value_t = 0, help_heading = "Rows")]
    same_second_rows: usize,

    /// Timezone of the workspace, for dates matched by whole day
    #[arg(long, default_value = "UTC", help_heading = "Behaviour")]
    timezone: Tz,
    /// How contact search matches dates
    #[arg(long, value_enum, default_value_t = ApiDates::ByVersion, help_heading = "Behaviour")]
    api_dates: ApiDates,
    /// Conversation search: `>` and `<` include their own second
    #[arg(long, help_heading = "Behaviour")]
    inclusive_bounds: bool,
    /// Cursors are offsets: rows that change while being read push others about
    #[arg(long, help_heading = "Behaviour")]
    offset_cursors: bool,
    /// Be as awkward as the API is ever known to be: displaced calls, pending and foreign
    /// transcripts, repeated collections, empty last pages, wrong page totals
    #[arg(long, help_heading = "Behaviour")]
    awkward: bool,
    /// Rows touched by each search or list request, and half as many added
    #[arg(long, default_value_t = 0, help_heading = "Behaviour")]
    churn: u32,

    /// Milliseconds that every request takes
    #[arg(long, default_value_t = 0, help_heading = "Speed and trouble")]
    latency_ms: u64,
    /// Requests allowed in a window (the API: 1667); 0: any number
    #[arg(long, default_value_t = 0, help_heading = "Speed and trouble")]
    rate_limit: u64,
    /// Seconds of a window
    #[arg(long, default_value_t = 10.0, help_heading = "Speed and trouble")]
    rate_window_seconds: f64,
    /// How much of each window other apps use up
    #[arg(long, default_value_t = 0, help_heading = "Speed and trouble")]
    other_apps: u64,
    /// What a 429 says
    #[arg(long, value_enum, default_value_t = TooManyStyle::ResetHeaders, help_heading = "Speed and trouble")]
    too_many: TooManyStyle,
    /// Answer each n-th request with 503; 0: none
    #[arg(long, default_value_t = 0, help_heading = "Speed and trouble")]
    fail_every: u64,
    /// Answer requests whose path begins so with 403, as for a plan that lacks them
    #[arg(long, value_name = "PATH", help_heading = "Speed and trouble")]
    refuse: Vec<String>,

    /// Answer requests whose path begins so with 403, as for a token without the scope
    #[arg(long, value_name = "PATH", help_heading = "Speed and trouble")]
    forbid: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ApiDates {
    /// By day up to Intercom-Version 2.16, by second from 2.17
    ByVersion,
    /// By day, whatever the version
    WholeDay,
    /// By second, whatever the version
    Exact,
}

#[derive(Clone, Copy, ValueEnum)]
enum TooManyStyle {
    /// `X-RateLimit-*`
    ResetHeaders,
    /// Only `Retry-After`
    RetryAfter,
    /// Nothing
    Bare,
}

fn type_and_count(text: &str) -> Result<(String, usize), String> {
    let (name, count) = text.split_once('=').ok_or("write it as TYPE=COUNT")?;
    let count = count.parse().map_err(|error| format!("{count}: {error}"))?;
    Ok((name.to_owned(), count))
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let workspace = Workspace::start_on(arguments.port, settings(&arguments));
    if arguments.fail_every > 0 {
        workspace.inject(Fault::status("/", When::Every(arguments.fail_every), 503));
    }
    for path in &arguments.refuse {
        workspace.inject(Fault::status(path, When::Always, 403));
    }
    for path in &arguments.forbid {
        workspace.inject(Fault::forbidden(path));
    }
    if let Some(file) = &arguments.config {
        std::fs::write(file, format!("{:#}\n", workspace.config()))?;
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", workspace.base_url())?;
    writeln!(stdout, "{}", workspace.config())?;
    stdout.flush()?;
    drop(stdout);
    loop {
        std::thread::park();
    }
}

fn settings(arguments: &Arguments) -> Settings {
    let quiet = Settings {
        seed: arguments.seed,
        base_time: arguments.base_time,
        spread_days: arguments.spread_days,
        same_second_rows: arguments.same_second_rows,
        contacts: arguments.contacts,
        conversations: arguments.conversations,
        calls: arguments.calls,
        articles: arguments.articles,
        collections: arguments.collections,
        tickets: arguments.tickets,
        companies: arguments.companies,
        macros: arguments.macros,
        activity_logs: arguments.activity_logs,
        contact_activities: arguments.contact_activities,
        admins: arguments.admins,
        teams: arguments.teams,
        tags: arguments.tags,
        listed: arguments.listed,
        custom_objects: arguments.custom_objects.clone(),
        long_lists_every: arguments.long_lists_every,
        parts_per_conversation: arguments.parts,
        long_conversations: arguments.long_conversations,
        token: arguments.token.clone(),
        timezone: arguments.timezone,
        dates: match arguments.api_dates {
            ApiDates::ByVersion => Dates::ByVersion,
            ApiDates::WholeDay => Dates::WholeDay,
            ApiDates::Exact => Dates::Exact,
        },
        inclusive_bounds: arguments.inclusive_bounds,
        cursors: if arguments.offset_cursors {
            CursorKind::Offset
        } else {
            CursorKind::SearchAfter
        },
        rate_limit: arguments.rate_limit,
        rate_window: Duration::from_secs_f64(arguments.rate_window_seconds),
        other_apps: arguments.other_apps,
        too_many: match arguments.too_many {
            TooManyStyle::ResetHeaders => TooMany::ResetHeaders,
            TooManyStyle::RetryAfter => TooMany::RetryAfter,
            TooManyStyle::Bare => TooMany::Bare,
        },
        churn: Churn {
            touches: arguments.churn,
            inserts: arguments.churn / 2,
            deletes: 0,
        },
        latency: Duration::from_millis(arguments.latency_ms),
        log_requests: false,
        ..Settings::default()
    };
    if !arguments.awkward {
        return quiet;
    }
    Settings {
        last_page: LastPage::EmptyPageFollows,
        calls_next: PageNext::Object,
        total_pages_off_by: -1,
        displaced_calls_every: 40,
        displaced_calls_pages: 30,
        call_timestamps: CallTimestamps::Mixed,
        transcripts: TranscriptFormat::Mixed,
        pending_transcripts_every: 20,
        foreign_transcripts_every: 15,
        repeated_collections_every: 5,
        ..quiet
    }
}
