//! What happens to one request: token, rate limit, changes to the rows, faults, and the answer of
//! its path.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use chrono::{TimeDelta, Utc};

use super::activities;
use super::answer::error;
use super::contacts::NestedList;
use super::content;
use super::data::Data;
use super::exports::Exports;
use super::faults::Fault;
use super::further;
use super::limits::{RateLimit, Standing};
use super::lists;
use super::log::RequestRecord;
use super::nested;
use super::reports::Reports;
use super::resources;
use super::scroll::{OpenScroll, companies};
use super::search::{has_company_search, search};
use super::settings::{Churn, Settings};
use super::table::Stream;
use super::timeline;
use crate::http::{Reply, Request};
use crate::lock::lock;

/// A change of the rows at a chosen request.
pub struct Hook {
    pub path_prefix: String,
    /// How many more such requests until it runs.
    pub requests_left: u64,
    pub change: Box<dyn FnOnce(&mut Data) + Send>,
}

/// What becomes of the body of a good answer before it is sent.
pub type Rewrite = Box<dyn Fn(&Request, Vec<u8>) -> Vec<u8> + Send + Sync>;

/// Everything that requests and tests share.
pub struct State {
    pub settings: RwLock<Arc<Settings>>,
    pub data: RwLock<Data>,
    pub limit: Mutex<RateLimit>,
    pub faults: Mutex<Vec<Fault>>,
    pub hooks: Mutex<Vec<Hook>>,
    pub rewrite: RwLock<Option<Rewrite>>,
    pub scroll: OpenScroll,
    pub exports: Mutex<Exports>,
    pub reports: Mutex<Reports>,
    pub log: Mutex<Vec<RequestRecord>>,
    /// Requests that carried the token.
    pub authorized: AtomicU64,
}

impl State {
    pub fn new(settings: Settings) -> State {
        State {
            data: RwLock::new(Data::generate(&settings)),
            settings: RwLock::new(Arc::new(settings)),
            limit: Mutex::default(),
            faults: Mutex::default(),
            hooks: Mutex::default(),
            rewrite: RwLock::default(),
            scroll: OpenScroll::default(),
            exports: Mutex::new(Exports::usual()),
            reports: Mutex::new(Reports::usual()),
            log: Mutex::default(),
            authorized: AtomicU64::new(0),
        }
    }

    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the rows.
    pub fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> T {
        read(&self.data.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the rows; no request sees them half changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut Data) -> T) -> T {
        change(&mut self.data.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers a request and keeps a record of it.
    pub fn answer(&self, request: &Request) -> Reply {
        let settings = self.settings();
        let at = Instant::now();
        std::thread::sleep(settings.jitter.mul_f64(fastrand::f64()));
        let mut reply = self.guarded(&settings, request).delay(settings.latency);
        if let Some(ahead) = settings.clock_ahead {
            let there = Utc::now() + TimeDelta::seconds(ahead);
            let date = there.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            reply = reply.header("Date", date);
        }
        if settings.log_requests {
            lock(&self.log).push(RequestRecord::new(request, &reply, at));
        }
        reply
    }

    /// What stands between a request and its answer.
    fn guarded(&self, settings: &Settings, request: &Request) -> Reply {
        if !self.has_valid_token(settings, request) {
            return error(request, 401, "unauthorized", "Access Token Invalid");
        }
        let standing = lock(&self.limit).take(settings);
        if let Some(standing) = standing.filter(|standing| !standing.allowed) {
            let message = "You have exceeded the rate limit. Please retry later.";
            let reply = error(request, 429, "rate_limit_exceeded", message);
            return standing.add_headers_of_refusal(reply, settings.too_many);
        }
        self.run_hooks(request);
        self.change_rows(settings, request);
        let usual = || self.rewritten(request, self.route(settings, request));
        let struck: Vec<Fault> = {
            let mut faults = lock(&self.faults);
            // All are told of the request, for each counts on its own.
            faults
                .iter_mut()
                .filter_map(|fault| fault.strikes(request).then(|| fault.clone()))
                .collect()
        };
        let fault = struck.into_iter().find(|fault| fault.is_of(usual));
        let reply = match fault {
            Some(fault) => fault.reply(request, usual),
            None => usual(),
        };
        standing.iter().fold(reply, |reply, standing: &Standing| {
            standing.add_headers(reply)
        })
    }

    fn has_valid_token(&self, settings: &Settings, request: &Request) -> bool {
        let expected = format!("Bearer {}", settings.token);
        if request.header("Authorization") != Some(&expected) {
            return false;
        }
        let number = self.authorized.fetch_add(1, Ordering::SeqCst) + 1;
        settings
            .token_revoked_after
            .is_none_or(|requests| number <= requests)
    }

    fn run_hooks(&self, request: &Request) {
        let mut due = Vec::new();
        {
            let mut hooks = lock(&self.hooks);
            let mut later = Vec::new();
            for mut hook in hooks.drain(..) {
                if request.path.starts_with(&hook.path_prefix) {
                    hook.requests_left -= 1;
                }
                if hook.requests_left == 0 {
                    due.push(hook);
                } else {
                    later.push(hook);
                }
            }
            *hooks = later;
        }
        for hook in due {
            self.change(hook.change);
        }
    }

    fn change_rows(&self, settings: &Settings, request: &Request) {
        let now = Instant::now();
        if self.read(|data| data.has_due(now)) {
            self.change(|data| data.reveal_due(now));
        }
        let stream = match request.path.as_str() {
            "/contacts/search" => Stream::Contacts,
            "/conversations/search" => Stream::Conversations,
            "/tickets/search" => Stream::Tickets,
            "/companies/scroll" | "/companies/search" => Stream::Companies,
            "/macros" => Stream::Macros,
            "/admins/activity_logs" => Stream::ActivityLogs,
            "/contacts/activities" => Stream::ContactActivities,
            "/calls" => Stream::Calls,
            "/articles" => Stream::Articles,
            "/help_center/collections" => Stream::Collections,
            _ => return,
        };
        if settings.churn != Churn::default() {
            self.change(|data| data.churn(stream, settings.churn));
        }
    }

    /// The answer of a path.
    fn rewritten(&self, request: &Request, mut reply: Reply) -> Reply {
        let rewrite = self.rewrite.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(rewrite) = rewrite.as_ref().filter(|_| reply.status == 200) {
            reply.body = rewrite(request, reply.body);
        }
        reply
    }

    fn route(&self, settings: &Settings, request: &Request) -> Reply {
        let restricted = |path: &String| request.path.starts_with(path);
        if settings.restricted_paths.iter().any(restricted) {
            let message = "Active subscription needed.";
            return error(request, 403, "api_plan_restricted", message);
        }
        if let Some(reply) = lock(&self.exports).answer(request) {
            return reply;
        }
        if let Some(reply) = lock(&self.reports).answer(request) {
            return reply;
        }
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let whole = |body: Vec<u8>| Reply::json(200, body);
        self.read(|data| {
            let kept = resources::answer(data, settings, request);
            let found = kept.or_else(|| match (request.method.as_str(), &path[..]) {
                ("GET", ["me"]) => Some(whole(content::me(settings))),
                ("GET", ["admins"]) => Some(whole(content::admins(settings))),
                ("GET", ["teams"]) => Some(whole(content::teams(settings))),
                ("GET", ["tags"]) => Some(whole(content::tags(settings))),
                ("POST", ["contacts", "search"]) => {
                    Some(search(data, settings, Stream::Contacts, request))
                }
                ("POST", ["conversations", "search"]) => {
                    Some(search(data, settings, Stream::Conversations, request))
                }
                ("POST", ["tickets", "search"]) => {
                    Some(search(data, settings, Stream::Tickets, request))
                }
                ("POST", ["companies", "search"]) if has_company_search(request) => {
                    Some(search(data, settings, Stream::Companies, request))
                }
                ("GET", ["tickets", id]) => ticket(data, id),
                ("GET", ["articles", id, "versions"]) => {
                    nested::article_versions(data, request, id)
                }
                ("GET", ["companies", id, "segments"]) => nested::company_segments(data, id),
                ("GET", ["companies", "scroll"]) => {
                    Some(companies(data, settings, &self.scroll, request))
                }
                ("GET", ["companies", id]) => {
                    let row = data.table(Stream::Companies).find(id)?;
                    let mut out = Vec::new();
                    data.put_company(&mut out, row);
                    Some(whole(out))
                }
                ("GET", ["macros"]) => Some(timeline::macros(data, request)),
                ("GET", ["admins", "activity_logs"]) => {
                    Some(timeline::activity_logs(data, settings, request))
                }
                ("GET", ["calls"]) => Some(lists::calls(data, settings, request)),
                ("GET", ["articles"]) => Some(lists::articles(data, request)),
                ("GET", ["help_center", "collections"]) => {
                    Some(lists::collections(data, settings, request))
                }
                ("GET", ["help_center", "collections", id]) => {
                    let row = data.table(Stream::Collections).find(id)?;
                    let mut out = Vec::new();
                    data.put_collection(&mut out, row);
                    Some(whole(out))
                }
                ("GET", ["contacts", "activities"]) => Some(activities::list(data, request)),
                ("GET", ["contacts", id, rest @ ..]) => contact(data, settings, request, id, rest),
                ("GET", ["conversations", id]) if id.parse::<u64>().is_ok() => {
                    conversation(data, id)
                }
                ("GET", ["calls", id, rest @ ..]) => call(data, settings, request, id, rest),
                _ => further::answer(settings, request),
            });
            found.unwrap_or_else(|| error(request, 404, "not_found", "Resource Not Found"))
        })
    }
}

fn contact(
    data: &Data,
    settings: &Settings,
    request: &Request,
    id: &str,
    rest: &[&str],
) -> Option<Reply> {
    if let (Some(target), []) = (data.merged.get(id), rest) {
        let reply = error(request, 410, "contact_merged", "Contact was merged");
        let target = format!("<https://api.intercom.invalid/contacts/{target}>");
        return Some(reply.header("Link", format!("{target}; rel=\"canonical\"")));
    }
    let row = data.table(Stream::Contacts).find(id)?;
    let paged = |list| Some(lists::paged_nested_list(data, settings, request, row, list));
    let whole = |lists: &[NestedList]| Some(lists::whole_nested_list(data, settings, row, lists));
    match rest {
        [] => {
            let mut out = Vec::new();
            data.put_contact(&mut out, row, settings.long_lists_every);
            Some(Reply::json(200, out))
        }
        ["tags"] => whole(&[NestedList::Tags]),
        ["subscriptions"] => whole(&[NestedList::OptedOut, NestedList::OptedIn]),
        ["segments"] => Some(nested::contact_segments(row)),
        ["notes"] => paged(NestedList::Notes),
        ["companies"] => paged(NestedList::Companies),
        _ => None,
    }
}

fn conversation(data: &Data, id: &str) -> Option<Reply> {
    let row = data.table(Stream::Conversations).find(id)?;
    let mut out = Vec::with_capacity(8 * 1024);
    data.put_conversation_with_parts(&mut out, row);
    Some(Reply::json(200, out))
}

fn ticket(data: &Data, id: &str) -> Option<Reply> {
    let row = data.table(Stream::Tickets).find(id)?;
    let mut out = Vec::with_capacity(8 * 1024);
    data.put_ticket(&mut out, row, true);
    Some(Reply::json(200, out))
}

fn call(
    data: &Data,
    settings: &Settings,
    request: &Request,
    id: &str,
    rest: &[&str],
) -> Option<Reply> {
    let row = data.table(Stream::Calls).find(id)?;
    match rest {
        [] => {
            let mut out = Vec::new();
            data.put_call(&mut out, row, settings, &lists::own_host(request));
            Some(Reply::json(200, out))
        }
        ["transcript"] => {
            let (content_type, body) = data.transcript(row, settings.transcripts)?;
            let reply = Reply::new(200, content_type, body);
            let name = "attachment; filename=transcription_data.txt";
            Some(reply.header("Content-Disposition", name))
        }
        _ => None,
    }
}
