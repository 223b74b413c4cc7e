//! Threads that read pages for somebody who takes them in order.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::tap::fault::Fault;

/// Those that were started.
#[derive(Debug, Default)]
pub struct Readers<'scope>(Vec<ScopedJoinHandle<'scope, ()>>);

impl<'scope> Readers<'scope> {
    /// Starts as many as there are to be and aren't yet, under the stream's name. Where no more can be
    /// started, those who are there do.
    pub fn start(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        count: usize,
        stream: &str,
        read: impl Fn() + Copy + Send + 'scope,
    ) -> Result<(), Fault> {
        while self.0.len() < count {
            match Builder::new()
                .name(stream.to_owned())
                .spawn_scoped(scope, read)
            {
                Ok(reader) => self.0.push(reader),
                Err(error) if self.0.is_empty() => {
                    return Err(Fault::Stream(format!(
                        "no thread can be started to read its pages: {error}"
                    )));
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Waits until they have ended. Whoever died has left word of it where the pages are taken.
    pub fn join(self) {
        for reader in self.0 {
            let _ = reader.join();
        }
    }
}
