//! What the threads of a server share: its handler, its end, its counts.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::message::{Reply, Request};
use crate::lock::lock;

pub type Handler = dyn Fn(&Request) -> Reply + Send + Sync;
pub type UploadCut = dyn Fn(&Request) -> Option<usize> + Send + Sync;

/// What the threads of a server share.
pub struct Shared {
    pub handler: Box<Handler>,
    pub upload_cut: Box<UploadCut>,
    pub stopping: Mutex<bool>,
    pub stopped: Condvar,
    pub connections: Mutex<HashMap<u64, Arc<TcpStream>>>,
    pub connections_accepted: AtomicU64,
    pub requests: AtomicU64,
    pub in_flight: AtomicUsize,
    pub peak_in_flight: AtomicUsize,
}

impl Shared {
    /// Waits that long, or until the server stops.
    pub fn pause(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let until = Instant::now() + duration;
        let mut stopping = lock(&self.stopping);
        while !*stopping {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            stopping = self
                .stopped
                .wait_timeout(stopping, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
