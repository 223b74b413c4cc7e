//! One run of the tap, told on one screen.

use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use super::api::client::{ApiRequest, Client};
use super::arguments::{Arguments, TestMode};
use super::config::{Config, Settings};
use super::emit::pipeline::Sync;
use super::fault::Fault;
use super::plan::{discover, plan};
use super::time;
use crate::cli::output::print;
use crate::cli::stop::Stop;
use crate::cli::{Failure, Program, about, settings};
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

/// Enough for many records between two system calls.
const OUTPUT_BUFFER: usize = 256 << 10;

/// Does what the arguments say.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.about {
        let schema = settings::schema_of::<Settings>();
        return print(&about::render(&PROGRAM, &schema, arguments.format));
    }
    if arguments.discover {
        return print(&format!("{}\n", catalog_json(&discover())));
    }
    let settings: Settings = settings::load(&PROGRAM, &arguments.config)?;
    let mut config = Config::try_from(settings)?;
    let state = read_state(arguments.state.as_deref())?;
    let catalog = read_catalog(arguments.catalog.as_deref())?;
    let plans = plan(catalog.as_ref(), &arguments.streams)?;
    if arguments.test.is_some() {
        config.page_size = 1;
    }

    let stop = Stop::install()
        .map_err(|error| Failure::failed(format_args!("signals can't be caught: {error}")))?;
    let client = Arc::new(Client::new(config, stop));
    let out = BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout().lock());
    let sync = Sync::new(client, state, time::now(), out);
    match arguments.test {
        None => sync.run(&plans),
        Some(TestMode::Schema) => sync.print_schemas(&plans),
        Some(TestMode::All) => sync.test(&plans),
    }
}

/// The catalog as `--discover` prints it and as it stands in the repository.
#[must_use]
pub fn catalog_json(catalog: &Catalog) -> String {
    serde_json::to_string_pretty(catalog).unwrap_or_default()
}

/// Who the token belongs to.
pub fn identify(client: &Client) -> Result<String, Fault> {
    #[derive(serde::Deserialize)]
    struct Me {
        app: Option<App>,
    }
    #[derive(serde::Deserialize)]
    struct App {
        name: Option<String>,
        id_code: Option<String>,
        region: Option<String>,
    }
    client.send(&ApiRequest::Get("/me".into()), |body| {
        let me: Me = serde_json::from_slice(&body)?;
        let Some(app) = me.app else {
            return Ok("a workspace that isn't named".to_owned());
        };
        Ok(format!(
            "workspace {} ({}, region {})",
            app.name.as_deref().unwrap_or("without a name"),
            app.id_code.as_deref().unwrap_or("no id"),
            app.region.as_deref().unwrap_or("unknown"),
        ))
    })
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
        .hint("restore it, or leave out --state to read everything anew")
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
