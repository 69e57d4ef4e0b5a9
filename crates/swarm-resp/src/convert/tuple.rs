//! Conversion to tuples, and to lists of tuples from nested lists, flat lists and maps.

use super::{ConvertError, FromFrame};
use crate::frame::FrameRef;

/// The expected type of a list of tuples.
pub(super) const LIST: &str = "a list of tuples";

/// Returns whether every value is a list of `arity` values, so that each is a tuple.
fn is_nested(frame: FrameRef<'_>, arity: usize) -> bool {
    let mut items = frame.items().into_iter().flatten();
    items.all(|item| item.items().is_some_and(|parts| parts.len() == arity))
}

macro_rules! tuples {
    ($arity:literal: $($name:ident)+) => {
        impl<$($name: FromFrame),+> FromFrame for ($($name,)+) {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                let wrong = || ConvertError::new(concat!("a list of ", $arity), frame);
                let items = frame.items().filter(|items| items.len() == $arity);
                let mut items = items.ok_or_else(wrong)?.enumerate();
                Ok(($({
                    let (at, item) = items.next().ok_or_else(wrong)?;
                    $name::from_frame(item).map_err(|error| error.at(at))?
                },)+))
            }

            fn list_from_frame(frame: FrameRef<'_>) -> Result<Vec<Self>, ConvertError> {
                let wrong = || ConvertError::new(LIST, frame);
                let items = frame.items().ok_or_else(wrong)?;
                if frame.pairs().is_none() && is_nested(frame, $arity) {
                    let read = |(at, item)| Self::from_frame(item).map_err(|error| error.at(at));
                    return items.enumerate().map(read).collect();
                }
                if !items.len().is_multiple_of($arity) {
                    return Err(wrong());
                }
                let mut list = Vec::with_capacity(items.len() / $arity);
                let mut items = items.enumerate();
                while items.len() > 0 {
                    list.push(($({
                        let (at, item) = items.next().ok_or_else(wrong)?;
                        $name::from_frame(item).map_err(|error| error.at(at))?
                    },)+));
                }
                Ok(list)
            }
        }
    };
}

tuples!(1: A);
tuples!(2: A B);
tuples!(3: A B C);
tuples!(4: A B C D);
tuples!(5: A B C D E);
tuples!(6: A B C D E F);
tuples!(7: A B C D E F G);
tuples!(8: A B C D E F G H);
tuples!(9: A B C D E F G H I);
tuples!(10: A B C D E F G H I J);
tuples!(11: A B C D E F G H I J K);
tuples!(12: A B C D E F G H I J K L);
