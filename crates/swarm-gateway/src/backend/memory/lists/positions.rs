//! LPOS.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, count};
use super::super::number;
use super::super::reject::Reject;
use super::List;

const ZERO_RANK: Reject = Reject::text(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);

/// Options of LPOS.
#[derive(Debug)]
struct Options {
    /// First match to return; negative counts from the end.
    rank: i64,
    /// Maximum number of matches to return; 0 returns all. Without it, the reply is a number.
    count: Option<usize>,
    /// Maximum number of comparisons; 0 is unlimited.
    most: usize,
}

impl Options {
    fn parse(args: &[Bytes]) -> Result<Self, Reject> {
        let mut options = Self {
            rank: 1,
            count: None,
            most: 0,
        };
        let not_negative = |value: &Bytes, text: &'static str| {
            let number = number::at_least(0, value, text)?;
            Ok(usize::try_from(number).unwrap_or(usize::MAX))
        };
        let mut args = args.iter();
        while let Some(option) = args.next() {
            let value = args.next().ok_or(Reject::SYNTAX)?;
            match option.to_ascii_uppercase().as_slice() {
                b"RANK" => match number::integer(value)? {
                    0 => return Err(ZERO_RANK),
                    rank => options.rank = rank,
                },
                b"COUNT" => {
                    options.count = Some(not_negative(value, "ERR COUNT can't be negative")?);
                }
                b"MAXLEN" => options.most = not_negative(value, "ERR MAXLEN can't be negative")?,
                _ => return Err(Reject::SYNTAX),
            }
        }
        Ok(options)
    }

    /// Returns the positions of the matches.
    fn find(&self, list: &List, element: &Bytes) -> Vec<usize> {
        let compared = match self.most {
            0 => usize::MAX,
            most => most,
        };
        // Redis negates the rank, which has no effect on the smallest one: no match is skipped, and
        // no number of matches is enough.
        let is_smallest = self.rank == i64::MIN;
        let skipped = match is_smallest {
            true => 0,
            false => usize::try_from(self.rank.unsigned_abs() - 1).unwrap_or(usize::MAX),
        };
        let wanted = match self.count {
            None => 1,
            Some(_) if is_smallest => usize::MAX,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let matches = |(at, known): (usize, &Bytes)| (known == element).then_some(at);
        let places = list.iter().enumerate();
        if self.rank > 0 {
            let found = places.take(compared).filter_map(matches);
            found.skip(skipped).take(wanted).collect()
        } else {
            let found = places.rev().take(compared).filter_map(matches);
            found.skip(skipped).take(wanted).collect()
        }
    }
}

/// `LPOS key element [RANK rank] [COUNT count] [MAXLEN comparisons]`.
pub(in super::super) fn lpos(call: &mut Call<'_>) -> Reply {
    let options = Options::parse(call.rest(3))?;
    let list = call.list(call.arg(1))?;
    let found = list.map_or_else(Vec::new, |list| options.find(list, call.arg(2)));
    if options.count.is_none() {
        return Ok(found.first().map_or_else(Frame::null, |at| count(*at)));
    }
    let found: Vec<_> = found.into_iter().map(count).collect();
    Ok(Frame::array(&found))
}
