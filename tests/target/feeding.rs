//! A target fed by hand, which says when it has read what it was given.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Run, Target};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A target at its work.
pub struct Feeding {
    child: Child,
    /// Gone when it is fed to its end.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    log: String,
    marks: u32,
}

impl Target {
    /// Starts it and waits until it has read the destination's state and asks for its input.
    pub fn start(&self) -> Feeding {
        let mut child = self.spawn();
        let stdin = child.stdin.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                drop(sender.send(line.unwrap()));
            }
        });
        let mut feeding = Feeding {
            child,
            stdin: Some(stdin),
            lines,
            log: String::new(),
            marks: 0,
        };
        feeding.wait_until_read();
        feeding
    }
}

impl Feeding {
    /// Gives it more input.
    pub fn feed(&mut self, input: &str) {
        let stdin = self.stdin.as_mut().expect("its input hasn't ended");
        stdin.write_all(input.as_bytes()).unwrap();
    }

    /// Gives it the rest of its input as it takes it, if it does.
    pub fn feed_to_the_end(&mut self, input: String) {
        let mut stdin = self.stdin.take().expect("its input hasn't ended");
        std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    }

    /// Waits until all that it was given is done: a message of an unknown type comes behind it, which
    /// is warned of in its turn.
    #[track_caller]
    pub fn wait_until_read(&mut self) {
        self.marks += 1;
        let kind = format!("MARK_{}", self.marks);
        self.feed(&format!("{}\n", json!({ "type": kind })));
        let deadline = Instant::now() + PATIENCE;
        while !self.log.contains(&kind) {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|error| panic!("{kind}: {error} after {}", self.log));
            self.log += &(line + "\n");
        }
    }

    /// Sends it a signal, such as `-TERM`.
    pub fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Ends its input and waits for its end.
    pub fn end(mut self) -> Run {
        self.stdin = None;
        self.ends_by_itself()
    }

    /// Waits for its end, while its input stays open if it is.
    pub fn ends_by_itself(mut self) -> Run {
        let mut stdout = String::new();
        let mut source = self.child.stdout.take().unwrap();
        source.read_to_string(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        for line in &self.lines {
            self.log += &(line + "\n");
        }
        Run {
            code: status.code(),
            stdout,
            stderr: simulators::log::without_times(self.log.as_bytes()),
        }
    }
}

/// Sends a process a signal.
pub fn send(signal: &str, process_id: u32) {
    let sent = Command::new("kill")
        .args([signal, &process_id.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
