//! A look at what can be read before it is: whose token it is, and one record a stream.

use std::fmt;
use std::io::Write;

use super::api::client::{ApiRequest, Client};
use super::config::Config;
use super::emit::messages::Messages;
use super::emit::outlet::Outlet;
use super::emit::pipeline::Event;
use super::emit::stream::Shared;
use super::fault::Fault;
use super::plan::Plan;
use super::read::count::export_permission;
use super::read::places::Place;
use super::read::stream::Wholeness;
use super::streams::{ChildSource, Paging, Stream, scope_of};
use super::time;
use crate::cli::Failure;
use crate::cli::output::print;

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

/// Reads at most one record of each stream and child, after a look at whose token it is, and logs
/// what came of it.
pub fn probe<W: Write>(shared: &Shared, plans: &[Plan], outlet: &Outlet<W>) -> Result<(), Failure> {
    let workspace = identify(&shared.client)?;
    tracing::info!("the token is for {workspace}");
    let mut unreadable = Vec::new();
    for plan in plans {
        for verdict in look_at(shared, plan, Some(outlet))? {
            match verdict.refusal {
                None if verdict.is_child => {}
                None => tracing::info!("{}: can be read", verdict.name),
                Some(refusal) => {
                    tracing::error!("{}: can't be read: {}", verdict.name, refusal.why);
                    unreadable.push(verdict.name);
                }
            }
        }
    }
    conclude(&unreadable)
}

/// The same for somebody who watches: no messages, but a table of what can be read, how much of it
/// there is, and what it takes to read the rest.
pub fn show(shared: &Shared, plans: &[Plan]) -> Result<(), Failure> {
    let workspace = identify(&shared.client)?;
    let width = plans
        .iter()
        .flat_map(Plan::outputs)
        .map(|output| output.name.len())
        .max()
        .unwrap_or_default();
    print(&format!(
        "{workspace}\n\n{:width$}  readable    records\n",
        "stream"
    ))?;
    let mut unreadable = Vec::new();
    for plan in plans {
        for verdict in look_at(shared, plan, None::<&Outlet<Vec<u8>>>)? {
            print(&format!("{}\n", verdict.row(plan, width)))?;
            if verdict.refusal.is_some() {
                unreadable.push(verdict.name);
            }
        }
    }
    conclude(&unreadable)
}

/// Names what can't be read as the failure that it is.
pub fn conclude(unreadable: &[String]) -> Result<(), Failure> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let message = format!("these streams can't be read: {}", unreadable.join(", "));
    Err(Failure::failed(message).hint(
        "the lines above say why; leave out those that you can do without with --exclude, the \
         setting `exclude` or the catalog",
    ))
}

/// What a look at a stream, or at one that is read along with it, came to.
struct Verdict {
    name: String,
    is_child: bool,
    /// Nothing that goes with a record can be looked at where there is no record.
    is_tried: bool,
    /// How many records there are, where the API says so.
    total_count: Option<u64>,
    refusal: Option<Refusal>,
}

/// Why something can't be read.
#[derive(Debug)]
pub struct Refusal {
    why: String,
    /// The permission that is lacking, where that is what it is.
    scope: Option<&'static str>,
}

impl Refusal {
    fn new(why: String, scope: Option<&'static str>) -> Self {
        // The API's own word where no permission would help.
        let is_of_plan = why.contains("plan_restricted");
        Self {
            why,
            scope: scope.filter(|_| !is_of_plan),
        }
    }

    /// Of a stream; none where nobody wants to know any more. What ends all of a run is no refusal.
    pub fn of(stream: &Stream, fault: Fault) -> Result<Option<Self>, Failure> {
        match fault {
            Fault::HungUp => Ok(None),
            Fault::Refused { message } => Ok(Some(Self::new(message, scope_of(stream.path)))),
            Fault::Stream(message) | Fault::Gone { message, .. } => {
                Ok(Some(Self::new(message, None)))
            }
            Fault::Abort(failure) => Err(failure),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = self.scope {
            write!(formatter, "needs the scope \"{scope}\": ")?;
        }
        formatter.write_str(&self.why)
    }
}

impl Verdict {
    /// A line of the table. How long it gets is the terminal's matter only where it says why not.
    fn row(&self, plan: &Plan, width: usize) -> String {
        let name = &self.name;
        match &self.refusal {
            None if !self.is_tried => {
                format!("{name:width$}  not tried, for want of a record")
            }
            None => {
                let count = match self.total_count {
                    _ if self.is_child => format!("with {}", plan.stream.name),
                    Some(count) => format!("{count:>9}"),
                    None => format!("{:>9}", "not told"),
                };
                format!("{name:width$}  yes       {count}")
            }
            Some(refusal) => format!("{name:width$}  no        {refusal}"),
        }
    }
}

/// Reads the first record of a stream and of each child.
fn look_at<W: Write>(
    shared: &Shared,
    plan: &Plan,
    outlet: Option<&Outlet<W>>,
) -> Result<Vec<Verdict>, Failure> {
    let own = |total_count, refusal| Verdict {
        name: plan.stream.name.to_owned(),
        is_child: false,
        is_tried: true,
        total_count,
        refusal,
    };
    match first_record(shared, plan, outlet) {
        Ok(found) => {
            let mut verdicts = vec![own(found.total_count, None)];
            let along = |name: String, refusal| Verdict {
                name,
                is_child: true,
                is_tried: found.has_record,
                total_count: None,
                refusal,
            };
            let mut refused = found.refused;
            for (child, output) in &plan.children {
                let place = refused.iter().position(|(name, _)| name == output.name);
                let path = match child.source {
                    ChildSource::Request(request) => request.path,
                    ChildSource::Inside(_) | ChildSource::SameExport(_) => plan.stream.path,
                };
                let why = place.map(|place| refused.swap_remove(place).1);
                let refusal = why.map(|why| Refusal::new(why, scope_of(path)));
                verdicts.push(along(output.name.to_owned(), refusal));
            }
            // The rest are lists inside the record.
            for (name, why) in refused {
                verdicts.push(along(name, Some(Refusal::new(why, None))));
            }
            Ok(verdicts)
        }
        Err(fault) => Ok(vec![own(None, Refusal::of(plan.stream, fault)?)]),
    }
}

/// What the first page of a stream says.
#[derive(Default)]
struct Found {
    total_count: Option<u64>,
    has_record: bool,
    /// What goes with the record and was refused, and why.
    refused: Vec<(String, String)>,
}

/// Looks at the first record and the first of each child, and emits them where there is a way out.
fn first_record<W: Write>(
    shared: &Shared,
    plan: &Plan,
    outlet: Option<&Outlet<W>>,
) -> Result<Found, Fault> {
    if let Paging::ExportJobs(jobs) = plan.stream.paging {
        return export_permission(&shared.client, &jobs).map(|()| Found::default());
    }
    let mut messages = outlet.map(|outlet| Messages::new(outlet, shared.client.config()));
    if let Some(messages) = &mut messages {
        messages.schemas(plan)?;
        messages.hand_over()?;
    }
    let beginning = Place::beginning();
    let mut pipeline = shared.start(&shared.client, plan, &beginning, &[], Wholeness::Pages, 1)?;
    let mut found = Found::default();
    let complete = loop {
        match pipeline.next_event()? {
            Event::Record(complete) => break complete,
            Event::End(end) => {
                found.total_count = found.total_count.or(Some(0));
                return end.map(|()| found);
            }
            Event::Page(arrival) => {
                // A list that comes in one answer needs no word of how long it is.
                let is_whole =
                    matches!(plan.stream.paging, Paging::Single) && plan.stream.for_each.is_none();
                let counted = is_whole.then_some(arrival.records.len() as u64);
                found.total_count = arrival.total_count.or(counted);
            }
            Event::Marks(_) | Event::NotYet => {}
        }
    };
    found.has_record = true;
    if let Some(mut messages) = messages {
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
    }
    let refused = pipeline.along().refused();
    found.refused = refused
        .map(|(name, why)| (name.to_owned(), why.to_owned()))
        .collect();
    Ok(found)
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
