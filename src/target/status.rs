//! How things stand, for whoever is called at night: bookmarks and how old they are, what is still
//! waited for, what came in the last days.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::bookmark;
use super::claim::BOOKMARKS;
use super::config::Config;
use super::lake::{DataFile, Lake};
use super::state_name::StateOwner;
use super::state_place::StatePlace;
use super::store::{Store, StoreError};
use crate::cli::Failure;
use crate::cli::failure::with_causes;
use crate::cli::foreign::told;

/// Today is the last of them.
const DAYS: usize = 7;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NO_BAR: char = '·';

/// How all streams stand.
#[derive(Debug)]
pub struct Status {
    now: DateTime<Utc>,
    streams: BTreeMap<String, StreamStatus>,
    /// What has no name of a data file, though it is where those are.
    foreign: usize,
    /// Why states can't be read, where they can't.
    unreadable: Vec<String>,
}

/// How a stream stands.
#[derive(Debug, Default)]
struct StreamStatus {
    bookmark: Option<Value>,
    /// Why there is none, where that isn't known.
    problem: Option<String>,
    files: usize,
    bytes: u64,
    /// Files and bytes of each day, the oldest first.
    days: [(usize, u64); DAYS],
    newest: Option<(String, DateTime<Utc>)>,
}

impl Status {
    /// Looks at a destination. To list it is enough; what can't be read is told.
    pub fn of(store: &Store, config: &Config, now: DateTime<Utc>) -> Result<Self, Failure> {
        let lake = Lake::list(store, config)?;
        let mut status = Self {
            now,
            streams: BTreeMap::new(),
            foreign: lake.foreign.len(),
            unreadable: Vec::new(),
        };
        for (name, files) in &lake.streams {
            let stream = status.streams.entry(name.clone()).or_default();
            stream.count(files, now.date_naive());
        }
        let place = StatePlace {
            store: store.clone(),
            template: config.state_path_template.clone(),
        };
        for entry in store.entries(place.template.prefix())? {
            if let Some(candidate) = place.template.candidate(&entry) {
                let read = store.read(&candidate.name);
                status.take_state(
                    &place,
                    &candidate.name,
                    candidate.owner,
                    read.map(|found| found.map(|it| it.content)),
                );
            }
        }
        Ok(status)
    }

    fn take_state(
        &mut self,
        place: &StatePlace,
        name: &str,
        owner: Option<StateOwner>,
        read: Result<Option<Vec<u8>>, StoreError>,
    ) {
        let content = match read {
            Ok(Some(content)) => content,
            Ok(None) => return,
            Err(error) => return self.miss(owner, &with_causes(&error)),
        };
        let owner = match owner {
            Some(owner) => owner,
            None => match place.owner_by_content(name, &content) {
                Ok(owner) => owner,
                Err(failure) => return self.miss(None, &failure.to_string()),
            },
        };
        let StateOwner::Stream(stream) = &owner else {
            return;
        };
        match place.parse(&owner, &content) {
            Ok(document) => {
                let bookmark = document.get(BOOKMARKS).and_then(|all| all.get(stream));
                let status = self.streams.entry(stream.clone()).or_default();
                status.bookmark = bookmark.cloned();
            }
            Err(failure) => self.miss(Some(owner), &failure.to_string()),
        }
    }

    fn miss(&mut self, owner: Option<StateOwner>, reason: &str) {
        let reason = reason.lines().next().unwrap_or_default().to_owned();
        match owner {
            Some(StateOwner::Stream(stream)) => {
                self.streams.entry(stream).or_default().problem = Some(reason);
            }
            _ => self.unreadable.push(reason),
        }
    }

    /// The streams whose bookmark is older than that.
    #[must_use]
    pub fn older_than(&self, most: Duration) -> Vec<&str> {
        let most = i64::try_from(most.as_secs()).unwrap_or(i64::MAX);
        self.streams
            .iter()
            .filter(|(_, stream)| stream.age(self.now).is_some_and(|age| age > most))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// For programs.
    #[must_use]
    pub fn document(&self) -> Value {
        let text = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let streams: Vec<Value> = self
            .streams
            .iter()
            .map(|(name, stream)| {
                let bookmark = stream.bookmark.as_ref().unwrap_or(&Value::Null);
                let (awaited, since) = bookmark::awaited(bookmark);
                let days = stream
                    .days
                    .iter()
                    .enumerate()
                    .map(|(place, (files, bytes))| {
                        let date = day_of(self.now.date_naive(), place);
                        json!({ "date": date.to_string(), "files": files, "bytes": bytes })
                    });
                json!({
                    "stream": name,
                    "bookmark": bookmark::instant_of(bookmark).map(text),
                    "age_seconds": stream.age(self.now),
                    "is_unfinished": bookmark::is_unfinished(bookmark),
                    "awaited": awaited,
                    "awaited_since": since.map(text),
                    "problem": stream.problem,
                    "files": stream.files,
                    "bytes": stream.bytes,
                    "days": days.collect::<Vec<Value>>(),
                    "newest_file": stream.newest.as_ref().map(|(name, _)| name),
                    "newest_file_at": stream.newest.as_ref().map(|(_, at)| text(*at)),
                })
            })
            .collect();
        json!({
            "now": text(self.now),
            "streams": streams,
            "foreign_files": self.foreign,
            "unreadable": self.unreadable,
        })
    }

    /// For people: a line a stream.
    #[must_use]
    pub fn table(&self) -> String {
        let header = [
            "stream",
            "bookmark",
            "age",
            "days",
            "7 days",
            "newest file",
            "",
        ];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(
            self.streams
                .iter()
                .map(|(name, stream)| stream.row(name, self.now)),
        );
        let widths: Vec<usize> = (0..header.len())
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut table = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line += &format!("{cell:width$}  ");
            }
            table += line.trim_end();
            table.push('\n');
        }
        if self.streams.is_empty() {
            "nothing is stored yet\n".clone_into(&mut table);
        }
        for reason in self.unreadable.iter().collect::<BTreeSet<_>>() {
            table += &format!("{}\n", told(reason));
        }
        if self.foreign > 0 {
            table += &format!("{} other files are beside the data files\n", self.foreign);
        }
        table
    }
}

impl StreamStatus {
    fn count(&mut self, files: &[DataFile], today: NaiveDate) {
        for file in files {
            self.files += 1;
            self.bytes += file.object.bytes;
            let age = today.signed_duration_since(file.name.opened_at.date_naive());
            let days_ago = usize::try_from(age.num_days()).unwrap_or(0);
            if let Some(place) = (DAYS - 1).checked_sub(days_ago) {
                self.days[place].0 += 1;
                self.days[place].1 += file.object.bytes;
            }
        }
        let newest = files.last();
        self.newest = newest.map(|file| (file.object.name.clone(), file.name.opened_at));
    }

    /// In seconds.
    fn age(&self, now: DateTime<Utc>) -> Option<i64> {
        let instant = bookmark::instant_of(self.bookmark.as_ref()?)?;
        Some(now.signed_duration_since(instant).num_seconds().max(0))
    }

    fn row(&self, name: &str, now: DateTime<Utc>) -> [String; 7] {
        let instant = self.bookmark.as_ref().and_then(bookmark::instant_of);
        let bookmark = match (instant, &self.bookmark, &self.problem) {
            (Some(instant), _, _) => instant.to_rfc3339_opts(SecondsFormat::Secs, true),
            (None, Some(_), _) => "of another kind".to_owned(),
            (None, None, Some(_)) => "unreadable".to_owned(),
            (None, None, None) => "none".to_owned(),
        };
        let most = self.days.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
        let bar = self.days.iter().map(|(files, bytes)| match files {
            0 => NO_BAR,
            _ => BARS[usize::try_from(bytes * 7 / most.max(1)).unwrap_or(0).min(7)],
        });
        let recent = self
            .days
            .iter()
            .fold((0, 0), |(files, bytes), day| (files + day.0, bytes + day.1));
        let newest = self.newest.as_ref().map_or("none".to_owned(), |(_, at)| {
            at.to_rfc3339_opts(SecondsFormat::Secs, true)
        });
        [
            told(name),
            bookmark,
            self.age(now).map_or_else(String::new, span),
            bar.collect(),
            format!("{} files, {}", recent.0, size(recent.1)),
            newest,
            self.notes(now),
        ]
    }

    fn notes(&self, now: DateTime<Utc>) -> String {
        let mut notes = Vec::new();
        if let Some(bookmark) = &self.bookmark {
            if bookmark::is_unfinished(bookmark) {
                notes.push("unfinished".to_owned());
            }
            let (count, since) = bookmark::awaited(bookmark);
            if count > 0 {
                let since = since.map_or_else(String::new, |since| {
                    let age = now.signed_duration_since(since).num_seconds().max(0);
                    format!(" for {}", span(age))
                });
                notes.push(format!("{count} awaited{since}"));
            }
        }
        notes.extend(self.problem.as_deref().map(told));
        notes.join(", ")
    }
}

fn day_of(today: NaiveDate, place: usize) -> NaiveDate {
    let days_ago = u64::try_from(DAYS - 1 - place).unwrap_or(0);
    today.checked_sub_days(Days::new(days_ago)).unwrap_or(today)
}

/// Seconds as people say them.
pub fn span(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Bytes as people say them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}
