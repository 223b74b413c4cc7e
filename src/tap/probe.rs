//! A look at what can be read before it is: whose token it is, and one record a stream.

use std::io::Write;

use super::api::client::{ApiRequest, Client};
use super::config::Config;
use super::emit::messages::Messages;
use super::emit::outlet::Outlet;
use super::emit::pipeline::Event;
use super::emit::stream::Shared;
use super::fault::Fault;
use super::plan::Plan;
use super::read::places::Place;
use super::read::stream::Wholeness;
use super::time;
use crate::cli::Failure;

/// Prints the schemas and nothing else.
pub fn print_schemas<W: Write>(
    config: &Config,
    plans: &[Plan],
    outlet: &Outlet<W>,
) -> Result<(), Failure> {
    for plan in plans {
        let mut messages = Messages::new(outlet, config);
        messages.schemas(plan)?;
        messages.hand_over()?;
    }
    Ok(())
}

/// Reads at most one record of each stream and child, after a look at whose token it is.
pub fn probe<W: Write>(shared: &Shared, plans: &[Plan], outlet: &Outlet<W>) -> Result<(), Failure> {
    let workspace = identify(&shared.client)?;
    tracing::info!("the token is for {workspace}");
    let mut unreadable = Vec::new();
    for plan in plans {
        let name = plan.stream.name;
        match first_record(shared, plan, outlet) {
            Ok(refused) => {
                tracing::info!("{name}: can be read");
                for (name, message) in refused {
                    tracing::error!("{name}: can't be read: {message}");
                    unreadable.push(name);
                }
            }
            Err(Fault::HungUp) => tracing::info!("{name}: can be read"),
            Err(Fault::Stream(message) | Fault::Gone { message } | Fault::Refused { message }) => {
                tracing::error!("{name}: can't be read: {message}");
                unreadable.push(name.to_owned());
            }
            Err(Fault::Abort(failure)) => return Err(failure),
        }
    }
    if unreadable.is_empty() {
        return Ok(());
    }
    let message = format!("these streams can't be read: {}", unreadable.join(", "));
    Err(Failure::failed(message).hint(
        "the lines above say why; leave out those that you can do without with --exclude, the \
              setting `exclude` or the catalog",
    ))
}

/// Emits the first record and the first of each child; says which of those were refused, and why.
fn first_record<W: Write>(
    shared: &Shared,
    plan: &Plan,
    outlet: &Outlet<W>,
) -> Result<Vec<(String, String)>, Fault> {
    let mut messages = Messages::new(outlet, shared.client.config());
    messages.schemas(plan)?;
    let beginning = Place::beginning();
    let mut pipeline = shared.start(&shared.client, plan, &beginning, &[], Wholeness::Pages, 1)?;
    let complete = loop {
        match pipeline.next_event()? {
            Event::Record(complete) => break complete,
            Event::End(end) => return end.map(|()| Vec::new()),
            Event::Page(_) | Event::Marks(_) | Event::NotYet => {}
        }
    };
    let time_extracted = time::now_to_millis();
    if let (Some(output), Some(record)) = (&plan.output, &complete.record) {
        messages.look_at(output, record.json())?;
        messages.settle(output)?;
        messages.record(output, record.json(), &time_extracted, None)?;
    }
    for (place, details) in &complete.children {
        if let Some(record) = details.records.first() {
            let mut text = String::new();
            details.complete(record, &mut text);
            let output = &plan.children[*place].1;
            messages.look_at(output, &text)?;
            messages.settle(output)?;
            messages.record(output, &text, &time_extracted, None)?;
        }
    }
    messages.hand_over()?;
    let refused = pipeline.along().refused();
    Ok(refused
        .map(|(name, why)| (name.to_owned(), why.to_owned()))
        .collect())
}

/// Who the token belongs to.
fn identify(client: &Client) -> Result<String, Fault> {
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
