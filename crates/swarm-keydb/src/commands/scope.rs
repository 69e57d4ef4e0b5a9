//! Names that the generated code uses.

pub(crate) use std::borrow::Cow;
pub(crate) use std::collections::{BTreeMap, HashMap};
pub(crate) use std::ops::RangeBounds;
pub(crate) use std::time::{Duration, SystemTime};

pub(crate) use bytes::Bytes;
pub(crate) use swarm_resp::{Frame, FromFrame, ToArg, ToArgs};

pub(crate) use super::model::*;
pub(crate) use crate::command::{Builder, Executor};
pub(crate) use crate::key::{ToFields, ToKey, ToKeys, ToPairs};
