//! `target-gcs`: arguments to [`intercom_singer::target`] to exit code.
fn main() {}
