//! Iterator over all keys that match a pattern.

use std::iter::FusedIterator;

use bytes::Bytes;

use crate::ScanStream;
use crate::error::Result;

use super::runtime::{Iterated, Runtime};

/// Iterator over the keys of a store, fetched page by page. See
/// [`Client::scan_iter`](super::Client::scan_iter).
///
/// # Errors
///
/// As for [`ScanStream`](crate::ScanStream): after a transient error, the next call requests the
/// same page again. A permanent error is the last item.
#[must_use = "no page is requested until the iterator is used"]
#[derive(Debug)]
pub struct Scan(Iterated<ScanStream>);

impl Scan {
    pub(super) const fn new(stream: ScanStream, runtime: Runtime) -> Self {
        Self(Iterated::new(stream, runtime))
    }

    /// Returns the cursor of the next page: see [`ScanStream::cursor`](crate::ScanStream::cursor).
    pub const fn cursor(&self) -> Option<u64> {
        self.0.stream.cursor()
    }
}

impl Iterator for Scan {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Result<Bytes>> {
        self.0.next(ScanStream::next)
    }
}

impl FusedIterator for Scan {}
