//! Replies in JSON, for commands that are answered without running.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swarm_resp::Frame;

use super::problem::{Code, Problem};
use crate::snapshot::Data;

/// A reply of RESP.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    content = "value",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub(super) enum Reply {
    /// Simple string, such as `OK`.
    Simple(String),
    /// Error, such as `READONLY You can't write against a read only replica.`
    Error(String),
    Integer(i64),
    Bulk(Data),
    Null,
    /// Null that RESP2 encodes as `*-1`.
    NullArray,
    Boolean(bool),
    Double(f64),
    /// Decimal digits of an integer of any size.
    BigNumber(String),
    /// String with a format of three letters, such as `txt`.
    Verbatim {
        format: String,
        text: Data,
    },
    Array(Vec<Self>),
    Set(Vec<Self>),
    /// Pairs of keys and values.
    Map(Vec<(Self, Self)>),
}

impl Reply {
    /// Converts the reply, unless RESP cannot express it.
    pub(super) fn frame(&self) -> Result<Frame, Problem> {
        Ok(match self {
            Self::Simple(text) => Frame::simple(one_line(text)?),
            Self::Error(text) => Frame::error(one_line(text)?),
            Self::Integer(number) => Frame::integer(*number),
            Self::Bulk(Data(bytes)) => Frame::bulk(bytes.clone()),
            Self::Null => Frame::null(),
            Self::NullArray => Frame::null_array(),
            Self::Boolean(boolean) => Frame::boolean(*boolean),
            Self::Double(number) => Frame::double(*number),
            Self::BigNumber(digits) => {
                let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
                if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(invalid("a `big_number` consists of decimal digits"));
                }
                Frame::big_number(digits)
            }
            Self::Verbatim {
                format,
                text: Data(text),
            } => {
                let format = <[u8; 3]>::try_from(format.as_bytes());
                let format = format.map_err(|_| invalid("`format` must have three letters"))?;
                Frame::verbatim(format, text)
            }
            Self::Array(items) => Frame::array(&frames(items)?),
            Self::Set(items) => Frame::set(&frames(items)?),
            Self::Map(pairs) => {
                let pair = |(key, value): &(Self, Self)| Ok((key.frame()?, value.frame()?));
                let pairs: Vec<_> = pairs.iter().map(pair).collect::<Result<_, Problem>>()?;
                Frame::map(pairs.iter().map(|(key, value)| (key, value)))
            }
        })
    }
}

fn frames(items: &[Reply]) -> Result<Vec<Frame>, Problem> {
    items.iter().map(Reply::frame).collect()
}

/// Rejects line breaks, which would become spaces.
fn one_line(text: &str) -> Result<String, Problem> {
    if text.contains(['\r', '\n']) {
        return Err(invalid("a `simple` or `error` reply has no line breaks"));
    }
    Ok(text.to_owned())
}

fn invalid(text: &str) -> Problem {
    Problem::new(Code::InvalidRequest, text)
}
