//! Betters the plans: takes a few neighbouring meals out and puts them back where they cost least; what costs more is undone.

use super::{Horizon, MealId, Planned, Whereabouts};
use crate::ground::MINUTE_MS;

/// At most as many attempts a step.
const ATTEMPTS: usize = 100;

/// Attempts for one that is in nobody's plan, and for how many of them a step.
const LEFT_OUT_ATTEMPTS: usize = 12;
const LEFT_OUT_MOST: usize = 4;

/// A meal in nobody's plan costs more than any wait, in minutes.
const LEFT_OUT_MIN: i64 = 600;

/// What an attempt changed, to undo it.
#[derive(Debug, Default)]
struct Before {
    riders: Vec<(usize, Planned)>,
    meals: Vec<(MealId, Whereabouts)>,
}

impl Horizon {
    pub(super) fn improve(&mut self) {
        if self.waiting.len() < 2 {
            return;
        }
        // What nobody can have as things are: others make room for it, if they can.
        let open = |id: &&MealId| self.whereabouts_of(**id) == Whereabouts::Open;
        let mut left_out: Vec<MealId> = self.waiting.iter().filter(open).copied().collect();
        left_out.sort_by_key(|id| self.meals.get(id.index()).is_none_or(|meal| !meal.first));
        left_out.truncate(LEFT_OUT_MOST);
        for seed in left_out {
            for _ in 0..LEFT_OUT_ATTEMPTS {
                self.attempt(seed);
                if self.whereabouts_of(seed) != Whereabouts::Open {
                    break;
                }
            }
        }
        for _ in 0..ATTEMPTS.min(self.waiting.len() * 4) {
            let drawn = self.dice.below(self.waiting.len());
            if let Some(seed) = self.waiting.get(drawn).copied() {
                self.attempt(seed);
            }
        }
    }

    fn attempt(&mut self, seed: MealId) {
        let mut out = self.related(seed);
        let mut before = Before::default();
        let mut change = 0;
        out.retain(|id| {
            let saved = self.take_out(*id, &mut before);
            change -= saved.unwrap_or_default();
            saved.is_some()
        });
        // Another order of putting back is what finds another plan.
        let turn = self.dice.below(out.len());
        out.rotate_left(turn);
        for id in &out {
            match self.cheapest(*id) {
                Some(found) => {
                    self.keep(found.rider, &mut before);
                    change += found.added;
                    self.take(*id, found);
                }
                None => change += self.left_out(*id),
            }
        }
        if change > 0 {
            self.undo(before);
        }
    }

    fn left_out(&self, id: MealId) -> i64 {
        let times = if self.meals.get(id.index()).is_some_and(|meal| meal.first) { 10 } else { 1 };
        times * LEFT_OUT_MIN * MINUTE_MS * self.weights.wait
    }

    /// A meal and some of those that are near it in place and time.
    fn related(&mut self, seed: MealId) -> Vec<MealId> {
        let Some(about) = self.meals.get(seed.index()).copied() else { return vec![seed] };
        let mut near: Vec<(i64, MealId)> = self
            .waiting
            .iter()
            .filter(|id| **id != seed)
            .filter_map(|id| self.meals.get(id.index()).map(|meal| (*id, meal)))
            .map(|(id, meal)| {
                let apart =
                    self.pace.travel_ms(about.from, meal.from) + self.pace.travel_ms(about.to, meal.to) / 2;
                (apart + (about.ready_at - meal.ready_at).abs() / 2, id)
            })
            .collect();
        let wanted = 1 + self.dice.below(6);
        let among = (wanted * 2).min(near.len());
        if among > 0 && among < near.len() {
            near.select_nth_unstable(among - 1);
        }
        near.truncate(among);
        near.sort_unstable();
        let mut out = vec![seed];
        while out.len() <= wanted && !near.is_empty() {
            let drawn = self.dice.below(near.len());
            out.push(near.swap_remove(drawn).1);
        }
        out
    }

    /// Takes a meal out of its plan; gives what it had cost. `None`: the plan can't be carried out without it (whole minutes
    /// may make a detour shorter than the straight way).
    fn take_out(&mut self, id: MealId, before: &mut Before) -> Option<i64> {
        let was = self.whereabouts_of(id);
        let Whereabouts::Planned(rider) = was else {
            before.meals.push((id, was));
            return Some(self.left_out(id));
        };
        let (trips, cost) = self.without(self.riders.get(rider)?, id)?;
        self.keep(rider, before);
        before.meals.push((id, was));
        let planned = self.riders.get_mut(rider)?;
        let saved = planned.cost - cost;
        planned.trips = trips;
        planned.cost = cost;
        self.set_whereabouts(id, Whereabouts::Open);
        Some(saved)
    }

    fn keep(&self, rider: usize, before: &mut Before) {
        if before.riders.iter().all(|(kept, _)| *kept != rider)
            && let Some(planned) = self.riders.get(rider)
        {
            before.riders.push((rider, planned.clone()));
        }
    }

    fn undo(&mut self, before: Before) {
        for (rider, planned) in before.riders {
            if let Some(at) = self.riders.get_mut(rider) {
                *at = planned;
            }
        }
        for (meal, whereabouts) in before.meals {
            self.set_whereabouts(meal, whereabouts);
        }
    }
}
