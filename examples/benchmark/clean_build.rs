//! What building the two programs costs whoever has nothing built yet.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use crate::Bench;

/// Builds the programs once, in a directory of their own.
pub fn measure(bench: &mut Bench) {
    let what = "build: clean release build";
    if !bench.wants(what) {
        return;
    }
    let target_directory = bench.path("build");
    let started = Instant::now();
    let built = crate::programs::cargo()
        .args(["build", "--release", "--locked", "--bins"])
        .args(["--color", "never"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &target_directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .expect("cargo starts");
    let seconds = started.elapsed().as_secs_f64();
    let _ = fs::remove_dir_all(target_directory);
    let log = String::from_utf8_lossy(&built.stderr);
    let result = if built.status.success() {
        format!("{seconds:.0} s, {} crates compiled", crates_in(&log))
    } else {
        let reason = log.lines().find(|line| line.starts_with("error"));
        format!("failed: {}", reason.unwrap_or_default().replace('|', "/"))
    };
    bench.row(what, result, String::new(), String::new());
}

fn crates_in(log: &str) -> usize {
    log.lines()
        .filter(|line| line.trim_start().starts_with("Compiling "))
        .count()
}
