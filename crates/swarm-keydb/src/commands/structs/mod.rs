//! Structs stored as hashes, one field each.

mod deserialize;
mod error;
mod serialize;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swarm_resp::{ConvertError, Frame};

pub use self::error::StructError;
use self::serialize::Fields;
use crate::command::{Builder, Command, Executor};
use crate::error::Error;
use crate::key::ToKey;

/// Sets the present fields, then removes the absent ones, so that the hash and its time to live
/// exist throughout. One argument tells how many are absent.
const REPLACE: &str = "local absent = tonumber(ARGV[1]) \
                       local new = redis.call('HSET', KEYS[1], unpack(ARGV, absent + 2)) \
                       redis.call('HDEL', KEYS[1], unpack(ARGV, 2, absent + 1)) \
                       return new";

/// Structs stored as hashes, with the feature `serde`.
///
/// Every field of the struct is a field of the hash: a number, a text, bytes, a `bool` (as 1 or 0),
/// an enum without data (as the name of its variant), or an `Option` of these. `None` is a field
/// that the hash does not have. Names and attributes are those of serde: `rename`, `default`,
/// `skip` and so on, except `flatten`.
pub trait StructCommands: Executor {
    /// Stores a struct as a hash: sets the fields of the hash that the struct has, and removes
    /// those that are `None` (`HSET`; if a field is `None`, `EVAL` with `HSET` and `HDEL`, so that
    /// nobody sees the hash in between). Other fields of the hash remain.
    ///
    /// Returns how many of the fields are new.
    ///
    /// # Errors
    ///
    /// Kind [`Argument`](crate::ErrorKind::Argument) if the value is not a struct, or if a field is a
    /// list, a map, a struct or an enum with data; the text names the field. To store such a value,
    /// convert it to text, for example to JSON. Kind [`Server`](crate::ErrorKind::Server) if the key
    /// holds another type (code `WRONGTYPE`).
    fn hset_struct(&self, key: impl ToKey, value: &(impl Serialize + ?Sized)) -> Self::Output<u64> {
        self.execute(match Fields::of(value) {
            Ok(fields) => store(&key, &fields),
            Err(error) => {
                let mut builder = Builder::new("HSET");
                builder.reject(Error::argument(error.to_string()));
                builder.build()
            }
        })
    }

    /// Reads a struct from a hash (`HGETALL`). Fields of the hash that the struct does not have are
    /// ignored, unless its serde attributes say otherwise.
    ///
    /// Returns the struct, `None` if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the hash lacks a field, or if a
    /// value cannot be converted to the type of its field. The [source](std::error::Error::source) is
    /// a [`StructError`], which names the field. Kind [`Server`](crate::ErrorKind::Server) if the key
    /// holds another type (code `WRONGTYPE`).
    fn hget_struct<T: DeserializeOwned>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        let builder = Builder::new("HGETALL").read_only().cached_list().key(key);
        self.execute(builder.build_with(read::<T>))
    }
}

impl<E: Executor> StructCommands for E {}

/// Builds the command that stores fields. Its reply is how many of them are new.
fn store(key: &impl ToKey, fields: &Fields) -> Command<u64> {
    let Fields { present, absent } = fields;
    match (present.is_empty(), absent.is_empty()) {
        (_, true) => Builder::new("HSET").key(key).fields_of(present).build(),
        // The reply is how many were removed; none is new.
        (true, false) => Builder::new("HDEL")
            .key(key)
            .values(absent)
            .build_with(none),
        (false, false) => Builder::new("EVAL")
            .fenced()
            .arg(REPLACE)
            .arg(1)
            .key(key)
            .arg(absent.len())
            .args(absent)
            .fields_of(present)
            .build(),
    }
}

fn none(reply: &Frame) -> Result<u64, ConvertError> {
    reply.convert::<u64>().map(|_| 0)
}

impl Builder {
    fn fields_of(self, fields: &[(&'static str, Vec<u8>)]) -> Self {
        self.fields(fields.iter().map(|(name, value)| (name, value)))
    }
}

fn read<T: DeserializeOwned>(reply: &Frame) -> Result<Option<T>, ConvertError> {
    deserialize::from_hash(reply)
}
