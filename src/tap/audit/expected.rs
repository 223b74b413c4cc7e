//! What the lake is expected to hold, as of a state: what was updated up to a stream's bookmark. What
//! is newer comes with the next run, and is no difference.

use crate::cli::Failure;
use crate::singer::state::State;
use crate::tap::emit::standing::Standing;
use crate::tap::plan::Plan;
use crate::tap::read::bookmark::Bookmark;
use crate::tap::read::places::Outputs;
use crate::tap::streams;
use crate::tap::time::EpochSeconds;

/// Up to where something was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// All there is.
    All,
    /// What was updated up to then, inclusive, or has no instant.
    UpTo(EpochSeconds),
    /// Nothing: there is no bookmark.
    Nothing,
}

impl Expected {
    /// Whether what was updated at that instant is expected.
    #[must_use]
    pub fn has(self, changed_at: Option<EpochSeconds>) -> bool {
        match self {
            Self::All => true,
            Self::UpTo(bound) => changed_at.is_none_or(|changed_at| changed_at <= bound),
            Self::Nothing => false,
        }
    }

    /// Of an output of a plan, for an audit at the time `now`; `end` is where the runs that loaded the
    /// lake were told to end, if they were.
    fn of(
        standing: &Standing<'_>,
        output: Outputs,
        as_of: Option<EpochSeconds>,
        end: Option<EpochSeconds>,
    ) -> Self {
        let bookmark = if standing.is_remembered() {
            match standing.bookmark_of(output) {
                None
                | Some(Bookmark {
                    replication_key_value: None,
                    ..
                }) => return Self::Nothing,
                // Of that very second, some may be yet to come.
                Some(Bookmark {
                    replication_key_value: Some(at),
                    in_progress: true,
                    scrolled_at,
                    ..
                }) => Some(scrolled_at.map_or(*at - 1, |scrolled_at| scrolled_at.min(*at - 1))),
                // Some of what was updated since the last scroll comes with the next one.
                Some(bookmark) => match (bookmark.replication_key_value, bookmark.scrolled_at) {
                    (Some(value), Some(scrolled_at)) => Some(value.min(scrolled_at)),
                    (value, _) => value,
                },
            }
        } else {
            // A list without a bookmark was read when the newest of the others was.
            as_of
        };
        let end = end.map(|end| end - 1);
        match (bookmark, end) {
            (Some(bookmark), Some(end)) => Self::UpTo(bookmark.min(end)),
            (Some(bound), None) | (None, Some(bound)) => Self::UpTo(bound),
            (None, None) => Self::All,
        }
    }
}

/// Of the stream itself and of each of its children, in their order.
pub fn expected(
    plan: &Plan,
    state: &State,
    end: Option<EpochSeconds>,
    now: EpochSeconds,
) -> Result<(Expected, Vec<Expected>), Failure> {
    let standing = Standing::of(plan, state, now)?;
    let as_of = newest_bookmark(state, now);
    let own = Expected::of(&standing, Outputs::OWN, as_of, end);
    let children = (0..plan.children.len())
        .map(|number| Expected::of(&standing, Outputs::child(number), as_of, end))
        .collect();
    Ok((own, children))
}

/// The newest bookmark of any stream.
fn newest_bookmark(state: &State, now: EpochSeconds) -> Option<EpochSeconds> {
    let bookmark = |stream: &streams::Stream| {
        let key = stream.replication_key?;
        let bookmark = Bookmark::parse(state.bookmark(stream.name), key, now).ok()?;
        bookmark.replication_key_value
    };
    streams::all().filter_map(bookmark).max()
}
