//! Running a program and finding out what it took.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The kernel's clock ticks a second, in which it counts processor time.
const TICKS: f64 = 100.0;

/// What one run of a program took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From start to end.
    pub wall_seconds: f64,
    /// Of processors, in user mode and in the kernel.
    pub cpu_seconds: f64,
    /// Of those, in the kernel.
    pub kernel_seconds: f64,
    /// The most memory it held at once.
    pub peak_mebibytes: f64,
}

/// Runs a program to its end. Panics if it fails: a figure of a failed run would mean nothing.
pub fn run(command: &mut Command) -> Cost {
    run_to(command, 0)
}

/// The same for a program that is to end with this exit code.
pub fn run_to(command: &mut Command, exit_code: i32) -> Cost {
    let started = Instant::now();
    let child = command.spawn().expect("the program starts");
    watch(child, started, command, exit_code)
}

/// Runs several programs at once, each to its end.
pub fn run_side_by_side(commands: &mut [Command]) -> Vec<Cost> {
    thread::scope(|scope| {
        let runs = commands
            .iter_mut()
            .map(|command| scope.spawn(|| run(command)));
        let runs: Vec<_> = runs.collect();
        let costs = runs
            .into_iter()
            .map(|run| run.join().expect("it was watched"));
        costs.collect()
    })
}

/// Runs two programs joined by a pipe.
pub fn run_piped(first: &mut Command, second: &mut Command) -> (Cost, Cost) {
    let started = Instant::now();
    let mut source = first
        .stdout(Stdio::piped())
        .spawn()
        .expect("the first program starts");
    let pipe = source.stdout.take().expect("its output is piped");
    let sink = second
        .stdin(pipe)
        .spawn()
        .expect("the second program starts");
    thread::scope(|scope| {
        let first = scope.spawn(|| watch(source, started, first, 0));
        let second = watch(sink, started, second, 0);
        (first.join().expect("it was watched"), second)
    })
}

fn watch(mut child: Child, started: Instant, command: &Command, exit_code: i32) -> Cost {
    let mut peak_mebibytes = 0.0_f64;
    let proc = format!("/proc/{}", child.id());
    // A process that has ended keeps its times, but not its memory, until it is waited for.
    let (user_ticks, kernel_ticks) = loop {
        peak_mebibytes = peak_mebibytes.max(peak_of(&proc).unwrap_or(0.0));
        let (state, user_ticks, kernel_ticks) = times_of(&proc).expect("the system has /proc");
        if state == 'Z' {
            break (user_ticks, kernel_ticks);
        }
        thread::sleep(Duration::from_millis(2));
    };
    let wall_seconds = started.elapsed().as_secs_f64();
    let status = child.wait().expect("it has ended");
    assert_eq!(status.code(), Some(exit_code), "{command:?} failed");
    Cost {
        wall_seconds,
        cpu_seconds: (user_ticks + kernel_ticks) / TICKS,
        kernel_seconds: kernel_ticks / TICKS,
        peak_mebibytes,
    }
}

fn peak_of(proc: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("{proc}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// The process's state, and its ticks in user mode and in the kernel.
fn times_of(proc: &str) -> io::Result<(char, f64, f64)> {
    let stat = fs::read_to_string(format!("{proc}/stat"))?;
    // The name in parentheses may hold anything; the fields are behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let state = fields[0].chars().next().unwrap_or('?');
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap_or(0.0);
    Ok((state, ticks(11), ticks(12)))
}

/// The processor time of this process so far: of the servers and the bare sides, which are its
/// threads.
pub fn own_cpu_seconds() -> f64 {
    let (_, user_ticks, kernel_ticks) = times_of("/proc/self").expect("the system has /proc");
    (user_ticks + kernel_ticks) / TICKS
}

/// The run in the middle, by `key`.
pub fn median<T: Copy>(mut runs: Vec<T>, key: impl Fn(&T) -> f64) -> T {
    runs.sort_by(|one, other| key(one).total_cmp(&key(other)));
    runs[runs.len() / 2]
}
