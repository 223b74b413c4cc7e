//! A simulated Intercom workspace: a server on loopback that answers as the API does (and misbehaves
//! as it does), full of rows made up from a seed, which tests may change while it serves.
//!
//! It follows the published description of the API and what is known of its behaviour, not what
//! would suit an extractor.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "rows and seconds of this century are far from the ends of their types"
)]

mod activities;
mod answer;
mod calls;
mod contacts;
mod content;
mod conversations;
mod cursor;
mod data;
mod exports;
mod faults;
mod further;
mod handler;
mod limits;
mod lists;
mod log;
mod nested;
mod noise;
mod query;
mod reports;
mod resource_ids;
mod resources;
mod scroll;
mod search;
mod settings;
mod table;
mod template;
mod tickets;
mod timeline;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

pub use self::data::{Data, now};
pub use self::exports::{ExportRow, Exports, Fate, Packing};
pub use self::faults::{Fault, FaultKind, When};
use self::handler::{Hook, State};
pub use self::log::RequestRecord;
pub use self::reports::{Dataset, ReportRow, Reports};
pub use self::settings::{
    CallTimestamps, Churn, CursorKind, Dates, LastPage, PageNext, Settings, TooMany,
    TranscriptFormat,
};
use self::table::{Stream, Transcript};
use crate::http::{Request, Server};
use crate::lock::lock;

/// A running workspace; dropping it stops it.
pub struct Workspace {
    server: Server,
    state: Arc<State>,
}

impl Workspace {
    /// Starts a workspace on a free port of 127.0.0.1.
    pub fn start(settings: Settings) -> Workspace {
        Workspace::start_on(0, settings)
    }

    /// Starts a workspace on that port.
    pub fn start_on(port: u16, settings: Settings) -> Workspace {
        let state = Arc::new(State::new(settings));
        let server = Server::start_on(port, {
            let state = Arc::clone(&state);
            move |request| state.answer(request)
        });
        Workspace { server, state }
    }

    /// `http://127.0.0.1:PORT`: a tap's `base_url`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The token that requests must carry.
    pub fn token(&self) -> String {
        self.state.settings().token.clone()
    }

    /// The settings with which tap-intercom reads all of this workspace.
    pub fn config(&self) -> serde_json::Value {
        let mut config =
            serde_json::json!({"access_token": self.token(), "base_url": self.base_url()});
        let settings = self.state.settings();
        let types = settings.custom_objects.iter();
        let types: Vec<&str> = types.map(|(name, _)| name.as_str()).collect();
        if !types.is_empty() {
            config["custom_object_types"] = types.into();
        }
        config
    }

    /// Changes settings for the requests to come. What is about rows to be generated no longer
    /// matters.
    pub fn adjust(&self, change: impl FnOnce(&mut Settings)) {
        let settings = &self.state.settings;
        let mut settings = settings.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut settings));
        drop(settings);
        self.state.change(|data| {
            for stream in Stream::ALL {
                data.table_mut(stream).forget_listing();
            }
        });
    }

    /// Reads the rows.
    pub fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> T {
        self.state.read(read)
    }

    /// Changes the rows; no request sees them half changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut Data) -> T) -> T {
        self.state.change(change)
    }

    /// Changes the rows right before the n-th request, from now, whose path begins so is answered.
    pub fn on_request(
        &self,
        path_prefix: &str,
        nth: u64,
        change: impl FnOnce(&mut Data) + Send + 'static,
    ) {
        assert!(nth > 0, "requests are counted from 1");
        lock(&self.state.hooks).push(Hook {
            path_prefix: path_prefix.to_owned(),
            requests_left: nth,
            change: Box::new(change),
        });
    }

    /// The ids of a stream's records: as [`Data::ids`], and `admins`, `teams` and `tags`.
    pub fn ids(&self, stream: &str) -> BTreeSet<String> {
        let settings = self.state.settings();
        content::ids(&settings, stream)
            .or_else(|| further::ids(&settings, stream))
            .or_else(|| exports::ids(&lock(&self.state.exports), stream))
            .or_else(|| reports::ids(stream))
            .or_else(|| self.read(|data| nested::ids(data, &settings, stream)))
            .or_else(|| self.read(|data| resource_ids::ids(data, &settings, stream)))
            .unwrap_or_else(|| self.read(|data| data.ids(stream)))
    }

    /// See [`Data::updated_at`].
    pub fn updated_at(&self, stream: &str, id: &str) -> i64 {
        self.read(|data| data.updated_at(stream, id))
    }

    /// See [`Data::add`].
    pub fn add(&self, stream: &str, updated_at: i64) -> String {
        self.change(|data| data.add(stream, updated_at))
    }

    /// See [`Data::touch`].
    pub fn touch(&self, stream: &str, id: &str, updated_at: i64) {
        self.change(|data| data.touch(stream, id, updated_at));
    }

    /// See [`Data::delete`].
    pub fn delete(&self, stream: &str, id: &str) {
        self.change(|data| data.delete(stream, id));
    }

    /// See [`Data::hide`].
    pub fn hide(&self, stream: &str, id: &str) {
        self.change(|data| data.hide(stream, id));
    }

    /// See [`Data::reveal`].
    pub fn reveal(&self, stream: &str, id: &str) {
        self.change(|data| data.reveal(stream, id));
    }

    /// Lets a call's transcript be fetched from now on.
    pub fn publish_transcript(&self, call_id: &str) {
        self.change(|data| data.set_transcript(call_id, Transcript::Published));
    }

    /// Rewrites the body of every good answer before it is sent.
    pub fn rewrite(&self, rewrite: impl Fn(&Request, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        let slot = self.state.rewrite.write();
        *slot.unwrap_or_else(PoisonError::into_inner) = Some(Box::new(rewrite));
    }

    /// Looks at what there is to export, or changes it.
    pub fn exports<T>(&self, look: impl FnOnce(&mut Exports) -> T) -> T {
        look(&mut lock(&self.state.exports))
    }

    /// Looks at the rows that reports are made of, or changes them.
    pub fn reports<T>(&self, look: impl FnOnce(&mut Reports) -> T) -> T {
        look(&mut lock(&self.state.reports))
    }

    /// Makes requests fail. Where several faults strike one request, the first injected wins.
    pub fn inject(&self, fault: Fault) {
        lock(&self.state.faults).push(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.state.faults).clear();
    }

    /// Other apps use up that much of the current window.
    pub fn spend_budget(&self, requests: u64) {
        lock(&self.state.limit).spend(&self.state.settings(), requests);
    }

    /// The record of every request so far, in the order they were answered.
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.state.log).clone()
    }

    /// The requests whose path begins so.
    pub fn requests_to(&self, path_prefix: &str) -> Vec<RequestRecord> {
        let log = lock(&self.state.log);
        log.iter()
            .filter(|request| request.path.starts_with(path_prefix))
            .cloned()
            .collect()
    }

    /// How many requests went to exactly that path.
    pub fn count(&self, path: &str) -> usize {
        let log = lock(&self.state.log);
        log.iter().filter(|request| request.path == path).count()
    }

    /// How many requests went to paths that begin so.
    pub fn count_under(&self, path_prefix: &str) -> usize {
        self.requests_to(path_prefix).len()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.state.log).clear();
    }

    /// How many requests there have been, also where no record of them is kept.
    pub fn total_requests(&self) -> u64 {
        self.server.requests()
    }

    /// How many requests carried the token.
    pub fn authorized_requests(&self) -> u64 {
        self.state.authorized.load(Ordering::SeqCst)
    }

    /// How many 429s the rate limit has given.
    pub fn rate_limited(&self) -> u64 {
        lock(&self.state.limit).refused
    }

    /// The most requests that were being answered at one time.
    pub fn peak_concurrency(&self) -> usize {
        self.server.peak_concurrency()
    }

    /// How many connections were ever opened.
    pub fn connections_accepted(&self) -> u64 {
        self.server.connections_accepted()
    }
}
