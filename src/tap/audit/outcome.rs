//! What becomes of a difference: a line that tells it, or messages that mend it.

use std::io::Write;

use serde_json::json;

use super::differences::{Difference, What};
use crate::cli::Failure;
use crate::tap::along::asking::Complete;
use crate::tap::config::Config;
use crate::tap::emit::messages::Messages;
use crate::tap::emit::outlet::Outlet;
use crate::tap::exclusions::Exclusions;
use crate::tap::fault::Fault;
use crate::tap::plan::{Plan, plan};
use crate::tap::streams::{self, Paging};
use crate::tap::time::{self, EpochSeconds};

/// So many bytes of lines are handed over at once.
const ENOUGH_BYTES: usize = 64 << 10;

/// Where the differences of one stream go.
pub enum Outcome<'a, W: Write> {
    /// Each is a line.
    Told {
        /// The way out.
        outlet: &'a Outlet<W>,
        /// Lines that aren't handed over yet.
        lines: Vec<u8>,
    },
    /// Messages mend them.
    Mended(Box<Mending<'a, W>>),
}

/// The messages that mend one stream.
pub struct Mending<'a, W: Write> {
    own: Emission<'a, W>,
    /// Of what is gone.
    deletions: Option<Emission<'a, W>>,
    found_at: EpochSeconds,
}

/// Messages of one plan, behind its schemas.
struct Emission<'a, W: Write> {
    plan: &'a Plan,
    messages: Messages<'a, W>,
    has_begun: bool,
}

impl<'a, W: Write> Outcome<'a, W> {
    /// Lines.
    pub fn told(outlet: &'a Outlet<W>) -> Self {
        Self::Told {
            outlet,
            lines: Vec::new(),
        }
    }

    /// Messages of what is found now; `deletions` is how what is gone is told.
    pub fn mended(
        outlet: &'a Outlet<W>,
        config: &Config,
        plan: &'a Plan,
        deletions: Option<&'a Plan>,
    ) -> Self {
        let emission = |plan| Emission {
            plan,
            messages: Messages::new(outlet, config),
            has_begun: false,
        };
        Self::Mended(Box::new(Mending {
            own: emission(plan),
            deletions: deletions.map(emission),
            found_at: time::now(),
        }))
    }

    /// Whether differences are mended.
    pub fn mends(&self) -> bool {
        matches!(self, Self::Mended(_))
    }

    /// A difference was found; `key` is the record's, as text.
    pub fn tell(&mut self, difference: &Difference<'_>, key: &str) -> Result<(), Fault> {
        match self {
            Self::Told { outlet, lines } => {
                lines.extend_from_slice(difference.line().as_bytes());
                if lines.len() >= ENOUGH_BYTES {
                    outlet.take(lines)?;
                }
                Ok(())
            }
            Self::Mended(mending) => match &difference.what {
                What::Gone { successor } => {
                    mending.bury(difference.stream, key, successor.as_deref())
                }
                _ => Ok(()),
            },
        }
    }

    /// What mends a difference was had.
    pub fn mend(&mut self, complete: &Complete) -> Result<(), Fault> {
        match self {
            Self::Told { .. } => Ok(()),
            Self::Mended(mending) => mending.own.write(complete),
        }
    }

    /// Hands over what is left.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self {
            Self::Told { outlet, lines } => outlet.take(lines),
            Self::Mended(mending) => {
                mending.own.messages.hand_over()?;
                match &mut mending.deletions {
                    Some(deletions) => deletions.messages.hand_over(),
                    None => Ok(()),
                }
            }
        }
    }
}

impl<W: Write> Mending<'_, W> {
    fn bury(&mut self, stream: &str, key: &str, successor: Option<&str>) -> Result<(), Fault> {
        let Some(deletions) = &mut self.deletions else {
            return Ok(());
        };
        let record = json!({
            "stream": stream,
            "id": key,
            "found_at": self.found_at,
            "merged_into": successor,
        });
        deletions.write_own(&record.to_string())
    }
}

impl<W: Write> Emission<'_, W> {
    fn write(&mut self, complete: &Complete) -> Result<(), Fault> {
        if let Some(record) = &complete.record {
            self.write_own(record.json())?;
        }
        for (place, details) in &complete.children {
            self.begin()?;
            let output = &self.plan.children[*place].1;
            let extracted = time::now_to_millis();
            self.messages
                .child_records(output, details, &extracted, None)?;
        }
        Ok(())
    }

    fn write_own(&mut self, record: &str) -> Result<(), Fault> {
        self.begin()?;
        let Some(output) = &self.plan.output else {
            return Ok(());
        };
        self.messages.look_at(output, record)?;
        self.messages.settle(output)?;
        let extracted = time::now_to_millis();
        self.messages
            .record(output, record, &extracted, None)
            .map(drop)
    }

    /// Nothing is said of a stream that needs no mending.
    fn begin(&mut self) -> Result<(), Fault> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        self.messages.schemas(self.plan)
    }
}

/// How what is gone is told: the stream that no list has, whether it is chosen or not.
pub fn plan_of_deletions(exclusions: &Exclusions) -> Result<Option<Plan>, Failure> {
    let row = streams::all().find(|stream| matches!(stream.paging, Paging::FoundByAudits));
    let Some(row) = row.filter(|row| !exclusions.leaves_out(row.name)) else {
        return Ok(None);
    };
    let plans = plan(None, &[row.name.to_owned()], exclusions)?;
    Ok(plans.into_iter().next())
}
