//! Progress lines on a terminal's stderr, and log lines that don't tear them.

use std::io::{self, IsTerminal, Stdin, Write};
use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Of a terminal that doesn't tell how wide it is.
const USUAL_WIDTH: usize = 80;

static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Whether somebody may be watching, so that progress is drawn instead of logged.
#[must_use]
pub fn is_watched() -> bool {
    static IS_WATCHED: LazyLock<bool> = LazyLock::new(|| io::stderr().is_terminal());
    *IS_WATCHED
}

/// A progress line that begins with `name`; invisible where nobody watches. Its text is set with
/// [`ProgressBar::set_message`].
#[must_use]
pub fn progress_line(name: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix}: {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    LINES.add(
        ProgressBar::new_spinner()
            .with_style(style)
            .with_prefix(name),
    )
}

/// The columns of the terminal that progress is drawn on.
#[must_use]
pub fn width() -> usize {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0))
}

/// Stdin, for Singer messages. Somebody who is to type them is told so.
#[must_use]
pub fn messages_from_stdin() -> Stdin {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        tracing::info!(
            "waiting for Singer messages to be typed; pipe a tap into this program, or name a file of \
             messages with --input; Ctrl-D ends them"
        );
    }
    stdin
}

/// Writes to stderr above the progress lines.
#[derive(Debug)]
pub struct AboveProgress;

impl Write for AboveProgress {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        LINES.suspend(|| io::stderr().write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
