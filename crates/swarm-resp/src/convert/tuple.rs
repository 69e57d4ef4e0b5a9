//! Tuples, and lists of them out of nested lists, flat lists and maps.

use super::{ConvertError, FromFrame};
use crate::frame::FrameRef;

/// What a list of tuples is made of.
pub(super) const LIST: &str = "a list of tuples";

/// Whether every value is a list of so many: then each is a tuple, and the list is not a flat one.
fn is_nested(frame: FrameRef<'_>, arity: usize) -> bool {
    let mut items = frame.items().into_iter().flatten();
    items.all(|item| item.items().is_some_and(|parts| parts.len() == arity))
}

macro_rules! tuples {
    ($arity:literal: $($name:ident)+) => {
        impl<$($name: FromFrame),+> FromFrame for ($($name,)+) {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                let wrong = ConvertError::new(concat!("a list of ", $arity), frame);
                let mut items = frame.items().filter(|items| items.len() == $arity).ok_or(wrong)?;
                Ok(($($name::from_frame(items.next().ok_or(wrong)?)?,)+))
            }

            fn list_from_frame(frame: FrameRef<'_>) -> Result<Vec<Self>, ConvertError> {
                let wrong = ConvertError::new(LIST, frame);
                let mut items = frame.items().ok_or(wrong)?;
                if frame.pairs().is_none() && is_nested(frame, $arity) {
                    return items.map(Self::from_frame).collect();
                }
                if !items.len().is_multiple_of($arity) {
                    return Err(wrong);
                }
                let mut list = Vec::with_capacity(items.len() / $arity);
                while items.len() > 0 {
                    list.push(($($name::from_frame(items.next().ok_or(wrong)?)?,)+));
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
