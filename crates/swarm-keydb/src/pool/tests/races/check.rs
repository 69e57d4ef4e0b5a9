//! What must hold after a schedule: what ran, how often, and in which order.

use std::collections::HashMap;

use super::{OrderKeys, Simulation};

impl Simulation {
    pub(super) fn check(&self) {
        let mut place = HashMap::new();
        for (at, number) in self.ran.iter().enumerate() {
            assert_eq!(place.insert(*number, at), None, "{number} ran twice");
        }
        for number in 0..self.jobs.len() {
            let left = self.withdrawn.contains(&number);
            assert!(
                place.contains_key(&number) || left,
                "{number} was forgotten"
            );
        }
        for (later, (_, keys, reads)) in self.jobs.iter().enumerate() {
            let Some(ran_later) = place.get(&later) else {
                continue;
            };
            for (earlier, (_, other, also_reads)) in self.jobs.iter().enumerate().take(later) {
                let in_order = match self.timed_out.contains(&earlier) {
                    // Nobody has the value of a read, and a late write holds back no fence.
                    true => !*also_reads && have_common_name(keys, other),
                    false => !(*reads && *also_reads) && have_common(keys, other),
                };
                if let Some(ran_earlier) = place.get(&earlier)
                    && in_order
                {
                    assert!(ran_earlier < ran_later, "{later} overtook {earlier}");
                }
            }
        }
    }
}

pub(super) fn have_common(one: &OrderKeys, other: &OrderKeys) -> bool {
    one.is_fence() || other.is_fence() || have_common_name(one, other)
}

fn have_common_name(one: &OrderKeys, other: &OrderKeys) -> bool {
    one.names().iter().any(|name| other.names().contains(name))
}
