//! The tap's export jobs: how fast a large CSV becomes records, and in how much memory.

use std::fs;

use serde_json::json;

use crate::Bench;
use crate::bar::Bar;
use crate::measure::run;
use crate::tap::{MEMORY, quiet};
use simulators::workspace::{ExportRow, Packing, Settings, now};

const DAY: i64 = 86_400;
/// Rows of CSV a second.
const RATE: Bar = Bar::AtLeast(200_000.0);

/// Measures one job of millions of receipts, as they are and packed.
pub fn measure(bench: &mut Bench) {
    for (packing, name) in [(Packing::Plain, "plain"), (Packing::Gzip, "gzip")] {
        let what = format!("export: a job of 5,000,000 receipts, {name}");
        if bench.wants(&what) {
            job(bench, &what, packing);
        }
    }
}

fn job(bench: &mut Bench, what: &str, packing: Packing) {
    let count = 5_000_000 / bench.shrink;
    let workspace = quiet(Settings::default());
    let sent_at = now() - 10 * DAY;
    workspace.exports(|exports| {
        exports.packing = packing;
        exports.rows = (0..count).map(|number| receipt(number, sent_at)).collect();
    });
    let start = chrono::DateTime::from_timestamp(now() - 20 * DAY, 0).expect("a time of today");
    let config = json!({
        "access_token": workspace.token(),
        "base_url": workspace.base_url(),
        "start_date": start.to_rfc3339(),
    });
    fs::write(bench.path("config.json"), config.to_string()).expect("the configuration is written");
    let report = bench.path("report.json");
    let cost = run(bench
        .program("tap-intercom")
        .arg("--config")
        .arg(bench.path("config.json"))
        .arg("--report")
        .arg(&report)
        .args(["--stream", "export_receipts"]));
    let report = fs::read_to_string(report).expect("the tap wrote its report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    let emitted = report["streams"]["export_receipts"]["records"].as_u64();
    assert_eq!(emitted, Some(count as u64), "{report}");
    let rate = count as f64 / cost.wall_seconds;
    bench.row(
        what,
        format!(
            "{rate:.0} rows/s {}, with the time in which the server makes the file",
            RATE.of(rate)
        ),
        format!(
            "{:.0} rows a CPU second of the tap",
            count as f64 / cost.cpu_seconds
        ),
        format!(
            "{:.0} MiB at most {}",
            cost.peak_mebibytes,
            MEMORY.of(cost.peak_mebibytes)
        ),
    );
}

fn receipt(number: usize, sent_at: i64) -> ExportRow {
    let values = [
        ("receipt_id", format!("r{number}")),
        ("user_id", format!("u{}", number / 5)),
        ("content_id", "7".to_owned()),
        ("received_at", "2026-01-02T03:04:05Z".to_owned()),
        ("name", "Spring \"news\"\nfor all, at once".to_owned()),
    ];
    ExportRow {
        kind: "receipt".to_owned(),
        sent_at,
        values: values.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}
