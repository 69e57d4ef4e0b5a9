//! `BitmapCommands`, from `spec/bitmaps.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on the bits of string values. Bit 0 is the highest bit of the first byte.
pub trait BitmapCommands: Executor {
    /// Sets one bit of a value (`SETBIT`).
    ///
    /// Zero bytes fill a gap.
    ///
    /// Returns the previous bit.
    ///
    /// # Errors
    ///
    /// Fails if the offset is 2^32 or more; the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn setbit(&self, key: impl ToKey, offset: u64, bit: bool) -> Self::Output<bool> {
        self.execute(Builder::new("SETBIT").key(key).arg(offset).arg(bit).build())
    }

    /// Gets one bit of a value (`GETBIT`).
    ///
    /// Returns the bit, false after the end of the value and if the key does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn getbit(&self, key: impl ToKey, offset: u64) -> Self::Output<bool> {
        self.execute(
            Builder::new("GETBIT")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(offset)
                .build(),
        )
    }

    /// Counts the bits of a value that are set (`BITCOUNT`).
    ///
    /// Returns the count, 0 if the key does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitcount(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("BITCOUNT")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Counts the bits that are set in a range of bytes or bits (`BITCOUNT`).
    ///
    /// Negative positions count from the end.
    ///
    /// Returns the count.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitcount_range(
        &self,
        key: impl ToKey,
        range: impl RangeBounds<i64>,
        unit: BitUnit,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("BITCOUNT")
                .read_only()
                .cached_reply()
                .key(key)
                .indices(range)
                .args(unit)
                .build(),
        )
    }

    /// Finds the first bit that is set, or the first that is clear (`BITPOS`).
    ///
    /// Returns its position in bits, `None` if there is none. If all bits are set, the first clear
    /// bit is the one after the value.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitpos(&self, key: impl ToKey, bit: bool) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("BITPOS")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(bit)
                .build_with(position),
        )
    }

    /// Finds the first bit that is set, or the first that is clear, in a range of bytes or bits
    /// (`BITPOS`).
    ///
    /// Negative positions count from the end.
    ///
    /// Returns its position in bits from the start of the value, `None` if there is none in the
    /// range.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitpos_range(
        &self,
        key: impl ToKey,
        bit: bool,
        range: impl RangeBounds<i64>,
        unit: BitUnit,
    ) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("BITPOS")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(bit)
                .indices(range)
                .args(unit)
                .build_with(position),
        )
    }

    /// Combines the bits of values, and stores the result (`BITOP`).
    ///
    /// Missing keys count as zero bytes. Overwrites the destination, and removes it if the result
    /// is empty.
    ///
    /// Returns the length of the result in bytes.
    ///
    /// # Errors
    ///
    /// Fails if [`BitOp::Not`](crate::BitOp::Not) gets several keys; the key holds another type
    /// (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitop(
        &self,
        operation: BitOp,
        destination: impl ToKey,
        keys: impl ToKeys,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("BITOP")
                .args(operation)
                .key(destination)
                .keys(keys)
                .build(),
        )
    }

    /// Gets and changes integers of any width within a value (`BITFIELD`).
    ///
    /// Returns one result for each get, set and increment, in order; `None` for one that would have
    /// overflowed with [`BitOverflow::Fail`](crate::BitOverflow::Fail).
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitfield(&self, key: impl ToKey, operations: BitField) -> Self::Output<Vec<Option<i64>>> {
        self.execute(
            Builder::new("BITFIELD")
                .key(key)
                .options(operations)
                .build(),
        )
    }

    /// Gets integers of any width within a value, also on a replica (`BITFIELD_RO`).
    ///
    /// Returns one integer for each get, in order.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bitfield_ro(&self, key: impl ToKey, gets: BitGets) -> Self::Output<Vec<i64>> {
        self.execute(
            Builder::new("BITFIELD_RO")
                .read_only()
                .cached_list()
                .key(key)
                .options(gets)
                .build(),
        )
    }
}

impl<E: Executor> BitmapCommands for E {}
