//! Where arguments of a kind stand in a request.

use swarm_resp::RequestArgs;

use super::{ALL, Options};

/// A rule for where keys or names stand in a command. Position 0 is the command's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Every `step`th argument from `first` to `last`. A negative `last` counts from the end: -1 is
    /// the last argument.
    Range {
        /// First position.
        first: u8,
        /// Last position.
        last: i8,
        /// Distance between positions.
        step: u8,
    },
    /// The argument at this position is a number; that many arguments follow.
    Counted(u8),
    /// The first half of the arguments behind this keyword (`STREAMS`).
    HalfAfter(&'static str),
    /// This many arguments behind this keyword, or all of them.
    After(&'static str, u8),
}

impl Place {
    pub(super) const fn at(position: u8) -> Self {
        #[expect(
            clippy::cast_possible_wrap,
            reason = "positions in the table are small"
        )]
        let last = position as i8;
        Self::Range {
            first: position,
            last,
            step: 1,
        }
    }
}

/// Positions of arguments in one request. Position 0 is the command's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Positions {
    spans: [Span; MAX_PLACES],
}

/// No row of the table has more places.
pub(super) const MAX_PLACES: usize = 4;

/// Every `step`th position from `first` on, before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    first: usize,
    end: usize,
    step: usize,
}

impl Span {
    fn new(first: usize, end: usize, step: usize) -> Self {
        Self {
            first,
            end: end.max(first),
            step: step.max(1),
        }
    }

    const fn len(self) -> usize {
        match self.step {
            0 => 0,
            step => (self.end - self.first).div_ceil(step),
        }
    }

    const fn contains(self, at: usize) -> bool {
        self.first <= at && at < self.end && (at - self.first).is_multiple_of(self.step)
    }
}

impl Positions {
    pub(super) fn of(places: &[Place], options: Options, args: &RequestArgs<'_>) -> Self {
        let mut spans = [Span::default(); MAX_PLACES];
        if !places.is_empty() {
            let len = args.clone().count();
            for (span, place) in spans.iter_mut().zip(places) {
                *span = resolve(*place, options, args, len).unwrap_or_default();
            }
        }
        Self { spans }
    }

    /// Whether the argument at a position is one of them.
    pub fn contains(&self, at: usize) -> bool {
        self.spans.iter().any(|span| span.contains(at))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.spans.iter().map(|span| span.len()).sum()
    }

    /// The positions, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let steps = |span: Span| (span.first..span.end).step_by(span.step.max(1));
        self.spans.into_iter().flat_map(steps)
    }
}

/// The positions that a rule means in a request of `len` arguments.
fn resolve(place: Place, options: Options, args: &RequestArgs<'_>, len: usize) -> Option<Span> {
    Some(match place {
        Place::Range { first, last, step } => {
            let behind = match usize::try_from(last) {
                Ok(last) => last + 1,
                Err(_) => (len + 1).checked_sub(last.unsigned_abs().into())?,
            };
            Span::new(first.into(), behind.min(len), step.into())
        }
        Place::Counted(at) => {
            let at = usize::from(at);
            let count = std::str::from_utf8(args.clone().nth(at)?).ok()?;
            let count: usize = count.trim().parse().ok()?;
            Span::new(
                at + 1,
                at.saturating_add(1).saturating_add(count).min(len),
                1,
            )
        }
        Place::HalfAfter(keyword) => {
            let first = options.find(args, keyword)? + 1;
            Span::new(first, first + len.saturating_sub(first) / 2, 1)
        }
        Place::After(keyword, count) => {
            let first = options.find(args, keyword)? + 1;
            let end = match count {
                ALL => len,
                count => first + usize::from(count),
            };
            Span::new(first, end.min(len), 1)
        }
    })
}
