//! The Singer target for Google Cloud Storage and local directories.

use std::process::ExitCode;

fn main() -> ExitCode {
    intercom_singer::target_gcs()
}
