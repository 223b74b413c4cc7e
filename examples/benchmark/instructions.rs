//! Instructions a record, as valgrind's callgrind counts them: a figure that other work on the
//! machine doesn't move, unlike every rate.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::Bench;
use crate::messages::messages;
use crate::tap::{configure, quiet};
use simulators::workspace::Settings;

/// Of the first of two runs; the second has three times as many.
const RECORDS: usize = 2_000;

/// Measures all rows.
pub fn measure(bench: &mut Bench) {
    let target = ["off", "on"].map(|validation| {
        format!(
            "instructions: target-gcs, directory, records of 1700 bytes, validation {validation}"
        )
    });
    let tap = "instructions: tap-intercom, contacts, no latency";
    if !target.iter().any(|what| bench.wants(what)) && !bench.wants(tap) {
        return;
    }
    let valgrind = match version() {
        Ok(version) => version,
        Err(failure) => {
            bench.row(
                "instructions: a record, by callgrind",
                String::new(),
                format!("valgrind isn't installed: {failure}"),
                String::new(),
            );
            return;
        }
    };
    for (what, validate) in target.iter().zip([false, true]) {
        if bench.wants(what) {
            let counted = a_record(|count| target_run(bench, count, validate));
            row(bench, what, counted, &valgrind);
        }
    }
    if bench.wants(tap) {
        let counted = a_record(|count| tap_run(bench, count));
        row(bench, tap, counted, &valgrind);
    }
}

/// The version of valgrind, as it calls it.
fn version() -> Result<String, String> {
    let output = Command::new("valgrind").arg("--version").output();
    let output = output.map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&output.stdout);
    Ok(version.trim().replace('-', " "))
}

fn row(bench: &mut Bench, what: &str, counted: Result<f64, String>, valgrind: &str) {
    let (ours, compared) = match counted {
        Ok(instructions) => (
            format!("{instructions:.0} instructions a record"),
            format!("callgrind of {valgrind}"),
        ),
        Err(failure) => (String::new(), failure),
    };
    bench.row(what, ours, compared, String::new());
}

/// What one record costs: the difference of two runs, in which what it takes to start is the same.
fn a_record(run: impl Fn(usize) -> Result<u64, String>) -> Result<f64, String> {
    let few = run(RECORDS)?;
    let many = run(3 * RECORDS)?;
    Ok((many as f64 - few as f64) / (2 * RECORDS) as f64)
}

fn target_run(bench: &Bench, count: usize, validate: bool) -> Result<u64, String> {
    messages(bench, count, 1_700, 1);
    let lake = bench.path("lake");
    let config = json!({"destination": lake, "validate_records": validate});
    fs::write(bench.path("target.json"), config.to_string()).expect("a configuration");
    let mut target = bench.program("target-gcs");
    target.arg("--config").arg(bench.path("target.json"));
    let messages = File::open(bench.path("messages")).expect("messages were written");
    let instructions = instructions_of(bench, &target, Stdio::from(messages));
    let _ = fs::remove_dir_all(lake);
    instructions
}

fn tap_run(bench: &Bench, count: usize) -> Result<u64, String> {
    let workspace = quiet(Settings {
        contacts: count,
        ..Settings::default()
    });
    configure(bench, &workspace, 16);
    let mut tap = bench.program("tap-intercom");
    tap.arg("--config")
        .arg(bench.path("config.json"))
        .args(["--stream", "contacts"]);
    instructions_of(bench, &tap, Stdio::null())
}

/// Runs a program under callgrind, all threads counted together.
fn instructions_of(bench: &Bench, program: &Command, input: Stdio) -> Result<u64, String> {
    let profile = bench.path("callgrind.out");
    let log = bench.path("callgrind.log");
    let mut command = Command::new("valgrind");
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(format!("--log-file={}", log.display()))
        .arg(program.get_program())
        .args(program.get_args())
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(input)
        .stdout(Stdio::null());
    let status = command.status().map_err(|error| error.to_string())?;
    if !status.success() {
        // Such as a processor's newest instructions, which an older valgrind doesn't know.
        let log = fs::read_to_string(log).unwrap_or_default();
        let reason = log.lines().rfind(|line| !line.trim().is_empty());
        let reason = reason.unwrap_or_default().replace('|', "/");
        return Err(format!("under callgrind: {status} {reason}"));
    }
    let instructions = total(&profile);
    instructions.ok_or_else(|| "callgrind has written no summary".to_owned())
}

/// The sum over a profile: one number, as there is one event that callgrind counts unasked.
fn total(profile: &Path) -> Option<u64> {
    let profile = fs::read_to_string(profile).ok()?;
    let summary = |prefix| {
        profile
            .lines()
            .find_map(|line| line.strip_prefix(prefix)?.trim().parse().ok())
    };
    summary("totals:").or_else(|| summary("summary:"))
}
