//! Removes steps from a schedule that fails, as long as it still fails.

use super::plan::Plan;

/// Most schedules that are played to find a shorter one.
const ATTEMPTS: usize = 400;

/// Returns a schedule for which `fails` holds, with as few steps as can be found soon.
pub(super) fn shorten(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut plan = plan.clone();
    let mut attempts = ATTEMPTS;
    let mut size = plan.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < plan.steps.len() && attempts > 0 {
            attempts -= 1;
            let mut shorter = plan.clone();
            let end = (at + size).min(shorter.steps.len());
            let removed = shorter.steps.drain(at..end);
            let pause = removed.map(|step| step.after).sum();
            if let Some(next) = shorter.steps.get_mut(at) {
                next.after += pause;
            }
            match fails(&shorter) {
                true => plan = shorter,
                false => at += size,
            }
        }
        size /= 2;
    }
    plan
}

#[test]
fn steps_that_do_not_matter_are_removed() {
    let plan = (0..)
        .map(Plan::new)
        .find(|plan| plan.steps.len() > 50)
        .unwrap();
    let wanted = format!("{:?}", plan.steps[31].action);
    let fails = |plan: &Plan| {
        let mut steps = plan.steps.iter();
        steps.any(|step| format!("{:?}", step.action) == wanted)
    };
    let short = shorten(&plan, fails);
    assert_eq!(short.steps.len(), 1);
    assert_eq!(format!("{:?}", short.steps[0].action), wanted);
}
