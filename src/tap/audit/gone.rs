//! What is in doubt when a list has ended: what differed when it was shown, and what the lake has and
//! the list hasn't. All of it is asked for again, by its key or by another look at the list.

use std::collections::HashMap;
use std::io::Write;

use super::again::{Answer, AskedAgain};
use super::comparing::{Comparison, Suspect, instant_of};
use super::differences::What;
use super::keys::{KeysOf, Told};
use super::line::hash_of;
use crate::tap::fault::Fault;
use crate::tap::read::page::{Names, Row};

impl<'a, W: Write> Comparison<'a, W> {
    /// Settles what is in doubt. `keys` are those that the lake holds, `told` is what it knows to be
    /// gone.
    pub fn settle_doubts(&mut self, keys: Option<&mut KeysOf>, told: &Told) -> Result<(), Fault> {
        match self.plan.stream.record_path {
            Some(path) => self.ask_for_suspects(path)?,
            None => self.look_again()?,
        }
        match keys {
            Some(keys) if self.plan.output.is_some() => self.settle_unseen(keys, told),
            _ => Ok(()),
        }
    }

    fn asked_again<T>(&self, path: &'static str) -> AskedAgain<'a, T> {
        let names = Names::of(self.plan.stream);
        AskedAgain::new(self.client, &self.shared.workers, path, names)
    }

    /// Asks for each record that differed when the list showed it.
    fn ask_for_suspects(&mut self, path: &'static str) -> Result<(), Fault> {
        let mut asked = self.asked_again(path);
        for suspect in std::mem::take(&mut self.suspects) {
            let key = suspect.key.clone();
            if let Some((suspect, answer)) = asked.ask(&key, suspect)? {
                self.settle_suspect(suspect, answer)?;
            }
        }
        while let Some((suspect, answer)) = asked.next()? {
            self.settle_suspect(suspect, answer)?;
        }
        Ok(())
    }

    fn settle_suspect(&mut self, mut suspect: Suspect, answer: Answer) -> Result<(), Fault> {
        self.progress.asked_again(self.tally.differences());
        match answer {
            Answer::There(row) if row.id == suspect.key => {
                suspect.changed_at = instant_of(&row);
                let is_expected = self.expected.has(suspect.changed_at);
                if is_expected
                    && suspect
                        .lake
                        .is_none_or(|lake| Some(lake) < suspect.changed_at)
                {
                    self.tell(&suspect)?;
                }
                Ok(())
            }
            // It was merged into another.
            Answer::There(row) => self.is_gone_meanwhile(suspect, Some(row.id)),
            Answer::Gone(successor) => self.is_gone_meanwhile(suspect, successor),
            Answer::Untold(why) => {
                self.cannot_tell(why);
                Ok(())
            }
        }
    }

    /// What the lake hasn't, it needn't be told of.
    fn is_gone_meanwhile(
        &mut self,
        suspect: Suspect,
        successor: Option<String>,
    ) -> Result<(), Fault> {
        if suspect.what == What::Missing {
            return Ok(());
        }
        self.tell(&Suspect {
            what: What::Gone { successor },
            changed_at: None,
            ..suspect
        })
    }

    /// Reads the list once more, where its records can't be asked for one by one.
    fn look_again(&mut self) -> Result<(), Fault> {
        if self.suspects.is_empty() && !self.held.has_unsettled() {
            return Ok(());
        }
        let suspects = std::mem::take(&mut self.suspects).into_iter();
        let mut suspects: HashMap<String, (Suspect, bool)> = suspects
            .map(|suspect| (suspect.key.clone(), (suspect, false)))
            .collect();
        self.read_list(&mut |comparison, batch| {
            for row in batch.rows {
                let Some((key, _)) = comparison.key_of(&row) else {
                    continue;
                };
                if let Some(held) = comparison.held.find(hash_of(&key)) {
                    held.settle();
                }
                if let Some((suspect, is_shown)) = suspects.get_mut(&key) {
                    suspect.changed_at = instant_of(&row);
                    *is_shown = true;
                }
            }
            comparison
                .progress
                .asked_again(comparison.tally.differences());
            Ok(())
        })?;
        for (suspect, is_shown) in suspects.into_values() {
            if is_shown && self.expected.has(suspect.changed_at) {
                self.tell(&suspect)?;
            } else if !is_shown {
                self.is_gone_meanwhile(suspect, None)?;
            }
        }
        Ok(())
    }

    /// Goes through the keys that the list hasn't shown.
    fn settle_unseen(&mut self, keys: &mut KeysOf, told: &Told) -> Result<(), Fault> {
        let stream = self.plan.stream;
        let start = self.client.config().start_date;
        let mut asked = stream.record_path.map(|path| self.asked_again(path));
        keys.each(|line| {
            let key = line.key.text;
            let Some(held) = self.held.find(hash_of(&key)) else {
                return Ok(());
            };
            if held.settle() {
                return Ok(());
            }
            let lake = held.version();
            // What the list isn't asked for says nothing.
            let is_below = start.is_some_and(|start| lake.is_some_and(|lake| lake < start));
            if is_below || told.has(stream.name, &key, lake) {
                return Ok(());
            }
            let suspect = Suspect {
                key_json: line.key_json.to_owned(),
                what: What::Gone { successor: None },
                changed_at: None,
                lake,
                key,
            };
            let Some(asked) = &mut asked else {
                return self.tell(&suspect);
            };
            let key = suspect.key.clone();
            match asked.ask(&key, suspect)? {
                Some((suspect, answer)) => self.settle_gone(suspect, answer),
                None => Ok(()),
            }
        })?;
        if let Some(asked) = &mut asked {
            while let Some((suspect, answer)) = asked.next()? {
                self.settle_gone(suspect, answer)?;
            }
        }
        Ok(())
    }

    fn settle_gone(&mut self, suspect: Suspect, answer: Answer) -> Result<(), Fault> {
        self.progress.asked_again(self.tally.differences());
        let successor = match answer {
            Answer::There(row) if row.id == suspect.key => {
                return self.is_there_unlisted(suspect, &row);
            }
            Answer::There(row) => Some(row.id),
            Answer::Gone(successor) => successor,
            Answer::Untold(why) => {
                self.cannot_tell(why);
                return Ok(());
            }
        };
        self.tell(&Suspect {
            what: What::Gone { successor },
            ..suspect
        })
    }

    /// A record is there, and its list doesn't show it, or didn't when that was read.
    fn is_there_unlisted(&mut self, suspect: Suspect, row: &Row) -> Result<(), Fault> {
        let changed_at = instant_of(row);
        if self.expected.has(changed_at) && suspect.lake.is_some_and(|lake| Some(lake) < changed_at)
        {
            self.tell(&Suspect {
                what: What::Stale,
                changed_at,
                ..suspect
            })?;
            if self.outcome.mends() {
                self.cannot_tell("its list doesn't show it, so that it can't be mended".to_owned());
            }
        }
        Ok(())
    }

    fn cannot_tell(&mut self, why: String) {
        self.untold.0 += 1;
        if self.untold.1.is_empty() {
            self.untold.1 = why;
        }
    }
}
