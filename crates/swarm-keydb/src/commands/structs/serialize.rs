//! Serializes the fields of a struct, each to one value of a hash.

use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};
use swarm_resp::ToArg;

use super::error::StructError;

type Result<T> = std::result::Result<T, StructError>;

const NOT_A_STRUCT: &str =
    "value is not a struct with named fields; pass one, or store pairs with hset";

const NESTED: &str = "it is a list, a map, a struct or an enum with data, which a field of a hash \
                      cannot hold; convert it to text, for example to JSON";

/// Fields of a struct.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) present: Vec<(&'static str, Vec<u8>)>,
    /// Those that are `None`.
    pub(super) absent: Vec<&'static str>,
}

impl Fields {
    pub(super) fn of(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        value.serialize(Whole)
    }
}

/// Implements the methods of a serializer that refuse a value.
macro_rules! refuse {
    ($text:expr; $($method:ident($($ty:ty),*);)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<Self::Ok> {
            Err(StructError::new($text))
        }
    )*};
}

/// Implements the methods of a serializer that refuse a value with parts.
macro_rules! refuse_parts {
    ($text:expr; $($method:ident -> $part:ident ($($ty:ty),*);)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<Self::$part> {
            Err(StructError::new($text))
        }
    )*};
}

/// Accepts a struct.
struct Whole;

impl Serializer for Whole {
    type Ok = Fields;
    type Error = StructError;
    type SerializeSeq = Impossible<Fields, StructError>;
    type SerializeTuple = Impossible<Fields, StructError>;
    type SerializeTupleStruct = Impossible<Fields, StructError>;
    type SerializeTupleVariant = Impossible<Fields, StructError>;
    type SerializeMap = Impossible<Fields, StructError>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<Fields, StructError>;

    refuse! { NOT_A_STRUCT;
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    refuse_parts! { NOT_A_STRUCT;
        serialize_seq -> SerializeSeq(Option<usize>);
        serialize_tuple -> SerializeTuple(usize);
        serialize_tuple_struct -> SerializeTupleStruct(&'static str, usize);
        serialize_tuple_variant -> SerializeTupleVariant(&'static str, u32, &'static str, usize);
        serialize_map -> SerializeMap(Option<usize>);
        serialize_struct_variant -> SerializeStructVariant(&'static str, u32, &'static str, usize);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Fields> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Fields> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Fields> {
        Err(StructError::new(NOT_A_STRUCT))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields> {
        Ok(Fields::default())
    }
}

impl SerializeStruct for Fields {
    type Ok = Self;
    type Error = StructError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        match value
            .serialize(Value)
            .map_err(|error| error.of_field(name))?
        {
            Some(value) => self.present.push((name, value)),
            None => self.absent.push(name),
        }
        Ok(())
    }

    fn end(self) -> Result<Self> {
        Ok(self)
    }
}

/// Accepts the value of a field.
struct Value;

/// Implements the methods of a serializer for values that are one argument.
macro_rules! arguments {
    ($($method:ident($ty:ty);)*) => {$(
        fn $method(self, value: $ty) -> Result<Option<Vec<u8>>> {
            Ok(Some(value.to_arg().to_vec()))
        }
    )*};
}

impl Serializer for Value {
    /// `None` if the field is absent.
    type Ok = Option<Vec<u8>>;
    type Error = StructError;
    type SerializeSeq = Impossible<Self::Ok, StructError>;
    type SerializeTuple = Impossible<Self::Ok, StructError>;
    type SerializeTupleStruct = Impossible<Self::Ok, StructError>;
    type SerializeTupleVariant = Impossible<Self::Ok, StructError>;
    type SerializeMap = Impossible<Self::Ok, StructError>;
    type SerializeStruct = Impossible<Self::Ok, StructError>;
    type SerializeStructVariant = Impossible<Self::Ok, StructError>;

    arguments! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    fn serialize_u8(self, value: u8) -> Result<Option<Vec<u8>>> {
        self.serialize_u16(value.into())
    }

    fn serialize_none(self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Vec<u8>>> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Option<Vec<u8>>> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Option<Vec<u8>>> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Option<Vec<u8>>> {
        Err(StructError::new(NESTED))
    }

    refuse! { NESTED;
        serialize_unit();
        serialize_unit_struct(&'static str);
    }

    refuse_parts! { NESTED;
        serialize_seq -> SerializeSeq(Option<usize>);
        serialize_tuple -> SerializeTuple(usize);
        serialize_tuple_struct -> SerializeTupleStruct(&'static str, usize);
        serialize_tuple_variant -> SerializeTupleVariant(&'static str, u32, &'static str, usize);
        serialize_map -> SerializeMap(Option<usize>);
        serialize_struct -> SerializeStruct(&'static str, usize);
        serialize_struct_variant -> SerializeStructVariant(&'static str, u32, &'static str, usize);
    }
}
