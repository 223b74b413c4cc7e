//! Records asked for by their keys, several at once: what a list shows, or doesn't, may have changed
//! since.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::tap::along::workers::{WorkTicket, Workers};
use crate::tap::api::client::{ApiRequest, Client};
use crate::tap::api::path::path_segment;
use crate::tap::fault::Fault;
use crate::tap::read::page::{Names, RecordJson, Row, text};

/// What is to be known of something, in the order of asking.
#[derive(Debug)]
pub struct AskedAgain<'a, T> {
    client: &'a Arc<Client>,
    workers: &'a Workers,
    record_path: &'static str,
    names: Names,
    waiting: VecDeque<(T, WorkTicket<Result<Row, Fault>>)>,
}

/// What the API says of one record.
#[derive(Debug)]
pub enum Answer {
    /// It is there.
    There(Row),
    /// It isn't, and what took its place may be named.
    Gone(Option<String>),
    /// It can't be told, and why.
    Untold(String),
}

impl<'a, T> AskedAgain<'a, T> {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(
        client: &'a Arc<Client>,
        workers: &'a Workers,
        record_path: &'static str,
        names: Names,
    ) -> Self {
        Self {
            client,
            workers,
            record_path,
            names,
            waiting: VecDeque::new(),
        }
    }

    /// Asks for one. What was asked long enough ago is answered.
    pub fn ask(&mut self, key: &str, about: T) -> Result<Option<(T, Answer)>, Fault> {
        let client = Arc::clone(self.client);
        let names = self.names;
        let path = self.record_path.replace("{id}", &path_segment(key));
        let ticket = self.workers.submit(move || {
            client.send(&ApiRequest::Get(path), |body| {
                Row::parse(RecordJson::owned(text(body)?), names)
            })
        });
        self.waiting.push_back((about, ticket));
        let most = 2 * self.client.config().concurrency;
        if self.waiting.len() < most {
            return Ok(None);
        }
        self.next()
    }

    /// The next answer; `None` where nothing is asked any more.
    pub fn next(&mut self) -> Result<Option<(T, Answer)>, Fault> {
        let Some((about, ticket)) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let answer = match ticket.wait(self.client.stop())? {
            Ok(row) => Answer::There(row),
            Err(Fault::Gone { successor, .. }) => Answer::Gone(successor),
            Err(Fault::Stream(why) | Fault::Refused { message: why }) => Answer::Untold(why),
            Err(fault) => return Err(fault),
        };
        Ok(Some((about, answer)))
    }
}
