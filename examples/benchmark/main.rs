//! How fast the two programs are, on this machine: both sides of every comparison in one run, as a
//! Markdown table on stdout and in `benches/RESULTS.md`.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts become rates for people to read"
)]
#![expect(
    clippy::must_use_candidate,
    reason = "nobody else calls what is public between these files"
)]

mod bar;
mod bare;
mod clean_build;
mod exports;
mod figure;
mod floor;
mod instructions;
mod limit;
mod measure;
mod messages;
mod peers;
#[path = "../shared/programs.rs"]
mod programs;
mod sides;
mod tap;
mod target;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;

use figure::Share;

/// Measure tap-intercom and target-gcs over simulated servers on loopback.
#[derive(Parser)]
struct Arguments {
    /// Less data and one run of each, to see that it works
    #[arg(long)]
    quick: bool,
    /// Only the rows whose names hold this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Compare with other people's programs too, which are installed from PyPI (Python 3.11)
    #[arg(long)]
    with_peers: bool,
    /// Build the programs from scratch too, which takes some minutes
    #[arg(long)]
    with_build: bool,
}

/// What all rows share.
pub struct Bench {
    /// The directory of the two programs.
    programs: PathBuf,
    /// A directory for data, on the disk that the project is on.
    scratch: tempfile::TempDir,
    /// Repetitions of a measurement, of which the median counts.
    pub runs: usize,
    /// Divides amounts of data.
    pub shrink: usize,
    only: Option<String>,
    rows: Vec<[String; 4]>,
    /// How much of the API's limit is used, for the picture.
    shares: Vec<Share>,
}

impl Bench {
    /// A command that runs one of the two programs, quietly.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .env("LOGLEVEL", "ERROR")
            .stdout(std::process::Stdio::null());
        command
    }

    /// A path below the scratch directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Whether a row is wanted.
    pub fn wants(&self, row: &str) -> bool {
        self.only.as_ref().is_none_or(|only| row.contains(only))
    }

    /// Adds a row: what was measured, ours, what it is compared with, and the ratio or bar.
    pub fn row(&mut self, what: &str, ours: String, other: String, ratio: String) {
        let row = [what.to_owned(), ours, other, ratio];
        say(&format!("| {} |", row.join(" | ")));
        self.rows.push(row);
    }

    /// Adds a bar to the picture.
    pub fn share(&mut self, share: Share) {
        self.shares.push(share);
    }
}

/// The rows of the picture, by how their names begin.
const AT_THE_LIMIT: &str = "limit: ";

fn main() {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target_directory = root.join("target");
    let is_optimised = !cfg!(debug_assertions);
    assert!(
        is_optimised || arguments.quick,
        "measure with --release: cargo run --release --example benchmark"
    );
    let mut bench = Bench {
        programs: programs::build("benchmark").expect("both programs"),
        scratch: tempfile::tempdir_in(&target_directory).expect("a scratch directory"),
        runs: if arguments.quick { 1 } else { 3 },
        shrink: if arguments.quick { 20 } else { 1 },
        only: arguments.only,
        rows: Vec::new(),
        shares: Vec::new(),
    };
    say("| what | measured | compared with | ratio, or bar |\n|---|---|---|---|");
    start_up(&mut bench);
    tap::measure(&mut bench);
    exports::measure(&mut bench);
    limit::measure(&mut bench);
    target::measure(&mut bench);
    instructions::measure(&mut bench);
    if arguments.with_build {
        clean_build::measure(&mut bench);
    }
    if arguments.with_peers {
        peers::measure(&mut bench);
    }

    if arguments.quick {
        return;
    }
    if bench.wants(AT_THE_LIMIT) {
        let picture = root.join("docs/limit.svg");
        fs::write(&picture, figure::svg(&bench.shares)).expect("the picture can be written");
        say(&format!("\nwritten to {}", picture.display()));
    }
    if bench.only.is_none() {
        let results = root.join("benches/RESULTS.md");
        fs::create_dir_all(root.join("benches")).expect("benches/ can be made");
        fs::write(&results, report(&bench)).expect("the results can be written");
        say(&format!("\nwritten to {}", results.display()));
    }
}

fn start_up(bench: &mut Bench) {
    if !bench.wants("start-up") {
        return;
    }
    for (program, argument) in [
        ("tap-intercom", "--version"),
        ("tap-intercom", "--discover"),
        ("target-gcs", "--version"),
    ] {
        let runs: Vec<f64> = (0..bench.runs * 7)
            .map(|_| {
                let started = std::time::Instant::now();
                let status = bench.program(program).arg(argument).status();
                assert!(status.expect("it starts").success());
                started.elapsed().as_secs_f64()
            })
            .collect();
        let seconds = measure::median(runs, |seconds| *seconds);
        let size = fs::metadata(bench.programs.join(program)).map_or(0, |file| file.len());
        bench.row(
            &format!("start-up: {program} {argument}"),
            format!("{:.1} ms", seconds * 1e3),
            format!("binary of {:.1} MB", size as f64 / 1e6),
            String::new(),
        );
    }
}

fn report(bench: &Bench) -> String {
    let mut command = String::from("cargo run --release --example benchmark");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.is_empty() {
        command += &format!(" -- {}", arguments.join(" "));
    }
    let mut report = format!(
        "# Results\n\nOf\n\n    {command}\n\nwhich rewrites this file. Both sides of a comparison \
         ran in the same run, on the machine below;\nthe servers, simulated, shared its \
         processors. What misses its bar is marked.\n\n"
    );
    report += &format!("- {}\n- {}\n- {}\n", processor(), kernel(), compiler());
    report += "\n| what | measured | compared with | ratio, or bar |\n|---|---|---|---|\n";
    for row in &bench.rows {
        report += &format!("| {} |\n", row.join(" | "));
    }
    report
}

fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(": ")?.1)
    };
    let name = field("model name").unwrap_or("unknown processor");
    // The name that a virtual machine gives may say little.
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => {
            format!("{cores} cores of {name} (family {family}, model {model})")
        }
        _ => format!("{cores} cores of {name}"),
    }
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}

/// The compiler, with the version that it gives itself.
fn compiler() -> String {
    let version = Command::new("rustc")
        .arg("--version")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match version {
        Ok(version) if !version.is_empty() => version,
        _ => "unknown compiler".to_owned(),
    }
}

/// Prints a line.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed the output doesn't want to know.
    let _ = writeln!(out, "{text}");
}
