//! `SwarmCommands`, from `spec/admin.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands that only SwarmKeyDb has: backups, encryption keys, and its storage backend.
pub trait SwarmCommands: Executor {
    /// Writes a backup of the store to its backend (`BACKUP`).
    ///
    /// Returns the backup's reference, for [`restoredb`](Self::restoredb).
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only.
    fn backup(&self) -> Self::Output<String> {
        self.execute(Builder::new("BACKUP").fenced().build())
    }

    /// Restores a backup (`RESTOREDB`).
    ///
    /// Returns how many keys were restored.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only.
    fn restoredb(&self, reference: impl ToArg) -> Self::Output<u64> {
        self.execute(Builder::new("RESTOREDB").fenced().echoed(reference).build())
    }

    /// Restores an encrypted backup (`RESTOREDB`).
    ///
    /// The key is sent in plain text.
    ///
    /// Returns how many keys were restored.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only.
    fn restoredb_with_key(&self, reference: impl ToArg, key: impl ToArg) -> Self::Output<u64> {
        self.execute(
            Builder::new("RESTOREDB")
                .fenced()
                .echoed(reference)
                .echoed(key)
                .build(),
        )
    }

    /// Replaces the key that the store is encrypted with (`ROTATEKEY`).
    ///
    /// Returns the server's report.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only.
    fn rotatekey(&self, old: impl ToArg, new: impl ToArg) -> Self::Output<String> {
        self.execute(
            Builder::new("ROTATEKEY")
                .fenced()
                .echoed(old)
                .echoed(new)
                .build(),
        )
    }

    /// Gets the storage backend's metadata about a key (`BACKENDMETA`).
    ///
    /// Returns the metadata, `None` if there is none.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only.
    fn backendmeta(&self, key: impl ToKey) -> Self::Output<Option<String>> {
        self.execute(
            Builder::new("BACKENDMETA")
                .read_only()
                .fenced()
                .key(key)
                .build(),
        )
    }

    /// Reloads the server's data from its storage backend (`SWARM.RESYNC`).
    ///
    /// Returns a report, as JSON.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only.
    fn swarm_resync(&self, mode: Resync) -> Self::Output<String> {
        self.execute(Builder::new("SWARM.RESYNC").fenced().options(mode).build())
    }
}

impl<E: Executor> SwarmCommands for E {}
