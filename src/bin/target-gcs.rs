//! `target-gcs`: from arguments to [`intercom_singer::target`] to an exit code.

use std::fs::File;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use intercom_singer::cli::output::print;
use intercom_singer::cli::report::Report;
use intercom_singer::cli::stop::Stop;
use intercom_singer::cli::{Failure, about, command, failure, logging, settings, terminal};
use intercom_singer::target;
use intercom_singer::target::arguments::Arguments;
use intercom_singer::target::config::{PROGRAM, Settings};
use intercom_singer::target::tally::Tally;

fn main() -> ExitCode {
    let arguments: Arguments = command::arguments::<_, Settings>(&PROGRAM);
    let result = logging::start(&PROGRAM, arguments.log_format).and_then(|()| run(&arguments));
    failure::finish(result)
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.about {
        let schema = settings::schema_of::<Settings>();
        return print(&about::render(&PROGRAM, &schema, arguments.format));
    }
    let settings: Settings = settings::load(&PROGRAM, &arguments.config)?;
    let config = settings.check(std::env::var("STORAGE_EMULATOR_HOST").ok())?;
    if arguments.read_state {
        return target::read_state(&config, &arguments.streams);
    }
    if arguments.read_keys {
        return target::read_keys(&config, &arguments.streams);
    }
    if arguments.status {
        let most = arguments.max_age.map(hours).transpose()?;
        return target::status(&config, arguments.format, most);
    }
    if let Some(stream) = &arguments.reset {
        return target::reset(&config, stream, arguments.to.as_deref());
    }
    if let Some(file) = &arguments.write_state {
        return target::write_state(&config, file);
    }
    if arguments.test {
        return target::test(&config);
    }
    let stop = Stop::install()
        .map_err(|error| Failure::failed(format_args!("can't catch signals: {error}")))?;
    let input: Box<dyn Read + Send> = match &arguments.input {
        None => Box::new(terminal::messages_from_stdin()),
        Some(path) => match File::open(path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                let path = path.display();
                return Err(Failure::usage(format_args!("can't read {path}: {error}")));
            }
        },
    };
    let tally = Arc::new(Tally::default());
    let Some(path) = &arguments.report else {
        return target::run(&config, input, &stop, &tally);
    };
    let report = Report::begin(path, &PROGRAM)?;
    let result = target::run(&config, input, &stop, &tally);
    report.finish(result, tally.facts())
}

fn hours(hours: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(hours * 3600.0)
        .map_err(|_| Failure::usage("--max-age must be a number of hours, 0 or more"))
}
