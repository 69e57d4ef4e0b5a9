//! Discovery by a file: one address a line.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Candidate, Discover};
use crate::{BoxFuture, Endpoint, TransportError, TransportErrorKind, TransportOptions};

/// How often the file is checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum size of the file.
const MAX_SIZE: u64 = 1 << 20;

/// Finds the servers in a file with one address a line, most preferred first. Empty lines and lines
/// that begin with `#` are ignored.
///
/// The file is read before each attempt to connect, and when it has changed; it is checked every
/// second. Replace it by renaming another file to its name, so that it is never half written.
///
/// # Examples
///
/// ```
/// use swarm_transport::TransportOptions;
/// use swarm_transport::failover::{Failover, FileList};
///
/// let list = FileList::new("/etc/app/gateways.txt", &TransportOptions::new());
/// let failover = Failover::discovered(list);
/// # let _ = failover;
/// ```
#[derive(Debug)]
pub struct FileList {
    path: PathBuf,
    options: TransportOptions,
}

impl FileList {
    /// Creates a discovery that reads the file at `path`.
    pub fn new(path: impl Into<PathBuf>, options: &TransportOptions) -> Self {
        Self {
            path: path.into(),
            options: options.clone(),
        }
    }

    fn read(&self) -> Result<Vec<Candidate>, TransportError> {
        let text = self.text().map_err(|error| {
            let message = format!(
                "the list of endpoints {} cannot be read",
                self.path.display()
            );
            TransportError::new(TransportErrorKind::Resolve, message).with_source(error)
        })?;
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| Candidate::at(&Endpoint::parse(line)?, &self.options))
            .collect()
    }

    fn text(&self) -> std::io::Result<String> {
        if std::fs::metadata(&self.path)?.len() > MAX_SIZE {
            return Err(std::io::Error::other("larger than 1 MiB"));
        }
        std::fs::read_to_string(&self.path)
    }

    fn version(&self) -> Option<(SystemTime, u64)> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }
}

impl Discover for FileList {
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
        Box::pin(async { self.read() })
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let version = self.version();
            while self.version() == version {
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
        })
    }
}
