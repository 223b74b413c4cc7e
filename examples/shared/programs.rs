//! The two programs, built for an example that runs them: `cargo run` builds only the example.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds both programs as this example was built, and gives their directory.
///
/// The example is named once more so that what all three are made of is built the same way, and only
/// once.
pub fn build(example: &str) -> io::Result<PathBuf> {
    let mut command = cargo();
    command
        .args(["build", "--bins", "--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err(io::Error::other("the programs can't be built"));
    }
    let here = std::env::current_exe()?;
    let directory = here.parent().and_then(Path::parent);
    let directory = directory.ok_or_else(|| io::Error::other("this program has no place"))?;
    Ok(directory.to_path_buf())
}

/// The cargo that runs this program, or else the one on the path, as if from a shell of its own: what
/// `cargo run` tells about the package would count as a change to those crates that look at it, and
/// they would be built again, now and the next time.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or(OsString::from("cargo"));
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let told_of_package = ["CARGO_MANIFEST_", "CARGO_PKG_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix));
        if told_of_package {
            command.env_remove(name);
        }
    }
    command
}
