//! Arguments that name keys or channels: one name, or several.

mod pairs;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use swarm_resp::{Arg, ArgSink, ToArg};

pub use self::pairs::{ToFields, ToPairs};

/// One key, channel or pattern: text, bytes or an integer.
///
/// Floating-point numbers and booleans are arguments ([`ToArg`]) but not keys: two programs may
/// format the same number differently, and would then use two keys.
///
/// # Examples
///
/// Implement the trait for key types of your own:
///
/// ```
/// use swarm_keydb::{Arg, Client, ToKey, prelude::*};
///
/// struct SessionKey(String);
///
/// impl ToKey for SessionKey {
///     fn to_key(&self) -> Arg<'_> {
///         self.0.to_key()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let key = SessionKey("session:7".to_owned());
/// client.set(&key, "ann").await?;
/// assert_eq!(client.del([key]).await?, 1);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key",
    label = "not a key",
    note = "keys are text, bytes and integers, and types that implement `ToKey`"
)]
pub trait ToKey {
    /// Returns the bytes of the key.
    fn to_key(&self) -> Arg<'_>;
}

/// Any number of keys, channels or patterns: one, a tuple, a list or a set of them, or none (`()`,
/// `None`).
///
/// A key type of your own fits into arrays, slices, lists and sets as soon as it implements
/// [`ToKey`]: `client.del([key])`.
///
/// Maps and lists of pairs are not keys, so a command for several keys never takes a value for a
/// key:
///
/// # Examples
///
/// ```compile_fail,E0277
/// # use std::collections::HashMap;
/// # async fn example(client: swarm_keydb::Client) {
/// use swarm_keydb::prelude::*;
/// let map = HashMap::from([("key", "value")]);
/// client.del(&map).await; // Would delete `key` and `value`.
/// # }
/// ```
///
/// ```compile_fail,E0277
/// # async fn example(client: swarm_keydb::Client) {
/// use swarm_keydb::prelude::*;
/// client.del([("key", "value")]).await;
/// # }
/// ```
///
/// Collect the keys of a map instead:
///
/// ```
/// # use std::collections::HashMap;
/// # use swarm_keydb::{Client, prelude::*};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let map = HashMap::from([("key", "value"), ("other", "key")]);
/// client.mset(&map).await?;
/// let keys: Vec<_> = map.keys().collect();
/// assert_eq!(client.del(keys).await?, 2);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a key nor a list of keys",
    label = "not a list of keys",
    note = "pass one key, or an array, slice, `Vec`, set or tuple of keys",
    note = "of a map, pass the keys: `map.keys().collect::<Vec<_>>()`"
)]
pub trait ToKeys {
    /// Passes every key to `sink`, in order. Called more than once: each call must pass the same
    /// keys.
    fn write_keys(&self, sink: &mut impl ArgSink);
}

/// Pointers are the keys that they point to.
macro_rules! pointers {
    ($([$($bound:tt)*] $type:ty),+ $(,)?) => {$(
        impl<T: ToKey + ?Sized $($bound)*> ToKey for $type {
            #[inline]
            fn to_key(&self) -> Arg<'_> {
                (**self).to_key()
            }
        }

        impl<T: ToKeys + ?Sized $($bound)*> ToKeys for $type {
            #[inline]
            fn write_keys(&self, sink: &mut impl ArgSink) {
                (**self).write_keys(sink);
            }
        }
    )+};
}

pointers!([] &T, [] Box<T>, [] Rc<T>, [] Arc<T>, [+ ToOwned] Cow<'_, T>);

/// Types that are one key, and therefore also a list of one.
macro_rules! keys {
    ($($type:ty),+ $(,)?) => {$(
        impl ToKey for $type {
            #[inline]
            fn to_key(&self) -> Arg<'_> {
                self.to_arg()
            }
        }

        impl ToKeys for $type {
            fn write_keys(&self, sink: &mut impl ArgSink) {
                sink.arg(&self.to_key());
            }
        }
    )+};
}

keys!(str, String, [u8], Vec<u8>, Bytes, BytesMut);
keys!(
    i8, i16, u16, i32, u32, i64, u64, i128, u128, isize, usize, char
);
keys!(
    NonZero<i8>,
    NonZero<i16>,
    NonZero<u16>,
    NonZero<i32>,
    NonZero<u32>,
    NonZero<i64>,
    NonZero<u64>,
    NonZero<i128>,
    NonZero<u128>,
    NonZero<isize>,
    NonZero<usize>
);

impl<const N: usize> ToKey for [u8; N] {
    #[inline]
    fn to_key(&self) -> Arg<'_> {
        Arg::new(self)
    }
}

impl<const N: usize> ToKeys for [u8; N] {
    fn write_keys(&self, sink: &mut impl ArgSink) {
        sink.arg(self);
    }
}

/// A key in its encoded form, such as that of a [`Command`](crate::Command) that is being
/// forwarded.
impl ToKey for Arg<'_> {
    #[inline]
    fn to_key(&self) -> Arg<'_> {
        *self
    }
}

impl ToKeys for Arg<'_> {
    fn write_keys(&self, sink: &mut impl ArgSink) {
        sink.arg(self);
    }
}

/// Lists of single keys. Lists of lists are not accepted: they would include lists of pairs.
macro_rules! lists {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($generics)*> ToKeys for $type {
            fn write_keys(&self, sink: &mut impl ArgSink) {
                for key in self.iter() {
                    sink.arg(&key.to_key());
                }
            }
        }
    )+};
}

lists!(
    [T: ToKey] [T],
    [T: ToKey] Vec<T>,
    [T: ToKey, const N: usize] [T; N],
    [T: ToKey] VecDeque<T>,
    [T: ToKey] BTreeSet<T>,
    [T: ToKey, S] HashSet<T, S>,
    [T: ToKey] Option<T>,
);

impl ToKeys for () {
    fn write_keys(&self, _: &mut impl ArgSink) {}
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: ToKey),+> ToKeys for ($($name,)+) {
            fn write_keys(&self, sink: &mut impl ArgSink) {
                #[expect(non_snake_case, reason = "one name for a type parameter and its field")]
                let ($($name,)+) = self;
                $(sink.arg(&$name.to_key());)+
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

#[cfg(test)]
mod tests {
    use super::*;

    struct Sink(Vec<Vec<u8>>);

    impl ArgSink for Sink {
        fn arg(&mut self, arg: &[u8]) {
            self.0.push(arg.to_vec());
        }
    }

    #[track_caller]
    fn assert_keys(keys: impl ToKeys, expected: &[&str]) {
        let mut sink = Sink(Vec::new());
        keys.write_keys(&mut sink);
        let expected: Vec<_> = expected.iter().map(|key| key.as_bytes().to_vec()).collect();
        assert_eq!(sink.0, expected);
    }

    #[test]
    fn text_bytes_and_integers_are_keys_alone_and_in_every_list() {
        assert_keys("a", &["a"]);
        assert_keys(String::from("a"), &["a"]);
        assert_keys(Bytes::from_static(b"a"), &["a"]);
        assert_keys(b"ab", &["ab"]);
        assert_keys(b"ab".as_slice(), &["ab"]);
        assert_keys(b"ab".to_vec(), &["ab"]);
        assert_keys(7, &["7"]);
        assert_keys(["a", "b"], &["a", "b"]);
        assert_keys(["a", "b"].as_slice(), &["a", "b"]);
        assert_keys(vec![String::from("a"), String::from("b")], &["a", "b"]);
        assert_keys(&[b"a".to_vec(), b"b".to_vec()], &["a", "b"]);
        assert_keys([Bytes::from_static(b"a")], &["a"]);
        assert_keys([1_u64, 2], &["1", "2"]);
        assert_keys(("a", String::from("b"), 3), &["a", "b", "3"]);
        assert_keys(BTreeSet::from(["b", "a"]), &["a", "b"]);
        assert_keys(Box::<str>::from("a"), &["a"]);
        assert_keys(Arc::<[u8]>::from(b"a".as_slice()), &["a"]);
        assert_keys(Cow::Borrowed("a"), &["a"]);
        assert_keys(Rc::new(String::from("a")), &["a"]);
        assert_keys([Box::new(7), Box::new(8)], &["7", "8"]);
        assert_keys(Arc::<[&str]>::from(["a", "b"]), &["a", "b"]);
        assert_keys((), &[]);
        assert_keys(None::<&str>, &[]);
        assert_keys("a".to_arg(), &["a"]);
    }
}
