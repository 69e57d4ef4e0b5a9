//! Why a struct is not a hash, or a hash not a struct.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::{de, ser};

/// Why a value cannot be stored as a hash, or why a hash is not a struct of the requested type.
///
/// Names the field of the struct, but contains no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructError {
    field: Option<&'static str>,
    what: Cow<'static, str>,
}

impl StructError {
    pub(super) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: None,
            what: what.into(),
        }
    }

    /// Adds the name of the field.
    pub(super) fn of_field(mut self, field: &'static str) -> Self {
        self.field.get_or_insert(field);
        self
    }

    /// Returns the name of the field, if the error concerns one.
    pub const fn field(&self) -> Option<&str> {
        self.field
    }
}

impl Display for StructError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field {
            write!(f, "field `{field}`: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for StructError {}

impl ser::Error for StructError {
    /// Hides the text, which may quote the value.
    fn custom<T: Display>(_: T) -> Self {
        Self::new("its Serialize returned an error; check the value")
    }
}

impl de::Error for StructError {
    /// Hides the text, which may quote the value.
    fn custom<T: Display>(_: T) -> Self {
        Self::new("the value has another type than the field")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("the hash does not have it").of_field(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("the hash has it twice").of_field(field)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::new("the hash has a field that the struct does not have")
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::new("the value is not the name of a variant")
    }
}
