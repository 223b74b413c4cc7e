//! `POST /contacts/search` and those of conversations, tickets and companies.

use serde_json::Value;

use super::answer::{error, object};
use super::cursor::{Cursor, Position};
use super::data::Data;
use super::query::{Condition, DateMatching, Refusal, Span};
use super::settings::{CursorKind, Dates, LastPage, Settings};
use super::table::{Entry, Stream, Table};
use super::template::{put, put_array, put_number};
use crate::http::{Reply, Request};

const MOST_PER_PAGE: u64 = 150;

/// Answers a search of that stream.
pub fn search(data: &Data, settings: &Settings, stream: Stream, request: &Request) -> Reply {
    let refused = |message: &str| error(request, 400, "parameter_invalid", message);
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return error(request, 400, "bad_request", "the body is not JSON");
    };
    let Some(query) = body.get("query") else {
        return error(request, 400, "parameter_not_found", "query is missing");
    };
    let order = body["sort"]["order"].as_str().unwrap_or("descending");
    if !matches!(order, "ascending" | "descending") {
        let message =
            format!("Invalid sort order '{order}'. Must be one of: ascending, descending");
        return error(request, 400, "invalid_sort_order", &message);
    }
    let default_per_page = if stream == Stream::Contacts { 50 } else { 20 };
    let per_page = match &body["pagination"]["per_page"] {
        Value::Null => default_per_page,
        number => match number.as_u64() {
            Some(number @ 1..=MOST_PER_PAGE) => number,
            _ => return refused("per_page must be between 1 and 150"),
        },
    };
    let cursor = match &body["pagination"]["starting_after"] {
        Value::Null => None,
        text => match text.as_str().and_then(Cursor::decode) {
            Some(cursor) => Some(cursor),
            None => return refused("starting_after is not a cursor of this search"),
        },
    };
    let sort_field = if settings.ignores_sort {
        "nothing"
    } else {
        body["sort"]["field"].as_str().unwrap_or("updated_at")
    };
    let dates = date_matching(settings, stream, request);
    let matching = Condition::parse(query).and_then(|condition| {
        Matching::find(data, settings, stream, &condition, dates, sort_field)
    });
    match matching {
        Ok(matching) => {
            let page = Page {
                ascending: order == "ascending" || settings.ignores_sort,
                size: per_page,
                cursor,
            };
            page.answer(data, settings, stream, &matching)
        }
        Err(refusal) => refused(&refusal),
    }
}

/// Whether the version that a request asks for has the search of companies.
pub fn has_company_search(request: &Request) -> bool {
    let version = request.header("Intercom-Version").unwrap_or_default();
    version == "Preview" || version_of(version).is_some_and(|version| version >= (2, 17))
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn date_matching(settings: &Settings, stream: Stream, request: &Request) -> DateMatching {
    if stream == Stream::Companies {
        return DateMatching::Second;
    }
    if stream != Stream::Contacts {
        return DateMatching::SecondOfConversations {
            inclusive: settings.inclusive_bounds,
        };
    }
    let whole_day = match settings.dates {
        Dates::WholeDay => true,
        Dates::Exact => false,
        Dates::ByVersion => request
            .header("Intercom-Version")
            .and_then(version_of)
            .is_none_or(|version| version < (2, 17)),
    };
    if whole_day {
        DateMatching::WholeDay(settings.timezone)
    } else {
        DateMatching::Second
    }
}

/// The rows that a query selects, oldest first: pieces of the index, or a list of its own.
enum Matching<'a> {
    Pieces(Vec<&'a [Entry]>),
    Listed(Vec<Entry>),
}

impl<'a> Matching<'a> {
    fn find(
        data: &'a Data,
        settings: &Settings,
        stream: Stream,
        condition: &Condition,
        dates: DateMatching,
        sort_field: &str,
    ) -> Result<Matching<'a>, Refusal> {
        let table = data.table(stream);
        let pieces = pieces(table, &condition.spans(dates)?);
        let is_found = |row: u32| stream != Stream::Companies || !settings.is_without_users(row);
        let by_updated_at = sort_field == "updated_at";
        let sort_value: fn(&Table, &Entry) -> i64 = match (sort_field, stream) {
            ("updated_at", _) => |_, entry| entry.sort_value,
            ("nothing", _) => |_, entry| entry.tie.into(),
            ("created_at", _) => |table, entry| table.row(entry.row).created_at,
            // In no description, but singer-io's tap asks for it. Only these ids are numbers.
            ("id", Stream::Conversations) => {
                |table, entry| table.id(entry.row).parse().expect("a number")
            }
            _ => return Err(format!("cannot sort by {sort_field}")),
        };
        let are_all_found =
            stream != Stream::Companies || settings.companies_without_users_every == 0;
        if by_updated_at && condition.only_about_updated_at() && are_all_found {
            return Ok(Matching::Pieces(pieces));
        }
        let mut listed = Vec::new();
        let mut bytes = Vec::new();
        for &entry in pieces.into_iter().flatten() {
            if !is_found(entry.row) {
                continue;
            }
            if !condition.only_about_updated_at() {
                bytes.clear();
                put_record(data, &mut bytes, stream, entry.row, 0);
                let record = serde_json::from_slice(&bytes).expect("records are JSON");
                if !condition.matches(&record, dates)? {
                    continue;
                }
            }
            listed.push(Entry {
                sort_value: sort_value(table, &entry),
                ..entry
            });
        }
        listed.sort_unstable();
        Ok(Matching::Listed(listed))
    }

    fn pieces(&self) -> Vec<&[Entry]> {
        match self {
            Matching::Pieces(pieces) => pieces.clone(),
            Matching::Listed(listed) => vec![listed],
        }
    }
}

fn pieces<'a>(table: &'a Table, spans: &[Span]) -> Vec<&'a [Entry]> {
    let index = table.index();
    let place = |second: i64| index.partition_point(|entry| entry.sort_value < second);
    spans
        .iter()
        .map(|&(first, last)| {
            let end = last.checked_add(1).map_or(index.len(), place);
            &index[place(first)..end]
        })
        .collect()
}

struct Page {
    ascending: bool,
    size: u64,
    cursor: Option<Cursor>,
}

impl Page {
    fn answer(
        &self,
        data: &Data,
        settings: &Settings,
        stream: Stream,
        matching: &Matching,
    ) -> Reply {
        let pieces = matching.pieces();
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let skipped = self.skipped(&pieces, total);
        let rows = self.rows(&pieces, total, skipped);
        let number = self.cursor.map_or(1, |cursor| cursor.page);
        let next = self.next(settings, &rows, skipped, total, number);
        let told_total = (total as i64 + settings.search_totals_off_by).max(0) as u64;
        let total_pages = told_total.div_ceil(self.size);

        let mut pages = Vec::new();
        put(&mut pages, r#"{"type":"pages","#);
        pages.extend_from_slice(&next);
        put_number(
            &mut pages,
            format_args!(
                r#""page":{number},"per_page":{},"total_pages":{total_pages}}}"#,
                self.size
            ),
        );
        let mut records = Vec::with_capacity(rows.len() * 3000);
        put_array(&mut records, &rows, |out, entry| {
            put_record(data, out, stream, entry.row, settings.long_lists_every);
        });
        let total = told_total.to_string();
        Reply::json(
            200,
            match stream {
                Stream::Contacts | Stream::Companies => object(&[
                    ("type", b"\"list\""),
                    ("data", &records),
                    ("total_count", total.as_bytes()),
                    ("pages", &pages),
                ]),
                Stream::Tickets => object(&[
                    ("type", b"\"ticket.list\""),
                    ("pages", &pages),
                    ("total_count", total.as_bytes()),
                    ("tickets", &records),
                ]),
                _ => object(&[
                    ("type", b"\"conversation.list\""),
                    ("pages", &pages),
                    ("total_count", total.as_bytes()),
                    ("conversations", &records),
                ]),
            },
        )
    }

    /// How many rows, in the order of the page, come before it.
    fn skipped(&self, pieces: &[&[Entry]], total: usize) -> usize {
        match self.cursor.map(|cursor| cursor.position) {
            None => 0,
            Some(Position::Offset(offset)) => (offset as usize).min(total),
            Some(Position::After(sort_value, tie)) => {
                let after = (sort_value, tie);
                let up_to = |inclusive: bool| -> usize {
                    pieces
                        .iter()
                        .map(|piece| {
                            piece.partition_point(|entry| {
                                let at = (entry.sort_value, entry.tie);
                                at < after || (inclusive && at == after)
                            })
                        })
                        .sum()
                };
                if self.ascending {
                    up_to(true)
                } else {
                    total - up_to(false)
                }
            }
        }
    }

    fn rows(&self, pieces: &[&[Entry]], total: usize, skipped: usize) -> Vec<Entry> {
        let count = (self.size as usize).min(total - skipped);
        let first = if self.ascending {
            skipped
        } else {
            total - skipped - count
        };
        let mut rows = Vec::with_capacity(count);
        let mut piece_start = 0;
        for piece in pieces {
            let from = first.max(piece_start) - piece_start;
            let to = (first + count).max(piece_start) - piece_start;
            rows.extend_from_slice(&piece[from.min(piece.len())..to.min(piece.len())]);
            piece_start += piece.len();
        }
        if !self.ascending {
            rows.reverse();
        }
        rows
    }

    /// `"next":…,`, or nothing.
    fn next(
        &self,
        settings: &Settings,
        rows: &[Entry],
        skipped: usize,
        total: usize,
        number: u64,
    ) -> Vec<u8> {
        let is_dropped = settings.drops_next_at_page == Some(number);
        let more = skipped + rows.len() < total && !is_dropped;
        let follows = settings.last_page == LastPage::EmptyPageFollows && !rows.is_empty();
        let Some(last) = rows.last().filter(|_| more || follows) else {
            return match settings.last_page {
                LastPage::NoNext | LastPage::EmptyPageFollows => Vec::new(),
                LastPage::NullNext => br#""next":null,"#.to_vec(),
                LastPage::NullCursor => {
                    format!(r#""next":{{"page":{},"starting_after":null}},"#, number + 1)
                        .into_bytes()
                }
            };
        };
        let position = match settings.cursors {
            CursorKind::SearchAfter => Position::After(last.sort_value, last.tie),
            CursorKind::Offset => Position::Offset((skipped + rows.len()) as u64),
        };
        let cursor = Cursor {
            page: number + 1,
            position,
        };
        let repeated = self.cursor.filter(|_| {
            settings
                .repeat_cursor_at_page
                .is_some_and(|page| number >= page)
        });
        format!(
            r#""next":{{"page":{},"starting_after":"{}"}},"#,
            number + 1,
            repeated.unwrap_or(cursor).encode()
        )
        .into_bytes()
    }
}

fn put_record(data: &Data, out: &mut Vec<u8>, stream: Stream, row: u32, long_lists_every: u32) {
    match stream {
        Stream::Contacts => data.put_contact(out, row, long_lists_every),
        Stream::Tickets => data.put_ticket(out, row, false),
        Stream::Companies => data.put_company(out, row),
        _ => data.put_conversation(out, row),
    }
}
