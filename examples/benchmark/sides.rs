//! The sides of a comparison with other people's programs: how those are installed, started and
//! timed, and which records they have brought. What goes wrong with them is a result, not a panic.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::Bench;
use crate::measure::median;

/// How long a program may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_mins(10);

/// A virtual environment with somebody's program in it.
pub struct Environment {
    directory: PathBuf,
    /// The program and its version, for people.
    pub title: String,
}

impl Environment {
    /// Installs what `benches/peers/requirements/NAME.txt` names, unless that is done already.
    pub fn install(name: &str) -> Result<Environment, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = Command::new(root.join("benches/peers/install"))
            .arg(name)
            .stdout(Stdio::null())
            .status();
        if !installed.is_ok_and(|status| status.success()) {
            return Err(format!("{name} could not be installed"));
        }
        let requirements = root.join(format!("benches/peers/requirements/{name}.txt"));
        let requirements = fs::read_to_string(requirements).unwrap_or_default();
        let version = requirements.trim_end().rsplit("==").next();
        Ok(Environment {
            directory: root.join(".venv/peers").join(name),
            title: format!("{name} {}", version.unwrap_or_default()),
        })
    }

    /// A command that runs a program of the environment, quietly.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join("bin").join(program));
        command
            .env("PYTHONPATH", peers())
            // The servers are on loopback.
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .stdout(Stdio::null());
        command
    }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers")
}

/// A server out of an environment, for as long as this lives.
pub struct PeerServer {
    process: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl PeerServer {
    /// Runs a script of `benches/peers` that prints its address once it serves.
    pub fn start(environment: &Environment, script: &str) -> Result<PeerServer, String> {
        let mut process = environment
            .command("python")
            .arg(peers().join(script))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{script}: {error}"))?;
        let output = process.stdout.take().expect("its output is piped");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let url = lines.find(|line| line.starts_with("http://"));
        let server = PeerServer {
            process,
            url: url.unwrap_or_default(),
        };
        if server.url.is_empty() {
            return Err(format!("{script} doesn't serve"));
        }
        Ok(server)
    }
}

impl Drop for PeerServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One run of a side.
pub struct Attempt {
    seconds: f64,
    failure: Option<String>,
    /// How many of the records that exist it has brought: of each id one.
    ids: usize,
}

impl Attempt {
    /// Runs a program to its end; what it brought is still to be counted.
    pub fn run(bench: &Bench, command: &mut Command) -> Attempt {
        let log = bench.path("log");
        command.stderr(File::create(&log).expect("a file"));
        let started = Instant::now();
        let ended = command
            .spawn()
            .map_err(|error| error.to_string())
            .and_then(|child| end_of(child, started));
        let seconds = started.elapsed().as_secs_f64();
        let failure = ended.err().map(|end| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let reason = log.lines().rfind(|line| !line.trim().is_empty());
            let reason: String = reason.unwrap_or_default().chars().take(120).collect();
            // It becomes a cell of a table.
            format!("{end} {reason}").replace('|', "/")
        });
        Attempt {
            seconds,
            failure,
            ids: 0,
        }
    }

    /// An attempt that could not be made.
    pub fn failed(failure: String) -> Attempt {
        Attempt {
            seconds: f64::NAN,
            failure: Some(failure),
            ids: 0,
        }
    }

    /// Adds what it brought, of what exists. Where that can't be told, nobody is shown to have lost
    /// anything.
    pub fn brought(
        mut self,
        ids: Result<BTreeSet<String>, String>,
        existing: &BTreeSet<String>,
    ) -> Attempt {
        match ids {
            Ok(ids) => self.ids = ids.intersection(existing).count(),
            Err(error) => {
                self.failure.get_or_insert(format!("not counted: {error}"));
            }
        }
        self
    }
}

fn end_of(mut child: Child, started: Instant) -> Result<(), String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Ok(None) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_micros(500)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("hung for {} s", PATIENCE.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// All runs of one side.
pub struct Side {
    /// Of the run in the middle.
    pub seconds: f64,
    /// Of the run that brought least.
    pub ids: usize,
    /// The first thing that went wrong.
    pub failure: Option<String>,
}

impl Side {
    /// How fast it was and what it brought.
    pub fn describe(&self, existing: usize) -> String {
        let ids = match existing - self.ids {
            0 => format!("all {existing} ids"),
            lost => format!("{lost} of {existing} ids lost"),
        };
        match &self.failure {
            Some(failure) => format!("failed: {failure}, {ids}"),
            None => format!("{:.0} records/s, {ids}", self.rate()),
        }
    }

    /// How fast it was beside another, unless one of them failed or brought nothing.
    pub fn times_as_fast_as(&self, other: &Side) -> Option<f64> {
        let is_sound = self.failure.is_none() && other.failure.is_none() && other.ids > 0;
        is_sound.then(|| self.rate() / other.rate())
    }

    /// Records a second, of those that have arrived.
    fn rate(&self) -> f64 {
        self.ids as f64 / self.seconds
    }
}

/// Runs all sides in turn, again and again: what else the machine is doing strikes all of them.
pub fn by_turns(runs: usize, sides: &mut [&mut dyn FnMut() -> Attempt]) -> Vec<Side> {
    let mut attempts: Vec<Vec<Attempt>> = sides.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for (side, attempts) in sides.iter_mut().zip(&mut attempts) {
            attempts.push(side());
        }
    }
    let side = |attempts: Vec<Attempt>| Side {
        seconds: median(
            attempts.iter().map(|attempt| attempt.seconds).collect(),
            |seconds| *seconds,
        ),
        ids: attempts.iter().map(|run| run.ids).min().unwrap_or(0),
        failure: attempts.into_iter().find_map(|attempt| attempt.failure),
    };
    attempts.into_iter().map(side).collect()
}

#[derive(Deserialize)]
struct Keyed {
    id: String,
}

/// The ids of the records among Singer messages.
pub fn ids_of_messages(path: &Path) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Message {
        record: Option<Keyed>,
    }
    let file = BufReader::new(File::open(path).expect("messages were written"));
    // A line that is no message, such as one that was cut, brings nothing.
    let messages = file
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Message>(&line).ok());
    messages
        .filter_map(|message| Some(message.record?.id))
        .collect()
}

/// Adds the ids of records, one a line.
fn collect_ids(ids: &mut BTreeSet<String>, lines: impl Read) {
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        if let Ok(record) = serde_json::from_str::<Keyed>(&line) {
            ids.insert(record.id);
        }
    }
}

/// The ids of the records in the files below a directory, which is then removed.
pub fn ids_in_directory(directory: &Path) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(directory).into_iter().flatten();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(file) = File::open(path) {
                collect_ids(&mut ids, file);
            }
        }
    }
    let _ = fs::remove_dir_all(directory);
    ids
}

/// The ids of the records in a bucket of the Google Cloud Storage emulator.
pub fn ids_in_gcs(server: &PeerServer, bucket: &str) -> Result<BTreeSet<String>, String> {
    let mut ids = BTreeSet::new();
    let mut list = String::new();
    let url = format!("{}/storage/v1/b/{bucket}/o", server.url);
    let listed = get(&url)?.read_to_string(&mut list);
    listed.map_err(|error| error.to_string())?;
    let list: Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
    for object in list["items"].as_array().into_iter().flatten() {
        let url = object["mediaLink"].as_str().unwrap_or_default();
        collect_ids(&mut ids, get(url)?);
    }
    Ok(ids)
}

/// The ids of the records in a bucket of the S3 server.
pub fn ids_in_s3(server: &PeerServer, bucket: &str) -> Result<BTreeSet<String>, String> {
    let mut ids = BTreeSet::new();
    let mut list = String::new();
    let url = format!("{}/{bucket}?list-type=2", server.url);
    let listed = get(&url)?.read_to_string(&mut list);
    listed.map_err(|error| error.to_string())?;
    // Keys of letters and digits, which need no decoding.
    for key in list.split("<Key>").skip(1) {
        let key = key.split('<').next().unwrap_or_default();
        collect_ids(&mut ids, get(&format!("{}/{bucket}/{key}", server.url))?);
    }
    Ok(ids)
}

fn get(url: &str) -> Result<impl Read + use<>, String> {
    // What the S3 server shows only to its owner takes anyone's signature.
    let signature = "AWS4-HMAC-SHA256 Credential=benchmark/20260101/us-east-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=0";
    let answer = agent().get(url).header("Authorization", signature).call();
    let answer = answer.map_err(|error| format!("{url}: {error}"))?;
    Ok(answer.into_body().into_reader())
}

/// A client that goes to the loopback itself.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().proxy(None).build().into()
}
