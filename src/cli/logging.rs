//! The log on stderr: lines of time, program, level and message, or JSON lines with the fields that Meltano's
//! structured logging reads.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, filter};

use super::foreign::without_secrets;
use super::terminal::AboveProgress;
use super::{Failure, Program};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// `2026-01-31T06:00:00Z PROGRAM INFO message`
    #[default]
    Text,
    /// One JSON object a line, as Meltano's structured logging expects it.
    Json,
}

/// Starts the log of the program, once.
///
/// The level comes from `<PREFIX>_LOGLEVEL` or `LOGLEVEL` (DEBUG, INFO, WARNING, ERROR), the format
/// from the argument, or else from `<PREFIX>_LOG_FORMAT`; where they are silent, both come from the
/// runner.
pub fn start(program: &Program, format: Option<LogFormat>) -> Result<(), Failure> {
    let wanted_format = match format {
        Some(format) => Ok(Some(format)),
        None => format_from_environment(program),
    };
    let wanted_level = level_from_environment(program);
    let runner = Runner::from_environment();
    // The log starts in any case: it is where a fault is told, this one too.
    let format = wanted_format.as_ref().ok().copied().flatten();
    let format = format.or(runner.format).unwrap_or_default();
    let level = wanted_level.as_ref().ok().copied().flatten();
    let level = level.or(runner.level).unwrap_or(LevelFilter::INFO);
    let events = Events {
        app_name: program.name,
        format,
    };
    // Libraries speak up only when something is wrong.
    let ours = filter::filter_fn(|metadata| {
        metadata.target().starts_with(env!("CARGO_CRATE_NAME")) || *metadata.level() <= Level::WARN
    });
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(events)
                .with_writer(|| AboveProgress)
                .with_filter(level)
                .with_filter(ours),
        )
        .init();
    wanted_format?;
    if let Some(name) = odd_shared_level(program) {
        tracing::warn!(
            "{SHARED_LEVEL} is {name:?}, which is no level of this program (DEBUG, INFO, WARNING, \
             ERROR) and is ignored"
        );
    }
    wanted_level?;
    Ok(())
}

fn format_from_environment(program: &Program) -> Result<Option<LogFormat>, Failure> {
    let name = format!("{}_LOG_FORMAT", program.env_prefix);
    match std::env::var(&name).as_deref() {
        Err(_) | Ok("") => Ok(None),
        Ok("text") => Ok(Some(LogFormat::Text)),
        Ok("json") => Ok(Some(LogFormat::Json)),
        Ok(other) => Err(Failure::usage(format_args!(
            "{name} is {other:?}, but must be text or json"
        ))),
    }
}

/// The variable that other programs of the same pipeline read too. What it holds may be meant for
/// them, so it is no reason to fail.
const SHARED_LEVEL: &str = "LOGLEVEL";

fn level_from_environment(program: &Program) -> Result<Option<LevelFilter>, Failure> {
    let own = format!("{}_LOGLEVEL", program.env_prefix);
    match variable(&own) {
        Some(text) => level_of(&text).map(Some).ok_or_else(|| {
            Failure::usage(format_args!(
                "{own} is {text:?}, but must be DEBUG, INFO, WARNING or ERROR"
            ))
        }),
        None => Ok(variable(SHARED_LEVEL).and_then(|text| level_of(&text))),
    }
}

/// What stands in the shared variable, where it isn't understood and would have counted.
fn odd_shared_level(program: &Program) -> Option<String> {
    let own = format!("{}_LOGLEVEL", program.env_prefix);
    match variable(&own) {
        Some(_) => None,
        None => variable(SHARED_LEVEL).filter(|text| level_of(text).is_none()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn level_of(name: &str) -> Option<LevelFilter> {
    match name.to_ascii_uppercase().as_str() {
        "TRACE" => Some(LevelFilter::TRACE),
        "DEBUG" => Some(LevelFilter::DEBUG),
        "INFO" => Some(LevelFilter::INFO),
        "WARN" | "WARNING" => Some(LevelFilter::WARN),
        "ERROR" | "CRITICAL" => Some(LevelFilter::ERROR),
        _ => None,
    }
}

/// How the program's runner wants logs. Meltano tells its plugins by a file in the form of Python's
/// `logging.config`, named by `SINGER_SDK_LOG_CONFIG`: the level of `meltano --log-level`, and a
/// formatter of the Meltano SDK if it will parse the lines as JSON.
#[derive(Default)]
struct Runner {
    format: Option<LogFormat>,
    level: Option<LevelFilter>,
}

impl Runner {
    const FORMATTER: &str = "singer_sdk.logging.StructuredFormatter";

    /// A file that isn't there or says something else is a matter of Python plugins only.
    fn from_environment() -> Self {
        let Some(text) =
            std::env::var_os("SINGER_SDK_LOG_CONFIG").and_then(|path| fs::read(path).ok())
        else {
            return Self::default();
        };
        let config: Value = serde_json::from_slice(&text).unwrap_or_default();
        let parses_json = config["formatters"]
            .as_object()
            .is_some_and(|all| all.values().any(|one| one["()"] == Self::FORMATTER));
        Self {
            format: parses_json.then_some(LogFormat::Json),
            level: config["root"]["level"].as_str().and_then(level_of),
        }
    }
}

struct Events {
    app_name: &'static str,
    format: LogFormat,
}

impl<S, N> FormatEvent<S, N> for Events
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let fields = fields.without_secrets();
        let level = event.metadata().level();
        match self.format {
            LogFormat::Text => {
                let time: DateTime<Utc> = SystemTime::now().into();
                let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
                write!(writer, "{time} {} {level} ", self.app_name)?;
                // Who looks for metrics looks for `INFO METRIC: `.
                match fields.metric {
                    Some(metric) => writeln!(writer, "METRIC: {metric}"),
                    None => writeln!(writer, "{}", fields.message),
                }
            }
            LogFormat::Json => writeln!(writer, "{}", self.json(*level, fields)),
        }
    }
}

impl Events {
    fn json(&self, level: Level, fields: Fields) -> Value {
        let name = match level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            _ => "debug",
        };
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut line = Map::new();
        line.insert("level".into(), json!(name));
        line.insert("pid".into(), json!(std::process::id()));
        line.insert("logger_name".into(), json!(self.app_name));
        line.insert("ts".into(), json!(since_epoch.as_secs_f64()));
        line.insert(
            "thread_name".into(),
            json!(std::thread::current().name().unwrap_or("worker")),
        );
        line.insert("app_name".into(), json!(self.app_name));
        match fields.metric {
            Some(metric) => {
                let metric = serde_json::from_str(&metric).unwrap_or(Value::String(metric));
                // Meltano's console shows a metric's name and value, and of the rest the message only.
                let stream = metric.pointer("/tags/stream").cloned();
                let of_what = stream.as_ref().and_then(Value::as_str).unwrap_or_default();
                let message = format!("METRIC {of_what}");
                line.insert("message".into(), json!(message.trim_end()));
                if let Some(stream) = stream {
                    line.insert("stream_name".into(), stream);
                }
                line.insert("metric_info".into(), metric);
            }
            None => {
                line.insert("message".into(), json!(fields.message));
            }
        }
        Value::Object(line)
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    metric: Option<String>,
}

impl Fields {
    fn without_secrets(self) -> Self {
        let shown = |text: String| match without_secrets(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(shown) => shown,
        };
        Self {
            message: shown(self.message),
            metric: self.metric.map(shown),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "metric" {
            self.metric = Some(value.to_owned());
        } else {
            self.record_debug(field, &format_args!("{value}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.message += &format!(" {}={value:?}", field.name());
        }
    }
}
