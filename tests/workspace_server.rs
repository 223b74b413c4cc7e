//! The simulated workspace behaves as the API is described.

mod support;

use support::workspace::{Settings, Workspace};

#[test]
fn starts() {
    let workspace = Workspace::start(Settings::default());
    assert!(workspace.base_url().starts_with("http://127.0.0.1:"));
}
