//! Arguments that are pairs: keys with values, and fields with values.

use swarm_resp::{ArgSink, ToArg};

use super::ToKey;

/// Marks pairs that are items of a list, a map or an iterator.
#[derive(Debug)]
pub struct Listed<K, V>(K, V);

/// Marks pairs that are elements of a tuple, so that each may have types of its own.
#[derive(Debug)]
pub struct InTuple<T>(T);

macro_rules! pairs {
    ($(#[$doc:meta])* $name:ident, $method:ident, $key:ident: $first:ident;) => {
        $(#[$doc])*
        pub trait $name<M> {
            /// Passes each pair to `sink`, in order.
            fn $method(self, sink: &mut impl ArgSink);
        }

        impl<K: $first, V: ToArg, I: IntoIterator<Item = (K, V)>> $name<Listed<K, V>> for I {
            fn $method(self, sink: &mut impl ArgSink) {
                for (key, value) in self {
                    sink.arg(&key.$key());
                    sink.arg(&value.to_arg());
                }
            }
        }

        pairs!($name $method $key $first: K1 V1);
        pairs!($name $method $key $first: K1 V1 K2 V2);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3 K4 V4);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3 K4 V4 K5 V5);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6 K7 V7);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6 K7 V7 K8 V8);
        pairs!($name $method $key $first: K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6 K7 V7 K8 V8 K9 V9);
        pairs!($name $method $key $first:
            K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6 K7 V7 K8 V8 K9 V9 K10 V10);
        pairs!($name $method $key $first:
            K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6 K7 V7 K8 V8 K9 V9 K10 V10 K11 V11);
        pairs!($name $method $key $first:
            K1 V1 K2 V2 K3 V3 K4 V4 K5 V5 K6 V6 K7 V7 K8 V8 K9 V9 K10 V10 K11 V11 K12 V12);
    };
    ($name:ident $method:ident $key:ident $first:ident: $($k:ident $v:ident)+) => {
        impl<$($k: $first, $v: ToArg),+> $name<InTuple<($(($k, $v),)+)>> for ($(($k, $v),)+) {
            fn $method(self, sink: &mut impl ArgSink) {
                #[expect(non_snake_case, reason = "one name for a type parameter and its field")]
                let ($(($k, $v),)+) = self;
                $(
                    sink.arg(&$k.$key());
                    sink.arg(&$v.to_arg());
                )+
            }
        }
    };
}

pairs! {
    /// Keys with their values: a list, a map or an iterator of pairs, or a tuple of up to 12 pairs,
    /// whose values may have different types.
    ///
    /// `M` is inferred.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.mset([("ann", 5), ("bob", 7)]).await?;
    /// client.mset((("count", 5), ("name", "ann"), ("share", 0.5))).await?;
    /// assert_eq!(client.get_as::<f64>("share").await?, Some(0.5));
    /// # Ok(())
    /// # }
    /// ```
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a list of keys with values",
        label = "not a list of pairs",
        note = "pass an array, `Vec`, map or iterator of pairs `(key, value)`, or, for values of \
                different types, a tuple of pairs: `((\"a\", 1), (\"b\", \"x\"))`",
        note = "for a slice of pairs, pass `pairs.iter().copied()` or `pairs.iter().map(|(key, \
                value)| (key, value))`"
    )]
    ToPairs, write_pairs, to_key: ToKey;
}

pairs! {
    /// Names and values of the fields of a stream entry: a list, a map or an iterator of pairs, or
    /// a tuple of up to 12 pairs, whose values may have different types.
    ///
    /// `M` is inferred.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.xadd("orders", (("item", "tea"), ("count", 3), ("price", 2.5))).await?;
    /// let entries = client.xrange("orders", ..).await?;
    /// assert_eq!(entries[0].field_as::<u32>("count")?, Some(3));
    /// # Ok(())
    /// # }
    /// ```
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a list of fields with values",
        label = "not a list of pairs",
        note = "pass an array, `Vec`, map or iterator of pairs `(field, value)`, or, for values of \
                different types, a tuple of pairs: `((\"a\", 1), (\"b\", \"x\"))`",
        note = "for a slice of pairs, pass `pairs.iter().copied()` or `pairs.iter().map(|(field, \
                value)| (field, value))`"
    )]
    ToFields, write_fields, to_arg: ToArg;
}
