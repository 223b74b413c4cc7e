//! A Google Cloud Storage service on loopback, for trying the target out and for measuring it.

use std::io::Write;
use std::time::Duration;

use clap::Parser;
use simulators::gcs::Gcs;

/// Serve one bucket until killed.
///
///     cargo run --release --example bucket -- --bucket lake --port 9023 &
///     STORAGE_EMULATOR_HOST=127.0.0.1:9023 target-gcs --config target.json
///
/// The first line on stdout is the address. What the bucket holds is lost in the end.
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Arguments {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The bucket's name
    #[arg(long, default_value = "lake")]
    bucket: String,
    /// Check and count uploaded bytes, but don't keep them: for inputs larger than memory
    #[arg(long)]
    discard: bool,
    /// How much later each request is answered
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    latency: u64,
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let service = Gcs::start_on(arguments.port, &arguments.bucket);
    if arguments.discard {
        service.discard_content();
    }
    service.set_latency(Duration::from_millis(arguments.latency));
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", service.base_url())?;
    stdout.flush()?;
    loop {
        std::thread::sleep(Duration::from_hours(1));
    }
}
