//! Numbered pages that are asked for several at once: as whole as one after the other, whatever moves
//! meanwhile.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Ids, Run, Tap, assert_covers, assert_same, assert_whole, most_at_once, side_by_side,
};
use simulators::http::{Reply, Server};
use simulators::workspace::{Settings, Workspace, now};

const PER_PAGE: usize = 25;
const ROWS: usize = 1_000;

#[test]
fn a_list_that_stands_still_is_read_several_pages_at_once() {
    side_by_side(["calls", "articles"], |stream| {
        let latency = Duration::from_millis(100);
        let workspace = Workspace::start(Settings {
            calls: ROWS,
            articles: ROWS,
            latency,
            ..Settings::default()
        });
        let run = Tap::of(&workspace)
            .streams(&[stream])
            .set("concurrency", 16)
            .run()
            .ok();
        assert_whole(&workspace, [&run], &[stream]);
        assert_eq!(run.repeated(stream), 0);
        let path = format!("/{stream}");
        let mut pages = workspace.requests();
        pages.retain(|page| page.path == path);
        // Each page, an empty one at the end, and the first one again.
        let needed = ROWS / PER_PAGE;
        assert!(
            (needed..=needed + 2).contains(&pages.len()),
            "{} pages",
            pages.len()
        );
        let most = most_at_once(&pages, latency);
        assert!(most >= 4, "{most} at once");
    });
}

#[test]
fn a_run_from_a_bookmark_asks_for_no_page_that_it_might_not_need() {
    let workspace = Workspace::start(Settings {
        calls: ROWS,
        ..Settings::default()
    });
    let tap = Tap::of(&workspace)
        .streams(&["calls"])
        .set("calls_overlap_pages", 3);
    let first = tap.run().ok();
    let added = workspace.add("calls", now());
    workspace.clear_requests();
    let second = tap.run_from(&first.state()).ok();
    assert_same("calls", &[added].into(), &second.ids("calls"));
    assert_eq!(workspace.count("/calls"), 4);
}

#[derive(Clone, Copy, Debug)]
enum Change {
    /// A row of a later page goes to the head, and pushes others back.
    Touch,
    /// A row goes, and pulls others forward.
    Delete,
    /// A row goes and another comes, so that the total stays.
    Replace,
}

/// A list newest first, and how far a race of two of its pages has come.
struct List {
    rows: Vec<(usize, i64)>,
    is_changed: bool,
    is_awaited_page_answered: bool,
}

impl List {
    fn change(&mut self, change: Change) {
        let newest = self.rows[0].1 + 1;
        match change {
            Change::Touch => {
                let (id, _) = self.rows.remove(700);
                self.rows.insert(0, (id, newest));
            }
            Change::Delete => drop(self.rows.remove(30)),
            Change::Replace => {
                self.rows.remove(30);
                self.rows.insert(0, (ROWS, newest));
            }
        }
        self.is_changed = true;
    }

    fn page(&self, number: usize, per_page: usize) -> Value {
        let rows = self.rows.chunks(per_page).nth(number - 1);
        let record = |(id, at): &(usize, i64)| json!({"id": id.to_string(), "updated_at": at});
        let total_pages = self.rows.len().div_ceil(per_page);
        json!({
            "data": rows.unwrap_or_default().iter().map(record).collect::<Vec<_>>(),
            "total_count": self.rows.len(),
            "pages": {"page": number, "per_page": per_page, "total_pages": total_pages},
        })
    }
}

/// Of two neighbouring pages asked for at once, one is answered, then the list changes so that a row passes
/// from the other to it, and then comes the other's answer.
fn run_with_a_race(stream: &'static str, change: Change) -> Run {
    let (awaited, late) = match change {
        // Pushed back, a row is looked for on the later page after that was read.
        Change::Touch => (13, 12),
        // Pulled forward, on the earlier one.
        Change::Delete | Change::Replace => (12, 13),
    };
    let start = now() - 100_000;
    let ages = 0..i64::try_from(ROWS).unwrap();
    let list = Mutex::new(List {
        rows: ages.map(|age| start - age).enumerate().collect(),
        is_changed: false,
        is_awaited_page_answered: false,
    });
    let answered = Condvar::new();
    let server = Server::start(move |request| {
        if request.path == "/me" {
            let body = json!({"app": {"created_at": now() - 86_400}});
            return Reply::json(200, body.to_string());
        }
        if request.path != format!("/{stream}") {
            return Reply::json(200, json!({"data": []}).to_string());
        }
        let number = |name: &str| -> usize { request.parameter(name).unwrap().parse().unwrap() };
        let (page, per_page) = (number("page"), number("per_page"));
        let mut list = list.lock().unwrap();
        if page == late && !list.is_changed {
            // Where one page comes after the other, there is nothing to wait for.
            let patience = Duration::from_secs(2);
            let is_awaited = |list: &mut List| !list.is_awaited_page_answered;
            list = answered
                .wait_timeout_while(list, patience, is_awaited)
                .unwrap()
                .0;
            if !list.is_changed {
                list.change(change);
            }
        }
        list.is_awaited_page_answered |= page == awaited;
        answered.notify_all();
        Reply::json(200, list.page(page, per_page).to_string())
    });
    let workspace = Workspace::start(Settings::default());
    Tap::of(&workspace)
        .set("base_url", server.base_url())
        .streams(&[stream])
        .run()
        .ok()
}

#[test]
fn a_row_that_passes_from_page_to_page_meanwhile_is_found() {
    for change in [Change::Touch, Change::Delete, Change::Replace] {
        let run = run_with_a_race("articles", change);
        let throughout: Ids = (0..ROWS)
            .filter(|row| *row != 30 && *row != 700)
            .map(|row| row.to_string())
            .collect();
        assert_covers("articles", &throughout, &run.ids("articles"));
    }
}

#[test]
fn lists_that_change_now_and_then_are_whole() {
    let changes = [Change::Touch, Change::Delete, Change::Replace];
    let cases = changes.into_iter().flat_map(|change| {
        let pauses = [20, 90].map(Duration::from_millis);
        pauses.map(|pause| (change, pause))
    });
    side_by_side(cases, |(change, pause)| {
        let workspace = Workspace::start(Settings {
            articles: 3 * ROWS,
            latency: Duration::from_millis(10),
            ..Settings::default()
        });
        let before = workspace.ids("articles");
        let tap = Tap::of(&workspace).streams(&["articles"]);
        let is_over = std::sync::atomic::AtomicBool::new(false);
        let touched = Mutex::new(Ids::new());
        let run = std::thread::scope(|scope| {
            scope.spawn(|| {
                for id in before.iter().step_by(7) {
                    if is_over.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    match change {
                        Change::Touch => workspace.touch("articles", id, now()),
                        Change::Delete => workspace.delete("articles", id),
                        Change::Replace => {
                            workspace.delete("articles", id);
                            workspace.add("articles", now());
                        }
                    }
                    touched.lock().unwrap().insert(id.clone());
                    std::thread::sleep(pause);
                }
            });
            let run = tap.run();
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            run.ok()
        });
        // What was touched before its place was read belongs to the next run.
        let throughout = &before - &touched.lock().unwrap();
        assert_covers("articles", &throughout, &run.ids("articles"));
    });
}
