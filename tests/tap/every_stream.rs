//! Every stream there is, read at once: none is served, read or compared less than the others.

use intercom_singer::internals::tap::streams;

use crate::further_lists::assert_valid;
use crate::harness::{Tap, assert_whole};
use simulators::workspace::{Settings, Workspace};

/// Every stream that there is something to be read of, and what is read along with it.
fn names() -> Vec<&'static str> {
    streams::all()
        .filter(|stream| !matches!(stream.paging, streams::Paging::FoundByAudits))
        .flat_map(|stream| {
            let children = stream.children.iter().map(|child| child.name);
            std::iter::once(stream.name).chain(children)
        })
        .collect()
}

#[test]
fn every_stream_of_the_table_has_rows_and_is_read_whole() {
    let workspace = Workspace::start(Settings {
        contacts: 60,
        conversations: 20,
        calls: 20,
        articles: 30,
        collections: 10,
        tickets: 20,
        companies: 30,
        macros: 20,
        activity_logs: 40,
        contact_activities: 20,
        long_lists_every: 10,
        ..Settings::default()
    });
    let names = names();
    let mut tap = Tap::of(&workspace).streams(&names);
    let config = workspace.config();
    for (key, value) in config.as_object().unwrap() {
        tap = tap.set(key, value.clone());
    }
    let run = tap.run().ok();
    assert_whole(&workspace, [&run], &names);
    assert_valid(&run);
    for name in names {
        assert!(!run.ids(name).is_empty(), "{name}: nothing is served");
    }
}
