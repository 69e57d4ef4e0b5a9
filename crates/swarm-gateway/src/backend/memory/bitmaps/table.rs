//! Bitmap commands of the command table.

use super::super::table::{Reads, Spec, data};

#[rustfmt::skip]
pub(in super::super) static COMMANDS: &[Spec] = &[
    data("BITCOUNT", -2, super::bitcount).reads(Reads::First),
    data("BITFIELD", -2, super::bitfield),
    data("BITFIELD_RO", -2, super::bitfield_ro).reads(Reads::First),
    data("BITOP", -4, super::bitop),
    data("BITPOS", -3, super::bitpos).reads(Reads::First),
    data("GETBIT", 3, super::getbit).reads(Reads::First),
    data("SETBIT", 4, super::setbit),
];
