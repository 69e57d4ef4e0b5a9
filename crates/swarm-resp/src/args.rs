//! Command arguments: traits for values that encode as one or several arguments.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::num::NonZero;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::double;

/// The bytes of one argument: borrowed, or a formatted number.
///
/// `Debug` shows the length, never the content.
#[derive(Clone, Copy)]
pub struct Arg<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    Borrowed(&'a [u8]),
    /// A number as text, or a character.
    Formatted([u8; MAX_LEN], u8),
}

/// Length of the longest number, `i128::MIN`.
const MAX_LEN: usize = 40;

impl<'a> Arg<'a> {
    /// Creates an argument from bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(Repr::Borrowed(bytes))
    }

    /// Creates an argument that holds a formatted number.
    pub(crate) fn of_number(number: u64) -> Self {
        Self::formatted(itoa::Buffer::new().format(number).as_bytes())
    }

    fn formatted(text: &[u8]) -> Self {
        let mut buffer = [0; MAX_LEN];
        for (to, from) in buffer.iter_mut().zip(text) {
            *to = *from;
        }
        Self(Repr::Formatted(
            buffer,
            u8::try_from(text.len()).unwrap_or(0),
        ))
    }
}

impl fmt::Debug for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arg[{}]", self.len())
    }
}

impl Deref for Arg<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Borrowed(bytes) => bytes,
            Repr::Formatted(buffer, len) => buffer.get(..usize::from(*len)).unwrap_or(buffer),
        }
    }
}

/// A value that encodes as exactly one argument: a string, bytes or a number.
///
/// Implement this trait for your own types by delegating to one of the provided implementations:
///
/// ```
/// use swarm_resp::{Arg, ToArg};
///
/// struct UserId(u64);
///
/// impl ToArg for UserId {
///     fn to_arg(&self) -> Arg<'_> {
///         self.0.to_arg()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one argument",
    label = "not text, bytes or a number",
    note = "arguments are text, bytes, numbers, `bool`, and types that implement `ToArg`",
    note = "of an `Option`, pass the value; for a `Duration`, choose a unit: `Milliseconds(time)` \
            or `Seconds(time)`",
    note = "for a structure, implement `ToArg`, or pass it as JSON text: `Json::text(&value)?` of \
            swarm-keydb's feature `json`"
)]
pub trait ToArg {
    /// Returns the bytes of the argument.
    fn to_arg(&self) -> Arg<'_>;
}

/// A destination for encoded arguments.
pub trait ArgSink {
    /// Appends one argument.
    fn arg(&mut self, arg: &[u8]);
}

/// A value that encodes as any number of arguments: one, none (`None`, `()`), or several (tuples,
/// lists, maps).
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use swarm_resp::Request;
///
/// let fields = BTreeMap::from([("name", "Ada"), ("born", "1815")]);
/// let request = Request::new("HSET", ("key", fields));
/// assert_eq!(request.len(), 6);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of arguments",
    label = "neither an argument nor a list of arguments",
    note = "pass `()` for no arguments, one value, or a tuple, array, slice, `Vec`, set or map of \
            values",
    note = "a single byte is ambiguous: pass a byte string such as `b\"k\"`, or a wider integer \
            such as `u16`",
    note = "for a `Duration`, choose a unit: `Milliseconds(time)` or `Seconds(time)`",
    note = "for a structure, implement `ToArgs`, or pass it as JSON text: `Json::text(&value)?` of \
            swarm-keydb's feature `json`"
)]
pub trait ToArgs {
    /// Writes all arguments to `sink`, in order. Encoders may call this more than once; every call
    /// must write the same arguments.
    fn write_args(&self, sink: &mut impl ArgSink);
}

/// Pointers encode as what they point to.
macro_rules! pointers {
    ($([$($bound:tt)*] $type:ty),+ $(,)?) => {$(
        impl<T: ToArg + ?Sized $($bound)*> ToArg for $type {
            #[inline]
            fn to_arg(&self) -> Arg<'_> {
                (**self).to_arg()
            }
        }

        impl<T: ToArgs + ?Sized $($bound)*> ToArgs for $type {
            #[inline]
            fn write_args(&self, sink: &mut impl ArgSink) {
                (**self).write_args(sink);
            }
        }
    )+};
}

pointers!([] &T, [] Box<T>, [] Rc<T>, [] Arc<T>, [+ ToOwned] Cow<'_, T>);

impl ToArgs for Arg<'_> {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(self);
    }
}

/// Types whose bytes can be borrowed.
macro_rules! borrowed {
    ($($type:ty),+) => {$(
        impl ToArg for $type {
            fn to_arg(&self) -> Arg<'_> {
                Arg::new(self.as_bytes())
            }
        }
        one!($type);
    )+};
}

/// Types that encode as one argument also implement `ToArgs`.
macro_rules! one {
    ($type:ty) => {
        impl ToArgs for $type {
            fn write_args(&self, sink: &mut impl ArgSink) {
                sink.arg(&self.to_arg());
            }
        }
    };
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl ToArg for $type {
            fn to_arg(&self) -> Arg<'_> {
                Arg::formatted(itoa::Buffer::new().format(*self).as_bytes())
            }
        }
        one!($type);
    )+};
}

macro_rules! non_zero {
    ($($type:ty),+) => {$(
        impl ToArg for NonZero<$type> {
            fn to_arg(&self) -> Arg<'_> {
                Arg::formatted(itoa::Buffer::new().format(self.get()).as_bytes())
            }
        }
        one!(NonZero<$type>);
    )+};
}

macro_rules! floats {
    ($($type:ty: $exact:expr),+) => {$(
        impl ToArg for $type {
            /// Formats the number as Redis does, with the fewest digits that parse to the same
            /// number: `0.1`, `3`, `1e+21`, `inf`, `-inf`, `nan`.
            fn to_arg(&self) -> Arg<'_> {
                if self.is_nan() {
                    return Arg::new(b"nan");
                }
                if self.is_infinite() {
                    return Arg::new(if self.is_sign_positive() { b"inf" } else { b"-inf" });
                }
                let exact: fn($type) -> Option<i64> = $exact;
                if let Some(whole) = exact(*self) {
                    return Arg::formatted(itoa::Buffer::new().format(whole).as_bytes());
                }
                let mut buffer = ryu::Buffer::new();
                let text = buffer.format_finite(*self);
                match double::redis_format(text) {
                    Some((bytes, len)) => Arg::formatted(bytes.get(..len).unwrap_or(&bytes)),
                    None => Arg::formatted(text.strip_suffix(".0").unwrap_or(text).as_bytes()),
                }
            }
        }
        one!($type);
    )+};
}

borrowed!(str, String);
integers!(i8, i16, u16, i32, u32, i64, u64, i128, u128, isize, usize);
non_zero!(i8, i16, u16, i32, u32, i64, u64, i128, u128, isize, usize);
floats!(f32: |_| None, f64: double::exact);

/// Byte containers. `u8` does not implement `ToArg`, so that a list of bytes is one argument.
macro_rules! bytes {
    ($($type:ty),+) => {$(
        impl ToArg for $type {
            fn to_arg(&self) -> Arg<'_> {
                Arg::new(self)
            }
        }
        one!($type);
    )+};
}

bytes!([u8], Vec<u8>, Bytes, BytesMut);

impl<const N: usize> ToArg for [u8; N] {
    fn to_arg(&self) -> Arg<'_> {
        Arg::new(self)
    }
}

impl<const N: usize> ToArgs for [u8; N] {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(self);
    }
}

impl ToArg for bool {
    /// Encodes `true` as `1` and `false` as `0`.
    fn to_arg(&self) -> Arg<'_> {
        Arg::new(if *self { b"1" } else { b"0" })
    }
}
one!(bool);

impl ToArg for char {
    /// Encodes the character as UTF-8.
    fn to_arg(&self) -> Arg<'_> {
        Arg::formatted(self.encode_utf8(&mut [0; 4]).as_bytes())
    }
}
one!(char);

impl<T: ToArgs> ToArgs for Option<T> {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(value) = self {
            value.write_args(sink);
        }
    }
}

/// Lists, whose items may encode as several arguments each.
macro_rules! lists {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($generics)*> ToArgs for $type {
            fn write_args(&self, sink: &mut impl ArgSink) {
                for item in self.iter() {
                    item.write_args(sink);
                }
            }
        }
    )+};
}

lists!(
    [T: ToArgs] [T],
    [T: ToArgs] Vec<T>,
    [T: ToArgs, const N: usize] [T; N],
    [T: ToArgs] VecDeque<T>,
    [T: ToArgs] BTreeSet<T>,
    [T: ToArgs, S] HashSet<T, S>,
);

/// Maps encode as alternating keys and values.
macro_rules! maps {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($generics)*> ToArgs for $type {
            fn write_args(&self, sink: &mut impl ArgSink) {
                for (key, value) in self {
                    key.write_args(sink);
                    value.write_args(sink);
                }
            }
        }
    )+};
}

maps!([K: ToArgs, V: ToArgs] BTreeMap<K, V>, [K: ToArgs, V: ToArgs, S] HashMap<K, V, S>);

impl ToArgs for () {
    fn write_args(&self, _: &mut impl ArgSink) {}
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: ToArgs),+> ToArgs for ($($name,)+) {
            fn write_args(&self, sink: &mut impl ArgSink) {
                #[expect(non_snake_case, reason = "one name for a type parameter and its field")]
                let ($($name,)+) = self;
                $($name.write_args(sink);)+
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
