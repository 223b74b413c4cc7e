//! The Singer tap for Intercom.

use std::process::ExitCode;

fn main() -> ExitCode {
    intercom_singer::tap_intercom()
}
