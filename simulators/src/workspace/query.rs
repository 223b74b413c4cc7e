//! Search queries: their limits, their meaning, and the spans of time that they select. A query
//! about nothing but `updated_at` is answered from the spans alone, however many rows there are.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde_json::Value;

/// The most filters of one group.
const MOST_FILTERS: usize = 15;
/// The most groups inside each other.
const MOST_LEVELS: usize = 2;

/// A query that has been found to be well-formed.
#[derive(Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Filter(Filter),
}

/// `{"field":…,"operator":…,"value":…}`.
#[derive(Debug)]
pub struct Filter {
    field: String,
    operator: String,
    value: Value,
}

/// How dates are matched.
#[derive(Debug, Clone, Copy)]
pub enum DateMatching {
    /// By whole day of that timezone; only `=`, `>` and `<`.
    WholeDay(Tz),
    /// By second, but only `=`, `>` and `<`, as in contact search.
    Second,
    /// By second as in conversation search: `!=`, `IN` and `NIN` too, and `>` and `<` perhaps
    /// including their own second.
    SecondOfConversations { inclusive: bool },
}

/// Why a query is refused: the message of a 400 `parameter_invalid`.
pub type Refusal = String;

/// A span of time: its first and its last second.
pub type Span = (i64, i64);

const EVER: Span = (i64::MIN, i64::MAX);

impl Condition {
    pub fn parse(query: &Value) -> Result<Condition, Refusal> {
        Condition::parse_level(query, 1)
    }

    fn parse_level(query: &Value, level: usize) -> Result<Condition, Refusal> {
        let operator = query["operator"]
            .as_str()
            .ok_or("operator is missing from the query")?
            .to_owned();
        let value = query
            .get("value")
            .ok_or("value is missing from the query")?
            .clone();
        if let Some(field) = query.get("field") {
            let field = field.as_str().ok_or("field is not a string")?.to_owned();
            return Ok(Condition::Filter(Filter {
                field,
                operator,
                value,
            }));
        }
        let Value::Array(members) = value else {
            return Err("a group's value must be an array of filters".to_owned());
        };
        if level > MOST_LEVELS {
            return Err(format!("filters may be nested {MOST_LEVELS} levels deep"));
        }
        if members.is_empty() || members.len() > MOST_FILTERS {
            return Err(format!("a group may have 1 to {MOST_FILTERS} filters"));
        }
        let members = members
            .iter()
            .map(|member| Condition::parse_level(member, level + 1))
            .collect::<Result<Vec<_>, _>>()?;
        match operator.as_str() {
            "AND" => Ok(Condition::All(members)),
            "OR" => Ok(Condition::Any(members)),
            _ => Err(format!("a group's operator is AND or OR, not {operator}")),
        }
    }

    /// Whether the spans say it all.
    pub fn only_about_updated_at(&self) -> bool {
        match self {
            Condition::All(members) | Condition::Any(members) => {
                members.iter().all(Condition::only_about_updated_at)
            }
            Condition::Filter(filter) => filter.field == "updated_at",
        }
    }

    /// The spans of `updated_at` outside which nothing matches, oldest first.
    pub fn spans(&self, dates: DateMatching) -> Result<Vec<Span>, Refusal> {
        match self {
            Condition::All(members) => {
                let mut spans = vec![EVER];
                for member in members {
                    spans = intersection(&spans, &member.spans(dates)?);
                }
                Ok(spans)
            }
            Condition::Any(members) => {
                let mut spans = Vec::new();
                for member in members {
                    spans.extend(member.spans(dates)?);
                }
                Ok(union(spans))
            }
            Condition::Filter(filter) if filter.field == "updated_at" => filter.spans(dates),
            Condition::Filter(_) => Ok(vec![EVER]),
        }
    }

    /// Whether a record matches.
    pub fn matches(&self, record: &Value, dates: DateMatching) -> Result<bool, Refusal> {
        match self {
            Condition::All(members) => members.iter().try_fold(true, |all, member| {
                Ok(member.matches(record, dates)? && all)
            }),
            Condition::Any(members) => members.iter().try_fold(false, |any, member| {
                Ok(member.matches(record, dates)? || any)
            }),
            Condition::Filter(filter) => filter.matches(record, dates),
        }
    }
}

impl Filter {
    fn matches(&self, record: &Value, dates: DateMatching) -> Result<bool, Refusal> {
        let found = self.field.split('.').fold(record, |value, key| &value[key]);
        if self.field.ends_with("_at") {
            let spans = self.spans(dates)?;
            return Ok(found
                .as_i64()
                .is_some_and(|at| spans.iter().any(|span| span.0 <= at && at <= span.1)));
        }
        let is = |value: &Value| text(found) == text(value);
        let is_one_of = || self.value.as_array().is_some_and(|all| all.iter().any(is));
        let number = |value: &Value| text(value).parse::<f64>().ok();
        let ordered = number(found).zip(number(&self.value));
        let (found_text, sought) = (text(found), text(&self.value));
        Ok(match self.operator.as_str() {
            "=" => is(&self.value),
            "!=" => !is(&self.value),
            "IN" => is_one_of(),
            "NIN" => !is_one_of(),
            // Every text comes after the empty one.
            ">" if sought.is_empty() => found.is_string() && !found_text.is_empty(),
            ">" => ordered.is_some_and(|(found, sought)| found > sought),
            "<" => ordered.is_some_and(|(found, sought)| found < sought),
            "~" => found_text.contains(&sought),
            "!~" => !found_text.contains(&sought),
            "^" => found_text.starts_with(&sought),
            "$" => found_text.ends_with(&sought),
            other => return Err(format!("{other} is not an operator")),
        })
    }

    /// The spans of time that a filter on a date selects.
    fn spans(&self, dates: DateMatching) -> Result<Vec<Span>, Refusal> {
        let operator = self.operator.as_str();
        let conversations = matches!(dates, DateMatching::SecondOfConversations { .. });
        if matches!(operator, "IN" | "NIN") && conversations {
            let values = self.value.as_array().ok_or("IN takes an array")?;
            let points = values
                .iter()
                .map(|value| seconds(value).map(|second| (second, second)))
                .collect::<Result<Vec<_>, _>>()?;
            let points = union(points);
            return Ok(if operator == "IN" {
                points
            } else {
                complement(&points)
            });
        }
        let (first, last) = match dates {
            DateMatching::WholeDay(timezone) => whole_day(seconds(&self.value)?, timezone)?,
            DateMatching::Second | DateMatching::SecondOfConversations { .. } => {
                let second = seconds(&self.value)?;
                (second, second)
            }
        };
        let inclusive = matches!(
            dates,
            DateMatching::SecondOfConversations { inclusive: true }
        );
        match operator {
            "=" => Ok(vec![(first, last)]),
            ">" if inclusive => Ok(vec![(first, i64::MAX)]),
            "<" if inclusive => Ok(vec![(i64::MIN, last)]),
            ">" => Ok(vec![(last + 1, i64::MAX)]),
            "<" => Ok(vec![(i64::MIN, first - 1)]),
            "!=" if conversations => Ok(complement(&[(first, last)])),
            _ => Err(format!(
                "operator {operator} is not supported on the date field {}",
                self.field
            )),
        }
    }
}

/// The first and the last second of the day, in that timezone, that holds a second.
fn whole_day(second: i64, timezone: Tz) -> Result<Span, Refusal> {
    let moment = DateTime::from_timestamp(second, 0).ok_or("the date is out of range")?;
    let day = moment.with_timezone(&timezone).date_naive();
    let next_day = day + Days::new(1);
    Ok((day_start(day, timezone), day_start(next_day, timezone) - 1))
}

/// The first second of a day. Clocks that are put forward at midnight skip it; some days are
/// skipped whole.
fn day_start(day: NaiveDate, timezone: Tz) -> i64 {
    let mut time = day.and_time(NaiveTime::MIN);
    loop {
        if let Some(start) = timezone.from_local_datetime(&time).earliest() {
            return start.timestamp();
        }
        time += TimeDelta::minutes(15);
    }
}

/// Epoch seconds, as a number or as its text; whole, but perhaps written `1704067200.0`.
fn seconds(value: &Value) -> Result<i64, Refusal> {
    let text = text(value);
    text.strip_suffix(".0")
        .unwrap_or(&text)
        .parse()
        .map_err(|_| format!("{value} is not a date (UNIX timestamp)"))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn intersection(left: &[Span], right: &[Span]) -> Vec<Span> {
    let pairs = left
        .iter()
        .flat_map(|left| right.iter().map(move |right| (left, right)));
    union(
        pairs
            .map(|(left, right)| (left.0.max(right.0), left.1.min(right.1)))
            .collect(),
    )
}

/// In order, without empty and overlapping spans.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.0 <= span.1);
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.0 <= last.1.saturating_add(1) => last.1 = last.1.max(span.1),
            _ => merged.push(span),
        }
    }
    merged
}

fn complement(spans: &[Span]) -> Vec<Span> {
    let mut outside = Vec::new();
    let mut start = i64::MIN;
    for span in spans {
        outside.push((start, span.0 - 1));
        start = span.1 + 1;
    }
    outside.push((start, i64::MAX));
    outside
}
