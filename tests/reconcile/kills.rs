//! Reconciliations that are killed, in whichever of their steps: the lake loses nothing by it, and the next one
//! is whole.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use simulators::workspace::Churn;

use crate::{AUDIT, Lake, TAP, TARGET, assert_equal, damage, text};

/// Who is killed outright.
#[derive(Clone, Copy, Debug)]
enum Victim {
    /// The target that prints the keys.
    ReadKeys,
    /// The tap that names the differences.
    Audit,
    /// The tap that prints what mends them, into a target that goes on.
    Repair,
    /// The target that loads it, from a tap that goes on.
    Target,
}

/// Kills a process once the workspace was asked so often, and the pause after that is over. Whether it was still
/// there.
fn kill_after(lake: &Lake, requests: u64, pause: Duration, child: &mut Child) -> bool {
    while lake.workspace.total_requests() < requests && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(pause);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// A reconciliation of which one program is killed, `moment` requests or milliseconds after it began;
/// whether it was still there.
fn reconcile_killed(lake: &Lake, victim: Victim, moment: u64) -> bool {
    let path = lake.path("keys");
    let read_keys = ["--config", "target.json", "--read-keys"];
    if matches!(victim, Victim::ReadKeys) {
        let keys = fs::File::create(&path).unwrap();
        let mut command = lake.command(TARGET, &read_keys);
        let mut child = command.stdout(keys).spawn().unwrap();
        return kill_after(lake, 0, Duration::from_millis(moment), &mut child);
    }
    fs::write(path, lake.read("--read-keys")).unwrap();
    let until = lake.workspace.total_requests() + moment;
    if matches!(victim, Victim::Audit) {
        let mut command = lake.command(TAP, &AUDIT);
        let differences = fs::File::create(lake.path("differences")).unwrap();
        let mut child = command.stdout(differences).spawn().unwrap();
        return kill_after(lake, until, Duration::ZERO, &mut child);
    }
    let repair = [&AUDIT[..], &["--repair"]].concat();
    let log = |name: &str| Stdio::from(fs::File::create(lake.path(name)).unwrap());
    let mut tap = lake
        .command(TAP, &repair)
        .stderr(log("tap.log"))
        .spawn()
        .unwrap();
    let messages = Stdio::from(tap.stdout.take().unwrap());
    // A command that is still there keeps its end of the pipe open.
    let mut target = {
        let mut command = lake.command(TARGET, &["--config", "target.json"]);
        command.stdin(messages).stdout(Stdio::null());
        command.stderr(log("target.log")).spawn().unwrap()
    };
    let (killed, other) = match victim {
        Victim::Repair => (&mut tap, &mut target),
        _ => (&mut target, &mut tap),
    };
    let was_there = kill_after(lake, until, Duration::ZERO, killed);
    other.wait().unwrap();
    was_there
}

#[test]
fn killed_in_any_step_the_lake_loses_nothing_and_the_next_one_is_whole() {
    for victim in [
        Victim::ReadKeys,
        Victim::Audit,
        Victim::Repair,
        Victim::Target,
    ] {
        let lake = Lake::loaded();
        let whole = lake.versions();
        damage(&lake);
        let state = lake.read("--read-state");
        lake.workspace.adjust(|settings| {
            settings.churn = Churn {
                touches: 2,
                inserts: 1,
                deletes: 0,
            };
            settings.latency = Duration::from_millis(5);
        });
        let mut kills = 0;
        for moment in [1, 10, 40, 150] {
            let before = lake.versions();
            kills += u32::from(reconcile_killed(&lake, victim, moment));
            let after = lake.versions();
            let lost = before.difference(&after).count();
            assert_eq!(lost, 0, "{victim:?} after {moment}");
            assert_eq!(lake.read("--read-state"), state, "{victim:?}");
        }
        assert!(kills > 1, "{victim:?}: {kills}");
        lake.workspace.adjust(|settings| {
            settings.churn = Churn::default();
            settings.latency = Duration::ZERO;
        });
        lake.repair();
        assert_equal(&lake);
        // What was touched since is the next run's to bring: then all is there that ever was.
        lake.load(&["--config", "config.json", "--state", "state.json"]);
        lake.keep_state();
        assert_equal(&lake);
        let keys = |versions: BTreeSet<(String, String, String)>| -> BTreeSet<(String, String)> {
            let keys = versions.into_iter();
            keys.map(|(stream, key, _)| (stream, key)).collect()
        };
        let (whole, mended) = (keys(whole), keys(lake.versions()));
        let lost: Vec<_> = whole.difference(&mended).collect();
        assert!(lost.is_empty(), "{victim:?}: {lost:?}");
    }
}

#[test]
fn a_killed_repair_of_a_live_workspace_is_made_good_by_the_next() {
    let lake = Lake::loaded();
    damage(&lake);
    lake.workspace.adjust(|settings| {
        settings.churn = Churn {
            touches: 2,
            inserts: 1,
            deletes: 0,
        };
    });
    fs::write(lake.path("keys"), lake.read("--read-keys")).unwrap();
    // The tap is killed in the middle of its messages, and the target gets what came.
    let output = lake
        .command(TAP, &[&AUDIT[..], &["--repair"]].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::write(
        lake.path("messages"),
        &output.stdout[..output.stdout.len() / 2],
    )
    .unwrap();
    let arguments = ["--config", "target.json", "--input", "messages"];
    let target = lake.command(TARGET, &arguments).output().unwrap();
    assert!(!target.status.success());
    lake.repair();
    assert_equal(&lake);
}
