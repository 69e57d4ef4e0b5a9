//! Durations in the unit of a command.

use std::time::Duration;

use super::{ConvertError, FromFrame};
use crate::args::{Arg, ArgSink, ToArg, ToArgs};
use crate::frame::FrameRef;

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident: $per:literal, $from:ident, $expected:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub Duration);

        impl From<$name> for Duration {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl ToArg for $name {
            /// Formats the number of whole units, rounded up, so that a positive duration never
            /// becomes 0.
            fn to_arg(&self) -> Arg<'_> {
                let units = self.0.as_nanos().div_ceil($per);
                Arg::of_number(u64::try_from(units).unwrap_or(u64::MAX))
            }
        }

        impl ToArgs for $name {
            fn write_args(&self, sink: &mut impl ArgSink) {
                sink.arg(&self.to_arg());
            }
        }

        impl FromFrame for $name {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                let units = u64::from_frame(frame);
                units
                    .map(|units| Self(Duration::$from(units)))
                    .map_err(|_| ConvertError::new($expected, frame))
            }
        }
    )+};
}

units! {
    /// A duration in seconds, as in EXPIRE and TTL.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_resp::{Request, Seconds};
    ///
    /// let request = Request::new("EXPIRE", ("key", Seconds(Duration::from_millis(1500))));
    /// assert_eq!(request, Request::new("EXPIRE", ("key", 2)));
    /// ```
    ///
    /// A point in time, as in the reply of EXPIRETIME:
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use swarm_resp::{Frame, Seconds};
    ///
    /// let expires: Seconds = Frame::integer(1_900_000_000).convert()?;
    /// let time = SystemTime::UNIX_EPOCH + Duration::from(expires);
    /// assert!(time > SystemTime::UNIX_EPOCH);
    /// # Ok::<(), swarm_resp::ConvertError>(())
    /// ```
    Seconds: 1_000_000_000, from_secs, "a number of seconds";

    /// A duration in milliseconds, as in PEXPIRE and PTTL.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_resp::{Frame, Milliseconds};
    ///
    /// let ttl: Milliseconds = Frame::integer(1500).convert()?;
    /// assert_eq!(ttl.0, Duration::from_millis(1500));
    /// # Ok::<(), swarm_resp::ConvertError>(())
    /// ```
    Milliseconds: 1_000_000, from_millis, "a number of milliseconds";
}
