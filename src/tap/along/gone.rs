//! Parents that are gone by now, told from children that the API doesn't have: a 404 may mean either.

use super::asking::{Along, REFUSALS_OF_ALL, detail_effort};
use crate::cli::foreign::told;
use crate::tap::api::client::ApiRequest;
use crate::tap::api::memory::Turn;
use crate::tap::api::path::path_segment;
use crate::tap::fault::Fault;
use crate::tap::read::page::Row;
use crate::tap::streams::Child;

impl Along<'_> {
    /// A parent seems to be gone. Where all of them do, and one is still there, it is the child that
    /// the API doesn't have.
    pub(super) fn is_gone(
        &mut self,
        child: &Child,
        row: &Row,
        turn: Option<&Turn>,
    ) -> Result<(), Fault> {
        let (stream, what) = (self.stream, child.name);
        tracing::warn!(
            "{} {} is gone; it has no {what}",
            stream.name,
            told(&row.id)
        );
        self.awaited.settle(what, &row.id);
        // What lacks then is the parent itself.
        if stream.has_in_its_detail(child) {
            return Ok(());
        }
        let account = self.account(what);
        account.seem_gone += 1;
        let is_settled = account.had > 0 || account.given_up.is_some();
        if is_settled || account.seem_gone < REFUSALS_OF_ALL {
            return Ok(());
        }
        if self.is_really_gone(row, turn)? {
            self.account(what).seem_gone = 0;
            return Ok(());
        }
        let why = "all requests for it were answered with 404; this version of the API or the \
                   workspace's plan may not have it";
        tracing::error!("{what} is given up for this run: {why}");
        self.account(what).given_up = Some(why.to_owned());
        Ok(())
    }

    /// Asks for a parent itself, in this thread, for the others may be waiting for its turn to end.
    fn is_really_gone(&self, row: &Row, turn: Option<&Turn>) -> Result<bool, Fault> {
        let Some(path) = self.stream.record_path else {
            return Ok(false);
        };
        let request = ApiRequest::Get(path.replace("{id}", &path_segment(&row.id)));
        let effort = detail_effort(self.client.config().max_attempts, turn);
        match self.client.try_hard(&request, &effort, |_| Ok(())) {
            Ok(()) | Err(Fault::Stream(_) | Fault::Refused { .. }) => Ok(false),
            Err(Fault::Gone { .. }) => Ok(true),
            Err(fault) => Err(fault),
        }
    }
}
