//! All keys that match, as an iterator.

use bytes::Bytes;

use crate::ScanStream;
use crate::error::Result;

use super::runtime::Runtime;

/// The keys of a store, page by page: see [`Client::scan_iter`](super::Client::scan_iter).
///
/// An error is an item and never the end: the next step asks for the same page again.
#[must_use = "nothing is asked for until the iterator is used"]
#[derive(Debug)]
pub struct Scan {
    stream: ScanStream,
    runtime: Runtime,
}

impl Scan {
    pub(super) const fn new(stream: ScanStream, runtime: Runtime) -> Self {
        Self { stream, runtime }
    }

    /// Where the next page begins; `None` when the last page has come.
    pub const fn cursor(&self) -> Option<u64> {
        self.stream.cursor()
    }
}

impl Iterator for Scan {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Result<Bytes>> {
        match self.runtime.wait(self.stream.next()) {
            Ok(next) => next,
            Err(error) => Some(Err(error)),
        }
    }
}
