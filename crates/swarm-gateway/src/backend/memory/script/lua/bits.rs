//! `bit`: operations on numbers of 32 bits.

use mlua::{Lua, MultiValue, Table};

use super::arguments::number_of;
use super::raised::Raised;

/// Returns the lowest 32 bits of a number, rounded. Numbers beyond 2^51 have other ones.
#[expect(
    clippy::cast_possible_truncation,
    reason = "that is what the library is for"
)]
fn bits(number: f64) -> u32 {
    // With this sum, the last bit of the mantissa is worth 1.
    const UNITS: f64 = 6_755_399_441_055_744.0;
    (number + UNITS).to_bits() as u32
}

/// Results are signed.
fn signed(bits: u32) -> f64 {
    f64::from(bits.cast_signed())
}

type Fold = fn(u32, u32) -> u32;

const FOLDS: [(&str, Fold); 3] = [
    ("band", |a, b| a & b),
    ("bor", |a, b| a | b),
    ("bxor", |a, b| a ^ b),
];

const SHIFTS: [(&str, Fold); 5] = [
    ("lshift", |a, by| a << (by & 31)),
    ("rshift", |a, by| a >> (by & 31)),
    ("arshift", |a, by| {
        (a.cast_signed() >> (by & 31)).cast_unsigned()
    }),
    ("rol", u32::rotate_left),
    ("ror", u32::rotate_right),
];

type Change = fn(u32) -> u32;

const CHANGES: [(&str, Change); 3] = [
    ("bnot", |number| !number),
    ("bswap", u32::swap_bytes),
    ("tobit", |number| number),
];

/// Adds a function of numbers, which receives at least as many as `least`.
fn add(
    lua: &Lua,
    library: &Table,
    name: &'static str,
    least: usize,
    run: impl Fn(&[u32]) -> u32 + 'static,
) -> mlua::Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        let numbers = numbers(lua, &args, least, name);
        let numbers = numbers.map_err(|what| Raised::error(lua, &what))?;
        Ok(signed(run(&numbers)))
    })?;
    library.set(name, function)
}

fn numbers(lua: &Lua, args: &MultiValue, least: usize, name: &str) -> Result<Vec<u32>, String> {
    (0..least.max(args.len()))
        .map(|at| Ok(bits(number_of(lua, args.get(at), at + 1, name)?)))
        .collect()
}

/// Creates the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    for (name, fold) in FOLDS {
        add(lua, &library, name, 1, move |numbers| {
            let rest = numbers.iter().copied();
            rest.reduce(fold).unwrap_or_default()
        })?;
    }
    for (name, shift) in SHIFTS {
        add(lua, &library, name, 2, move |numbers| match numbers {
            [number, by, ..] => shift(*number, by & 31),
            _ => 0,
        })?;
    }
    for (name, change) in CHANGES {
        add(lua, &library, name, 1, move |numbers| {
            numbers.first().map_or(0, |number| change(*number))
        })?;
    }
    let tohex = lua.create_function(|lua, args: MultiValue| {
        let numbers = numbers(lua, &args, 1, "tohex").map_err(|what| Raised::error(lua, &what))?;
        let number = numbers.first().copied().unwrap_or_default();
        let digits = numbers.get(1).map_or(8, |digits| digits.cast_signed());
        let count = usize::try_from(digits.unsigned_abs().min(8)).unwrap_or(8);
        let text = match digits < 0 {
            true => format!("{number:08X}"),
            false => format!("{number:08x}"),
        };
        Ok(text.get(8 - count..).unwrap_or_default().to_owned())
    })?;
    library.set("tohex", tohex)?;
    Ok(library)
}
