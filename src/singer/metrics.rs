//! METRIC log lines as singer-python writes them and Meltano reads them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::terminal::is_watched;

/// Logs how many of something there were since the last such line.
pub fn counter(metric: &str, value: u64, tags: &Value) {
    log("counter", metric, &json!(value), tags);
}

/// Logs how long something took.
pub fn timer(metric: &str, duration: Duration, tags: &Value) {
    log("timer", metric, &json!(duration.as_secs_f64()), tags);
}

fn log(kind: &str, metric: &str, value: &Value, tags: &Value) {
    // Metrics are for programs that read the log; who watches has the progress lines.
    if is_watched() {
        return;
    }
    let line = json!({"type": kind, "metric": metric, "value": value, "tags": tags});
    tracing::info!(metric = line.to_string().as_str());
}
