//! Options of commands on bitmaps.

use swarm_resp::{ArgSink, ToArg, ToArgs};

use crate::command::CommandOptions;
use crate::error::{Error, Result};

/// Unit of the range of BITCOUNT and BITPOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BitUnit {
    /// Bytes.
    #[default]
    Bytes,
    /// Bits (`BIT`). Redis 7.0 and later.
    Bits,
}

impl ToArgs for BitUnit {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self {
            // The default, which servers before Redis 7.0 have no word for.
            Self::Bytes => {}
            Self::Bits => sink.arg(b"BIT"),
        }
    }
}

/// Operation of BITOP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BitOp {
    /// Bits that are set in every value.
    And,
    /// Bits that are set in any value.
    Or,
    /// Bits that are set in an odd number of values.
    Xor,
    /// Inverts the bits of a single value.
    Not,
}

impl ToArgs for BitOp {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::And => b"AND",
            Self::Or => b"OR",
            Self::Xor => b"XOR",
            Self::Not => b"NOT",
        });
    }
}

/// Type of an integer within a bitmap: its width and whether it has a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BitType {
    sign: char,
    bits: u8,
}

impl BitType {
    /// An integer without a sign, of 1 to 63 bits.
    pub const fn unsigned(bits: u8) -> Self {
        Self { sign: 'u', bits }
    }

    /// An integer with a sign, of 1 to 64 bits.
    pub const fn signed(bits: u8) -> Self {
        Self { sign: 'i', bits }
    }

    const fn is_valid(self) -> bool {
        let most = if self.sign == 'u' { 63 } else { 64 };
        1 <= self.bits && self.bits <= most
    }
}

/// Position of an integer within a bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BitOffset {
    /// Starts at this bit.
    Bit(u64),
    /// Element of an array of integers of the same type, counted from 0 (`#`).
    Nth(u64),
}

/// What happens if an integer within a bitmap overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BitOverflow {
    /// Wraps around.
    #[default]
    Wrap,
    /// Keeps the least or the greatest possible value.
    Saturate,
    /// Changes nothing; the result is `None`.
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Get(BitType, BitOffset),
    Set(BitType, BitOffset, i64),
    IncrBy(BitType, BitOffset, i64),
    Overflow(BitOverflow),
}

/// Operations of BITFIELD, which run in order.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{BitField, BitOffset, BitOverflow, BitType};
///
/// // Two counters of 8 bits each, and a flag after them.
/// let counter = BitType::unsigned(8);
/// let fields = BitField::new()
///     .overflow(BitOverflow::Saturate)
///     .incrby(counter, BitOffset::Nth(0), 1)
///     .get(counter, BitOffset::Nth(1))
///     .set(BitType::unsigned(1), BitOffset::Bit(16), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "operations do nothing until they are passed to bitfield"]
pub struct BitField {
    steps: Vec<Step>,
}

impl BitField {
    /// Creates a list without operations. At least one is needed.
    pub const fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// Gets an integer.
    pub fn get(self, kind: BitType, offset: BitOffset) -> Self {
        self.then(Step::Get(kind, offset))
    }

    /// Sets an integer. The result is its previous value.
    pub fn set(self, kind: BitType, offset: BitOffset, value: i64) -> Self {
        self.then(Step::Set(kind, offset, value))
    }

    /// Increments an integer. The result is its new value.
    pub fn incrby(self, kind: BitType, offset: BitOffset, amount: i64) -> Self {
        self.then(Step::IncrBy(kind, offset, amount))
    }

    /// Sets what happens if a later [`set`](Self::set) or [`incrby`](Self::incrby) overflows. It has
    /// no result.
    pub fn overflow(self, overflow: BitOverflow) -> Self {
        self.then(Step::Overflow(overflow))
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// Writes an operation on an integer.
fn integer(
    sink: &mut impl ArgSink,
    name: &str,
    kind: &BitType,
    offset: &BitOffset,
    value: Option<i64>,
) {
    sink.arg(name.as_bytes());
    sink.arg(format!("{}{}", kind.sign, kind.bits).as_bytes());
    match offset {
        BitOffset::Bit(bit) => sink.arg(&bit.to_arg()),
        BitOffset::Nth(at) => sink.arg(format!("#{at}").as_bytes()),
    }
    value.write_args(sink);
}

impl ToArgs for BitField {
    fn write_args(&self, sink: &mut impl ArgSink) {
        for step in &self.steps {
            match step {
                Step::Get(kind, offset) => integer(sink, "GET", kind, offset, None),
                Step::Set(kind, offset, value) => integer(sink, "SET", kind, offset, Some(*value)),
                Step::IncrBy(kind, offset, by) => integer(sink, "INCRBY", kind, offset, Some(*by)),
                Step::Overflow(overflow) => {
                    let word = match overflow {
                        BitOverflow::Wrap => "WRAP",
                        BitOverflow::Saturate => "SAT",
                        BitOverflow::Fail => "FAIL",
                    };
                    ("OVERFLOW", word).write_args(sink);
                }
            }
        }
    }
}

impl CommandOptions for BitField {
    fn validate(&self) -> Result<()> {
        let mut is_empty = true;
        for step in &self.steps {
            match step {
                Step::Get(kind, _) | Step::Set(kind, ..) | Step::IncrBy(kind, ..) => {
                    is_empty = false;
                    if !kind.is_valid() {
                        return Err(Error::argument(
                            "an integer has too few or too many bits; use 1 to 63 without a sign, \
                             or 1 to 64 with one",
                        ));
                    }
                }
                Step::Overflow(_) => {}
            }
        }
        if is_empty {
            return Err(Error::argument("no operations given; add at least one"));
        }
        Ok(())
    }
}

/// Integers that BITFIELD_RO gets from a bitmap.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{BitGets, BitOffset, BitType};
///
/// let gets = BitGets::new().get(BitType::signed(16), BitOffset::Nth(2));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "operations do nothing until they are passed to bitfield_ro"]
pub struct BitGets {
    field: BitField,
}

impl BitGets {
    /// Creates a list without integers. At least one is needed.
    pub const fn new() -> Self {
        Self {
            field: BitField::new(),
        }
    }

    /// Gets an integer.
    pub fn get(self, kind: BitType, offset: BitOffset) -> Self {
        Self {
            field: self.field.get(kind, offset),
        }
    }
}

impl ToArgs for BitGets {
    fn write_args(&self, sink: &mut impl ArgSink) {
        self.field.write_args(sink);
    }
}

impl CommandOptions for BitGets {
    fn validate(&self) -> Result<()> {
        self.field.validate()
    }
}
