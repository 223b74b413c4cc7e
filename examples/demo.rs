//! The main job, on this machine alone: a simulated Intercom workspace, the two programs as a shell
//! pipeline into `demo-output/`, some changes, and the pipeline again.

#[path = "shared/page.rs"]
mod page;
#[path = "shared/programs.rs"]
mod programs;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use simulators::workspace::{Dates, Settings, Workspace, now};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    say("Building the two programs, which takes some minutes the first time:")?;
    let programs = programs::build("demo")?;
    let output = root.join("demo-output");
    if output.exists() {
        fs::remove_dir_all(&output)?;
    }
    fs::create_dir_all(&output)?;

    let workspace = Workspace::start(Settings {
        contacts: 2_000,
        conversations: 400,
        calls: 200,
        articles: 60,
        collections: 20,
        dates: Dates::WholeDay,
        pending_transcripts_every: 50,
        repeated_collections_every: 5,
        long_lists_every: 100,
        ..Settings::default()
    });
    write_json(
        &output.join("config.json"),
        &json!({"access_token": workspace.token(), "base_url": workspace.base_url()}),
    )?;
    write_json(
        &output.join("target.json"),
        &json!({"destination": output.join("lake")}),
    )?;
    let mut demo = Demo {
        workspace,
        programs,
        output,
        runs: Vec::new(),
    };

    say("A simulated Intercom workspace is serving on loopback. The first run reads all of it:")?;
    demo.run("tap-intercom --config config.json | target-gcs --config target.json")?;
    demo.show_requests("The first run")?;
    let first = demo.files()?;
    demo.show_tree(&first)?;
    demo.show_record(&first)?;
    demo.show_states()?;

    let changes = demo.change_rows();
    say(&format!(
        "Now the workspace changes: {changes}. The second run starts from the state in the \
         lake and reads only that, besides the small lists that come whole every time:"
    ))?;
    demo.run(
        "target-gcs --config target.json --read-state > state.json\n\
         tap-intercom --config config.json --state state.json | target-gcs --config target.json",
    )?;
    demo.show_requests("The second run")?;
    let mut new = demo.files()?;
    new.retain(|path, _| !first.contains_key(path));
    demo.show_tree(&new)?;
    let status = demo.status_page()?;
    let page = page::render(&status, &demo.output.join("lake"), &demo.runs, now())?;
    fs::write(demo.output.join("index.html"), page)?;
    say("Everything is in demo-output/: look around, or open its index.html.")
}

struct Demo {
    workspace: Workspace,
    /// The directory of the two programs.
    programs: PathBuf,
    output: PathBuf,
    runs: Vec<page::Run>,
}

impl Demo {
    /// Runs a script in the output directory, as a user would.
    fn run(&self, script: &str) -> Outcome {
        for line in script.lines() {
            say(&format!("  $ {line}"))?;
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let status = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.output)
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("TAP_INTERCOM_LOGLEVEL", "WARNING")
            .env("TARGET_GCS_LOGLEVEL", "WARNING")
            .status()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("the pipeline failed: {status}").into())
    }

    /// How things stand in the lake, as the target's own page.
    fn status_page(&self) -> Outcome<String> {
        let told = Command::new(self.programs.join("target-gcs"))
            .args(["--config", "target.json", "--status", "--format", "html"])
            .current_dir(&self.output)
            .stderr(Stdio::inherit())
            .output()?;
        if told.status.success() {
            return Ok(String::from_utf8(told.stdout)?);
        }
        Err(format!("the page of the lake failed: {}", told.status).into())
    }

    fn show_requests(&mut self, run: &str) -> Outcome {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for request in self.workspace.requests() {
            *counts.entry(endpoint(&request.path)).or_default() += 1;
        }
        self.workspace.clear_requests();
        say("\nWhat the API was asked:")?;
        for (endpoint, count) in &counts {
            say(&format!("  {count:>5} x {endpoint}"))?;
        }
        self.runs.push(page::Run {
            name: run.to_owned(),
            requests: counts,
        });
        Ok(())
    }

    /// The data files with their numbers of records.
    fn files(&self) -> Outcome<BTreeMap<String, usize>> {
        let lake = self.output.join("lake");
        let mut files = BTreeMap::new();
        let mut directories = vec![lake.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory)? {
                let path = entry?.path();
                let name = path.strip_prefix(&lake)?.display().to_string();
                if name.starts_with('_') || name.starts_with('.') {
                    continue;
                }
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let records = fs::read_to_string(&path)?.lines().count();
                    files.insert(name, records);
                }
            }
        }
        Ok(files)
    }

    #[expect(clippy::unused_self, reason = "one of the steps of the demo")]
    fn show_tree(&self, files: &BTreeMap<String, usize>) -> Outcome {
        say("\nNew files, with their numbers of records:")?;
        for (name, records) in files {
            say(&format!("  {records:>5}  {name}"))?;
        }
        Ok(())
    }

    fn show_record(&self, files: &BTreeMap<String, usize>) -> Outcome {
        let Some(name) = files.keys().find(|name| name.starts_with("call_trans")) else {
            return Err("there is no file of transcriptions".into());
        };
        let text = fs::read_to_string(self.output.join("lake").join(name))?;
        let line: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(300)
            .collect();
        say(&format!("\nThe first record of {name}:\n  {line}…"))
    }

    fn show_states(&self) -> Outcome {
        say("\nThe state objects beside them:")?;
        let states = self.output.join("lake/_intercom_state");
        let mut paths = Vec::new();
        for entry in fs::read_dir(&states)? {
            paths.push(entry?.path());
        }
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path)?;
            let state: Value = serde_json::from_str(&text)?;
            for (stream, bookmark) in state["bookmarks"].as_object().into_iter().flatten() {
                say(&format!(
                    "  _intercom_state/{stream}_state.json: updated_at {}",
                    bookmark["updated_at"]
                ))?;
            }
        }
        Ok(())
    }

    /// Changes some rows and says which.
    fn change_rows(&self) -> String {
        self.workspace.change(|data| {
            let now = now();
            for id in data.ids("contacts").into_iter().take(2) {
                data.touch("contacts", &id, now);
            }
            data.add("contacts", now);
            for id in data.ids("conversations").into_iter().take(1) {
                data.touch("conversations", &id, now);
            }
            for id in data.ids("calls").into_iter().take(1) {
                data.touch("calls", &id, now);
            }
        });
        "two contacts are updated and one is new, a conversation and a call are updated".to_owned()
    }
}

/// A path with its ids taken out.
fn endpoint(path: &str) -> String {
    let is_id = |segment: &&str| segment.chars().any(|char| char.is_ascii_digit());
    let segments: Vec<&str> = path
        .split('/')
        .map(|segment| if is_id(&segment) { "{id}" } else { segment })
        .collect();
    segments.join("/")
}

fn write_json(path: &Path, value: &Value) -> Outcome {
    Ok(fs::write(path, format!("{value:#}\n"))?)
}

fn say(text: &str) -> Outcome {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
