//! One run of the tap, told on one screen.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::api::client::Client;
use super::arguments::{Arguments, TestMode};
use super::audit::run::Audit;
use super::config::{Config, Settings};
use super::discovery::discover_with;
use super::dry_run::run::foretell;
use super::emit::outlet::Outlet;
use super::emit::progress::Summary;
use super::emit::standing::{LONGEST_AHEAD, Standing};
use super::emit::stream::Shared;
use super::emit::streams as emission;
use super::exclusions::Exclusions;
use super::fault::Fault;
use super::merge::merge;
use super::plan::{Plan, discover, plan};
use super::probe;
use super::streams;
use super::time;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::cli::foreign::never_show;
use crate::cli::nearest::each_name;
use crate::cli::output::print;
use crate::cli::report::{Report, catch_signals};
use crate::cli::{Failure, Program, about, command, settings};
use crate::singer::catalog::Catalog;
use crate::singer::state::State;

/// What the tap says of itself.
pub const PROGRAM: Program = Program {
    name: "tap-intercom",
    env_prefix: "TAP_INTERCOM",
    description: "Singer tap for Intercom: admins, teams, tags, contacts, conversations, calls, \
                  articles, collections and, when selected, companies, tickets and more.",
    capabilities: &[
        "catalog",
        "properties",
        "discover",
        "state",
        "about",
        "test",
        "structured-logging",
    ],
};

/// How long the workspace is waited for at most, where a catalog is wanted.
const LONGEST_DISCOVERY: Duration = Duration::from_secs(20);

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    command::main::<Arguments, Settings>(&PROGRAM, |given| given.log_format, run)
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.about {
        let schema = settings::schema_of::<Settings>();
        return print(&about::render(&PROGRAM, &schema, arguments.format));
    }
    if arguments.discover {
        return print(&format!("{}\n", catalog_json(&discovered(arguments)?)));
    }
    if !arguments.merge_states.is_empty() {
        return merge_states(&arguments.merge_states);
    }
    let mut facts = Map::new();
    let Some(path) = &arguments.report else {
        return run_as_set(arguments, &mut facts, None);
    };
    let report = Report::begin(path, &PROGRAM)?;
    let result = run_as_set(arguments, &mut facts, Some(&report));
    report.finish(result, facts)
}

/// The catalog, with what the workspace says of itself where there is a token to ask it with.
fn discovered(arguments: &Arguments) -> Result<Catalog, Failure> {
    let settings = settings::load::<Settings>(&PROGRAM, &arguments.config);
    let Ok(mut config) = settings.and_then(Config::try_from) else {
        return Ok(discover());
    };
    never_show(config.access_token.expose_secret());
    // The catalog is of use without it, too, and somebody waits for it.
    config.max_attempts = 1;
    config.request_timeout = config.request_timeout.min(LONGEST_DISCOVERY);
    discover_with(&Client::new(config, catch_signals(None, Map::new)?)?)
}

/// Adds the streams that users name to the table, where they may be of datasets that only a workspace
/// has.
fn add_named(arguments: &Arguments, catalog: Option<&Catalog>, excluded: &[String]) {
    let entries = catalog.into_iter().flat_map(|catalog| &catalog.streams);
    let selected = entries.map(|entry| entry.tap_stream_id.as_str());
    let named = arguments.streams.iter().map(String::as_str);
    let excluded = each_name(excluded);
    let excluded = excluded.filter_map(|name| name.split('.').next());
    streams::add_datasets(selected.chain(named).chain(excluded));
}

/// What the configuration is needed for. What there is to tell of it goes into `facts`.
fn run_as_set(
    arguments: &Arguments,
    facts: &mut Map<String, Value>,
    report: Option<&Report>,
) -> Result<(), Failure> {
    let settings: Settings = settings::load(&PROGRAM, &arguments.config)?;
    let mut config = Config::try_from(settings)?;
    never_show(config.access_token.expose_secret());
    let state = read_state(arguments.state.as_deref())?;
    let catalog = read_catalog(arguments.catalog.as_deref())?;
    let excluded = [&config.exclude[..], &arguments.exclude].concat();
    add_named(arguments, catalog.as_ref(), &excluded);
    let exclusions = Exclusions::parse(&excluded)?;
    if let Some(keys) = &arguments.audit {
        let end = config.end_date.take();
        let streams = &arguments.streams;
        let audit = Audit::prepare(
            keys,
            state.clone(),
            catalog.as_ref(),
            streams,
            &exclusions,
            arguments.repair,
            end,
        )?;
        let client = Arc::new(Client::new(config, catch_signals(report, Map::new)?)?);
        let outlet = Outlet::new(io::stdout(), state, client.config().state_interval);
        return audit.run(&Shared::new(client, time::now()), &outlet, facts);
    }
    let plans = plan(catalog.as_ref(), &arguments.streams, &exclusions)?;
    if let Some(start) = config.start_date
        && start > time::now()
    {
        tracing::warn!(
            "`start_date` is {}, which is yet to come: streams without a bookmark have nothing to read",
            time::to_rfc3339(start)
        );
    }
    if arguments.test.is_some() {
        config.page_size = 1;
    }

    let client = Arc::new(Client::new(config, catch_signals(report, Map::new)?)?);
    if arguments.test == Some(TestMode::All) && io::stdout().is_terminal() {
        return probe::show(&Shared::new(client, time::now()), &plans);
    }
    if arguments.dry_run {
        return foretell(&client, &plans, &state, time::now());
    }
    let outlet = Outlet::new(io::stdout(), state, client.config().state_interval);
    match arguments.test {
        None => sync_and_tell(&Shared::new(client, time::now()), &plans, &outlet, facts),
        Some(TestMode::Schema) => probe::print_schemas(client.config(), &plans, &outlet),
        Some(TestMode::All) => probe::probe(&Shared::new(client, time::now()), &plans, &outlet),
    }
}

/// Reads every planned stream, and tells what became of them.
fn sync_and_tell<W: Write + Send>(
    shared: &Shared,
    plans: &[Plan],
    outlet: &Outlet<W>,
    facts: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let before = outlet.last_state();
    let mut streams = Map::new();
    let result = sync(shared, plans, outlet, &mut streams);
    facts.insert("streams".to_owned(), Value::Object(streams));
    for (key, state) in [
        ("state_before", before),
        ("state_after", outlet.last_state()),
    ] {
        facts.insert(key.to_owned(), Value::Object(state.value().clone()));
    }
    result
}

/// Reads every planned stream. One that fails doesn't keep the others from being read.
fn sync<W: Write + Send>(
    shared: &Shared,
    plans: &[Plan],
    outlet: &Outlet<W>,
    report: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let state = outlet.last_state();
    let mut standings = Vec::new();
    for plan in plans {
        standings.push(Standing::of(plan, &state, shared.started)?);
    }
    let mut summaries = Vec::new();
    let mut failures = Vec::new();
    let mut is_refused = false;
    let (all_ended, end) = emission::emit(shared, plans, standings, outlet);
    for (plan, ended) in plans.iter().zip(all_ended) {
        let outcome = ended.outcome;
        summaries.extend(ended.summaries);
        is_refused |= matches!(outcome.end, Err(Fault::Refused { .. }));
        is_refused |= !outcome.given_up.is_empty();
        match outcome.end {
            Ok(()) | Err(Fault::HungUp) => {}
            Err(fault) => {
                let message = Failure::from(fault).to_string();
                failures.push((plan.stream.name.to_owned(), message));
            }
        }
        failures.extend(outcome.given_up);
    }
    report.extend(summaries.iter().map(Summary::document));
    for (stream, why) in &failures {
        report.entry(stream.clone()).or_insert_with(|| json!({}))["failure"] = json!(why);
    }
    end?;
    for summary in &summaries {
        tracing::info!("{summary}");
    }
    if failures.is_empty() {
        return Ok(());
    }
    let mut message = String::from("these streams were not read to their end:");
    for (stream, why) in failures {
        message += &format!("\n  {stream}: {why}");
    }
    let failure = Failure::failed(message);
    let rest = "the other streams and their state are complete; the next run goes on from there";
    Err(if is_refused {
        failure.hint(format_args!(
            "{rest}; what the token may not read can be left out with --exclude or `exclude`"
        ))
    } else {
        failure.hint(rest)
    })
}

/// The catalog as `--discover` prints it and as it stands in the repository.
#[must_use]
pub fn catalog_json(catalog: &Catalog) -> String {
    serde_json::to_string_pretty(catalog).unwrap_or_default()
}

/// Prints one state of several.
fn merge_states(paths: &[PathBuf]) -> Result<(), Failure> {
    let mut given = Vec::new();
    for path in paths {
        given.push((path.display().to_string(), read_state(Some(path))?));
    }
    let states = given.iter().map(|(_, state)| state.value());
    let bookmarks = states.filter_map(|state| state.get("bookmarks")?.as_object());
    streams::add_datasets(bookmarks.flat_map(Map::keys).map(String::as_str));
    let state = merge(&given, time::now() + LONGEST_AHEAD)?;
    print(&format!("{}\n", Value::Object(state.value().clone())))
}

fn read_state(path: Option<&Path>) -> Result<State, Failure> {
    let Some(path) = path else {
        return Ok(State::default());
    };
    State::parse(&read(path, "state")?).map_err(|fault| {
        Failure::usage(format_args!(
            "the state file {} can't be used: {fault}",
            path.display()
        ))
        .hint(
            "a state is one JSON object with `bookmarks`, as in the value of the last STATE or \
             as `target-gcs --read-state` prints it; leave out --state to read everything anew",
        )
    })
}

fn read_catalog(path: Option<&Path>) -> Result<Option<Catalog>, Failure> {
    let Some(path) = path else {
        return Ok(None);
    };
    let catalog = serde_json::from_str(&read(path, "catalog")?).map_err(|error| {
        Failure::usage(format_args!(
            "the catalog file {} can't be used: {error}",
            path.display()
        ))
        .hint("tap-intercom --discover prints a fresh one")
    })?;
    Ok(Some(catalog))
}

fn read(path: &Path, what: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::usage(format_args!(
            "the {what} file {} can't be read: {error}",
            path.display()
        ))
    })
}
