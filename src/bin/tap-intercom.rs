//! `tap-intercom`: arguments to [`intercom_singer::tap`] to exit code.
fn main() {}
