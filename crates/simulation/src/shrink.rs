//! Makes a failing plan small: removes whole stretches of it first, then single steps, then seats, centers and pauses.

use crate::plan::Plan;
use crate::run::run;

/// The most runs that shrinking may take.
const RUNS_MAX: u32 = 400;

/// The smallest plan found that still breaks the same invariant.
#[must_use]
pub fn shrink(plan: &Plan, letter: char) -> Plan {
    let mut shrinking = Shrinking { best: plan.clone(), letter, runs: 0 };
    let mut chunk = shrinking.best.steps.len().div_ceil(2);
    while chunk > 0 {
        shrinking.drop_chunks(chunk);
        chunk /= 2;
    }
    shrinking.simplify();
    shrinking.drop_chunks(1);
    shrinking.best
}

struct Shrinking {
    best: Plan,
    letter: char,
    runs: u32,
}

impl Shrinking {
    /// Takes the plan if it still fails in the same way.
    fn takes(&mut self, plan: Plan) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        let fails = run(&plan).violations.iter().any(|violation| violation.letter == self.letter);
        if fails {
            self.best = plan;
        }
        fails
    }

    fn drop_chunks(&mut self, chunk: usize) {
        let mut at = 0;
        while at < self.best.steps.len() {
            let mut plan = self.best.clone();
            let end = (at + chunk).min(plan.steps.len());
            let pause: u64 = plan.steps.drain(at..end).map(|step| step.after_ms).sum();
            let quick = plan.clone();
            // Later steps keep their moments, unless the plan also fails without this.
            if let Some(next) = plan.steps.get_mut(at) {
                next.after_ms += pause;
            }
            if !self.takes(quick) && !self.takes(plan) {
                at += chunk;
            }
        }
    }

    fn simplify(&mut self) {
        while self.best.desks.len() > 1 {
            let mut plan = self.best.clone();
            plan.desks.pop();
            if !self.takes(plan) {
                break;
            }
        }
        for set in [
            |plan: &mut Plan| plan.centers = 1,
            |plan: &mut Plan| plan.nodes = 1,
            |plan: &mut Plan| plan.orders = 3,
        ] {
            let mut plan = self.best.clone();
            set(&mut plan);
            self.takes(plan);
        }
        for at in 0..self.best.steps.len() {
            let mut plan = self.best.clone();
            if let Some(step) = plan.steps.get_mut(at)
                && step.after_ms > 20
            {
                step.after_ms /= 4;
                self.takes(plan);
            }
        }
    }
}
