//! `tap-intercom`: from arguments to [`run`] to an exit code.

use std::process::ExitCode;

use intercom_singer::cli::{command, failure, logging};
use intercom_singer::tap::arguments::Arguments;
use intercom_singer::tap::config::Settings;
use intercom_singer::tap::run::{PROGRAM, run};

fn main() -> ExitCode {
    let arguments: Arguments = command::arguments::<_, Settings>(&PROGRAM);
    let result = logging::start(&PROGRAM, arguments.log_format).and_then(|()| run(&arguments));
    failure::finish(result)
}
