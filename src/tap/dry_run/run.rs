//! One dry run: each stream is counted, and what that comes to is told.

use std::io::{self, IsTerminal};

use super::details::{depend_on_records, for_lists, of_child};
use super::forecast::{Forecast, table};
use crate::cli::Failure;
use crate::cli::output::print;
use crate::singer::state::State;
use crate::tap::api::client::Client;
use crate::tap::emit::standing::Standing;
use crate::tap::plan::Plan;
use crate::tap::probe::{Refusal, conclude};
use crate::tap::read::amount::Amount;
use crate::tap::read::count::count_stream;
use crate::tap::read::places::{Outputs, Place};
use crate::tap::time::EpochSeconds;

/// Tells what a run that starts now from this state would read: on a terminal as a table, elsewhere as
/// lines of JSON, with the table in the log.
pub fn foretell(
    client: &Client,
    plans: &[Plan],
    state: &State,
    started: EpochSeconds,
) -> Result<(), Failure> {
    let mut standings = Vec::new();
    for plan in plans {
        standings.push(Standing::of(plan, state, started)?);
    }
    let mut forecasts = Vec::new();
    for (plan, standing) in plans.iter().zip(&standings) {
        forecasts.extend(forecasts_of(client, plan, standing, started)?);
    }
    let most_a_minute = client.most_a_minute();
    let lines = table(&forecasts, most_a_minute);
    if io::stdout().is_terminal() {
        print(&format!("{}\n", lines.join("\n")))?;
    } else {
        let json = forecasts.iter().map(|one| one.line(most_a_minute));
        print(&json.collect::<String>())?;
        for line in lines {
            tracing::info!("{line}");
        }
    }
    let mut unreadable = Vec::new();
    for forecast in &forecasts {
        if let Some(why) = &forecast.failure {
            tracing::error!("{}: can't be read: {why}", forecast.stream);
            unreadable.push(forecast.stream.to_owned());
        }
    }
    conclude(&unreadable)
}

/// Of a stream and of what is read along with it.
fn forecasts_of(
    client: &Client,
    plan: &Plan,
    standing: &Standing<'_>,
    started: EpochSeconds,
) -> Result<Vec<Forecast>, Failure> {
    let stream = plan.stream;
    let own = |failure| Forecast {
        stream: stream.name,
        with: None,
        records: Amount::NONE,
        requests: Amount::NONE,
        unknown: None,
        failure,
    };
    let wants_sample = depend_on_records(plan);
    let counted = count_stream(stream, client, standing.places(), started, wants_sample);
    let counted = match counted {
        Ok(counted) => counted,
        Err(fault) => {
            let refusal = Refusal::of(stream, fault)?;
            return Ok(refusal
                .map(|why| own(Some(why.to_string())))
                .into_iter()
                .collect());
        }
    };
    // What earlier runs couldn't have is asked for first.
    let holes = standing
        .places()
        .iter()
        .map(|place| place.bookmark.holes.len());
    let again = standing.awaited().len() + holes.sum::<usize>();
    let own = Forecast {
        records: counted.records,
        requests: counted
            .requests
            .plus(for_lists(plan, &counted))
            .plus(Amount::exactly(again as u64)),
        unknown: counted.unknown,
        ..own(None)
    };
    let mut forecasts = vec![own];
    for (number, (child, output)) in plan.children.iter().enumerate() {
        let (records, requests) = of_child(child, &counted);
        let is_behind = |amount: Amount| Amount { least: 0, ..amount };
        let stands_further = is_further(standing.places(), Outputs::child(number));
        forecasts.push(Forecast {
            stream: output.name,
            with: Some(stream.name),
            records,
            requests: if stands_further {
                is_behind(requests)
            } else {
                requests
            },
            unknown: None,
            failure: None,
        });
    }
    Ok(forecasts)
}

/// Whether some other output stands further back, where the list is read for it.
fn is_further(places: &[Place], outputs: Outputs) -> bool {
    let at = |place: &Place| place.bookmark.replication_key_value;
    let oldest = places.iter().map(at).min().flatten();
    let mut places = places.iter();
    places.any(|place| place.outputs.has(outputs) && at(place) > oldest)
}
