//! Iterators over all keys that match a pattern, and over the elements of one key.

use std::iter::FusedIterator;

use bytes::Bytes;

use super::Client;
use super::runtime::{Iterated, Runtime};
use crate::error::Result;
use crate::key::ToKey;
use crate::{ElementStream, ScanOptions, ScanStream};

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

/// Iterator over the elements of a hash, a set or a sorted set, fetched page by page. See
/// [`Client::hscan_iter`], [`Client::sscan_iter`] and [`Client::zscan_iter`].
///
/// # Errors
///
/// As for [`ScanStream`](crate::ScanStream): after a transient error, the next call requests the
/// same page again. A permanent error is the last item.
#[must_use = "no page is requested until the iterator is used"]
#[derive(Debug)]
pub struct Elements<T>(Iterated<ElementStream<T>>);

impl<T> Elements<T> {
    /// Returns the cursor of the next page: see
    /// [`ElementStream::cursor`](crate::ElementStream::cursor).
    pub const fn cursor(&self) -> Option<u64> {
        self.0.stream.cursor()
    }
}

impl<T> Iterator for Elements<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.0.next(ElementStream::next)
    }
}

impl<T> FusedIterator for Elements<T> {}

impl Client {
    fn elements<T>(&self, stream: ElementStream<T>) -> Elements<T> {
        Elements(Iterated::new(stream, self.runtime()))
    }

    /// Returns an iterator over the fields of a hash and their values: see
    /// [`Client::hscan_stream`](crate::Client::hscan_stream).
    pub fn hscan_iter(&self, key: impl ToKey, options: ScanOptions) -> Elements<(Bytes, Bytes)> {
        self.elements(self.as_async().hscan_stream(key, options))
    }

    /// Returns an iterator over the members of a set: see
    /// [`Client::sscan_stream`](crate::Client::sscan_stream).
    pub fn sscan_iter(&self, key: impl ToKey, options: ScanOptions) -> Elements<Bytes> {
        self.elements(self.as_async().sscan_stream(key, options))
    }

    /// Returns an iterator over the members of a sorted set and their scores: see
    /// [`Client::zscan_stream`](crate::Client::zscan_stream).
    pub fn zscan_iter(&self, key: impl ToKey, options: ScanOptions) -> Elements<(Bytes, f64)> {
        self.elements(self.as_async().zscan_stream(key, options))
    }
}
