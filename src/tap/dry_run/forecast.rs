//! What is told of each stream: a line for programs, a row of a table for people.

use serde_json::{Map, Value, json};

use crate::tap::read::amount::Amount;

/// What a run would read of one stream.
#[derive(Debug)]
pub struct Forecast {
    /// Its name.
    pub stream: &'static str,
    /// The stream that it is read along with.
    pub with: Option<&'static str>,
    /// Records to be read.
    pub records: Amount,
    /// Requests to be made.
    pub requests: Amount,
    /// Why no more is known.
    pub unknown: Option<&'static str>,
    /// Why it can't be read.
    pub failure: Option<String>,
}

impl Forecast {
    /// A line of JSON. `most_a_minute` is how many requests a minute may be sent.
    pub fn line(&self, most_a_minute: Option<f64>) -> String {
        let mut line = Map::new();
        line.insert("stream".into(), json!(self.stream));
        if let Some(with) = self.with {
            line.insert("with".into(), json!(with));
        }
        if let Some(failure) = &self.failure {
            line.insert("failure".into(), json!(failure));
            return format!("{}\n", Value::Object(line));
        }
        for (name, amount) in [("records", self.records), ("requests", self.requests)] {
            line.insert(name.into(), json!(amount.about));
            line.insert(format!("{name}_at_least"), json!(amount.least));
            line.insert(format!("{name}_at_most"), json!(amount.most));
        }
        let minutes = most_a_minute.zip(self.requests.about);
        line.insert(
            "minutes".into(),
            json!(minutes.map(|(most, requests)| rounded(minutes_of(requests, most)))),
        );
        if let Some(unknown) = self.unknown {
            line.insert("unknown".into(), json!(unknown));
        }
        format!("{}\n", Value::Object(line))
    }
}

/// The lines of a table of them, with the sum of what can be read.
pub fn table(forecasts: &[Forecast], most_a_minute: Option<f64>) -> Vec<String> {
    let mut rows = vec![["stream", "records", "requests", "minutes"].map(str::to_owned)];
    let mut sum = Amount::NONE;
    for forecast in forecasts.iter().filter(|one| one.failure.is_none()) {
        sum = sum.plus(forecast.requests);
        rows.push([
            forecast.stream.to_owned(),
            match forecast.with {
                Some(with) if forecast.records.is_unknown() => format!("with {with}"),
                _ => forecast.records.to_string(),
            },
            forecast.requests.to_string(),
            minutes(forecast.requests, most_a_minute),
        ]);
    }
    let total = minutes(sum, most_a_minute);
    rows.push(["in all".to_owned(), String::new(), sum.to_string(), total]);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max();
    let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
    let mut lines = Vec::new();
    for [stream, records, requests, minutes] in &rows {
        lines.push(format!(
            "{stream:0$}  {records:>1$}  {requests:>2$}  {minutes:>3$}",
            widths[0], widths[1], widths[2], widths[3]
        ));
    }
    for forecast in forecasts {
        if let Some(why) = forecast.unknown.filter(|_| forecast.failure.is_none()) {
            lines.push(format!("{}: {why}", forecast.stream));
        }
    }
    lines.push(match most_a_minute {
        Some(most) => format!("the API and the settings allow {most:.0} requests a minute"),
        None => "the API doesn't say how many requests a minute it allows".to_owned(),
    });
    lines
}

/// How long so many requests take at the limit.
fn minutes(requests: Amount, most_a_minute: Option<f64>) -> String {
    let Some(most_a_minute) = most_a_minute else {
        return "not told".to_owned();
    };
    let tell = |requests: u64| format!("{:.1}", minutes_of(requests, most_a_minute));
    match (requests.about, requests.most) {
        (Some(about), _) => tell(about),
        (None, Some(most)) => format!("{} to {}", tell(requests.least), tell(most)),
        (None, None) => format!("{} or more", tell(requests.least)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests become minutes for people to read"
)]
fn minutes_of(requests: u64, most_a_minute: f64) -> f64 {
    requests as f64 / most_a_minute
}

fn rounded(minutes: f64) -> f64 {
    (minutes * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(stream: &'static str, records: Amount, requests: Amount) -> Forecast {
        Forecast {
            stream,
            with: None,
            records,
            requests,
            unknown: None,
            failure: None,
        }
    }

    #[test]
    fn what_is_not_known_stays_open_in_the_sum() {
        let known = forecast("known", Amount::exactly(30_000), Amount::exactly(200));
        let open = Forecast {
            unknown: Some("it doesn't tell"),
            ..forecast("open", Amount::at_least(0), Amount::at_least(1))
        };
        let lines = table(&[known, open], Some(100.0));
        let cells = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(cells(&lines[1]), ["known", "30000", "200", "2.0"]);
        let told = "open not told 1 or more 0.0 or more";
        assert_eq!(cells(&lines[2]).join(" "), told);
        assert_eq!(cells(&lines[3]).join(" "), "in all 201 or more 2.0 or more");
        assert_eq!(lines[4], "open: it doesn't tell");
    }

    #[test]
    fn a_line_says_what_is_known_and_null_for_what_is_not() {
        let line = forecast("s", Amount::between(3, 9), Amount::exactly(5)).line(Some(100.0));
        assert_eq!(
            line,
            "{\"stream\":\"s\",\"records\":null,\"records_at_least\":3,\"records_at_most\":9,\
             \"requests\":5,\"requests_at_least\":5,\"requests_at_most\":5,\"minutes\":0.05}\n"
        );
    }
}
