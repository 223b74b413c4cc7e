//! A list that a scroll alone has whole, while some versions of the API have a search for most of it.
//! The search tells what changed in a request or two. What it leaves out comes with a scroll now and
//! then, which begins where the last one was, and leaves out what searches had meanwhile.

use super::amount::Amount;
use super::bookmark::Bookmark;
use super::counted::Counted;
use super::places::{Outputs, Place};
use super::reading::{Batch, BatchSink, Reading};
use super::{scroll, search};
use crate::tap::fault::Fault;
use crate::tap::streams::DateMatching;
use crate::tap::time::{DAY, EpochSeconds, Seconds};

/// Reads the stream: by the search at this path if the API has it and the last scroll is no older than
/// so many days.
pub fn read(
    reading: &Reading<'_>,
    search: &'static str,
    most_days: u32,
    sink: &mut BatchSink<'_>,
) -> Result<(), Fault> {
    let is_due = is_due(reading, most_days);
    if !is_due {
        let searching = searching(reading, search);
        match search::look(&searching) {
            Ok(()) => {
                return search::read(&searching, DateMatching::Seconds, &mut |mut batch| {
                    for mark in &mut batch.marks {
                        mark.bookmark.scrolled_at = scrolled_at(reading, mark.outputs);
                    }
                    sink(batch)
                });
            }
            Err(fault) => tell_lacking(reading, fault)?,
        }
    }
    read_whole(reading, is_due, sink)
}

/// How much that would give.
pub fn count(
    reading: &Reading<'_>,
    search: &'static str,
    most_days: u32,
) -> Result<Counted, Fault> {
    if !is_due(reading, most_days) {
        match search::count(&searching(reading, search), DateMatching::Seconds, 1) {
            Ok(counted) => return Ok(counted),
            Err(fault) => tell_lacking(reading, fault)?,
        }
    }
    Ok(Counted {
        unknown: Some("a scroll doesn't tell"),
        ..Counted::of(Amount::at_least(0), Amount::at_least(1), Vec::new())
    })
}

/// Whether some output lacks what only a scroll has.
fn is_due(reading: &Reading<'_>, most_days: u32) -> bool {
    let started = reading.started();
    let oldest = started - Seconds::from(most_days) * DAY;
    reading.is_whole_list
        || reading.places.iter().any(|place| {
            let scrolled_at = place.bookmark.scrolled_at;
            scrolled_at.is_none_or(|at| at <= oldest || at > started)
        })
}

/// The same by the search. What it finds is remembered for the next scroll.
fn searching<'a>(reading: &Reading<'a>, path: &'static str) -> Reading<'a> {
    let lookback = reading.client.config().lookback_seconds;
    let scrolled_at = scrolled_at(reading, Outputs::ALL);
    Reading {
        path,
        remembered_from: scrolled_at.map(|at| at - lookback),
        ..*reading
    }
}

/// When the list was last scrolled for all of those.
fn scrolled_at(reading: &Reading<'_>, outputs: Outputs) -> Option<EpochSeconds> {
    let places = reading.places.iter();
    let places = places.filter(|place| place.outputs.has(outputs));
    places.map(|place| place.bookmark.scrolled_at).min()?
}

/// Says why there is no search, if that is what the fault means.
fn tell_lacking(reading: &Reading<'_>, fault: Fault) -> Result<(), Fault> {
    match fault {
        Fault::Gone { message, .. } | Fault::Refused { message } | Fault::Stream(message) => {
            let name = reading.stream.name;
            tracing::info!(
                "{name}: all of the list is scrolled, since it can't be searched: {message}"
            );
            Ok(())
        }
        fault @ (Fault::Abort(_) | Fault::HungUp) => Err(fault),
    }
}

/// Scrolls through all of the list. Where that wasn't due, the state stays as it is if nothing is new.
fn read_whole(reading: &Reading<'_>, is_due: bool, sink: &mut BatchSink<'_>) -> Result<(), Fault> {
    let config = reading.client.config();
    let started = reading.started();
    let up_to = config.end_date.map_or(started, |end| started.min(end));
    let since_the_last = |place: &Place| Place {
        outputs: place.outputs,
        bookmark: Bookmark {
            replication_key_value: place
                .bookmark
                .scrolled_at
                .or(place.bookmark.replication_key_value),
            in_progress: false,
            ..place.bookmark.clone()
        },
    };
    let places: Vec<Place> = reading.places.iter().map(since_the_last).collect();
    let scrolling = Reading {
        places: &places,
        ..*reading
    };
    let finish = |mark: &mut Place| {
        let places = reading.places.iter();
        let places = places.filter(|place| place.outputs.has(mark.outputs));
        let known = places.filter_map(|place| reading.known(place)).max();
        // Searches may have come further than anything that a scroll shows.
        mark.bookmark.replication_key_value = mark.bookmark.replication_key_value.max(known);
        mark.bookmark.in_progress = false;
        mark.bookmark.scrolled_at = Some(up_to);
    };
    let mut marked = Outputs::default();
    let mut holes = 0;
    scroll::read(&scrolling, &mut |mut batch| {
        for mark in &mut batch.marks {
            finish(mark);
            marked = marked.with(mark.outputs);
        }
        holes = batch.holes;
        sink(batch)
    })?;
    if !is_due {
        return Ok(());
    }
    let mut marks = Vec::new();
    for place in reading.places {
        let Some(replication_key_value) = place.bookmark.replication_key_value else {
            continue;
        };
        if !marked.has(place.outputs) {
            let mut mark = place.clone();
            let from = replication_key_value - config.lookback_seconds;
            mark.bookmark.seen = mark.bookmark.seen.since(from);
            finish(&mut mark);
            marks.push(mark);
        }
    }
    sink(Batch {
        marks,
        holes,
        ..Batch::default()
    })
}
