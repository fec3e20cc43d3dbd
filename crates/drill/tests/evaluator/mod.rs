//! Judges the three files of a solution by the eight rules of the problem's paper, and by what it says of instructions. Shares no
//! code with what plays the day: it reads the instance and the solution as text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

type Point = (f64, f64);

/// An instance, as the files say it.
pub struct Judge {
    metres_per_minute: f64,
    pickup_service: f64,
    dropoff_service: f64,
    places: HashMap<String, Point>,
    /// order → placement, restaurant, ready
    orders: BTreeMap<String, (f64, String, f64)>,
    /// courier → on, off
    couriers: BTreeMap<String, (f64, f64)>,
}

/// What a feasible solution comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub delivered: BTreeSet<String>,
    /// Minutes from order to door, summed over the delivered orders.
    pub click_to_door: f64,
    pub driven: f64,
    /// The largest bundle.
    pub largest: usize,
}

struct Assignment {
    told: f64,
    pickup: f64,
    courier: String,
    orders: Vec<String>,
}

struct Move {
    departs: f64,
    from: String,
    to: String,
}

fn lines(dir: &Path, name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    text.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

impl Judge {
    pub fn of(day: &Path) -> Self {
        let mut places = HashMap::new();
        let mut orders = BTreeMap::new();
        let mut couriers = BTreeMap::new();
        for row in lines(day, "restaurants.txt") {
            places.insert(row[0].clone(), (number(&row[1]), number(&row[2])));
        }
        for row in lines(day, "orders.txt") {
            places.insert(row[0].clone(), (number(&row[1]), number(&row[2])));
            orders.insert(row[0].clone(), (number(&row[3]), row[4].clone(), number(&row[5])));
        }
        for row in lines(day, "couriers.txt") {
            places.insert(row[0].clone(), (number(&row[1]), number(&row[2])));
            couriers.insert(row[0].clone(), (number(&row[3]), number(&row[4])));
        }
        let [metres_per_minute, pickup_service, dropoff_service] = {
            let row = &lines(day, "instance_parameters.txt")[0];
            [number(&row[0]), number(&row[1]), number(&row[2])]
        };
        Self { metres_per_minute, pickup_service, dropoff_service, places, orders, couriers }
    }

    fn minutes(&self, from: &str, to: &str) -> f64 {
        let ((x, y), (x2, y2)) = (self.places[from], self.places[to]);
        (((x2 - x).powi(2) + (y2 - y).powi(2)).sqrt() / self.metres_per_minute).ceil()
    }

    /// No rule can beat it: the sum over all orders, with riders ready at every shop.
    pub fn bound(&self) -> f64 {
        let best = |(id, (placed, shop, ready)): (&String, &(f64, String, f64))| {
            ready - placed + self.pickup_service / 2.0 + self.minutes(shop, id) + self.dropoff_service / 2.0
        };
        self.orders.iter().map(best).sum()
    }

    /// What the solution comes to; or the rules that it breaks.
    pub fn judge(&self, solution: &Path) -> Result<Verdict, Vec<String>> {
        let mut broken = Vec::new();
        let assignments: Vec<Assignment> = lines(solution, "solution_info_assignments.txt")
            .into_iter()
            .map(|row| Assignment {
                told: number(&row[0]),
                pickup: number(&row[1]),
                courier: row[2].clone(),
                orders: row[3..].to_vec(),
            })
            .collect();
        // order → pickup, drop-off, courier
        let mut carried: BTreeMap<String, (f64, f64, String)> = BTreeMap::new();
        for row in lines(solution, "solution_info_orders.txt") {
            let (placed, _, ready) = &self.orders[&row[0]];
            if (number(&row[1]), number(&row[2])) != (*placed, *ready) {
                broken.push(format!("{}: its times are not the instance's", row[0]));
            }
            let before = carried.insert(row[0].clone(), (number(&row[3]), number(&row[4]), row[5].clone()));
            if before.is_some() {
                broken.push(format!("{}: listed twice", row[0]));
            }
        }
        let mut moves: BTreeMap<String, Vec<Move>> = BTreeMap::new();
        for row in lines(solution, "solution_info_couriers.txt") {
            let from = if row[2] == "0" { row[0].clone() } else { row[2].clone() };
            let step = Move { departs: number(&row[1]), from, to: row[3].clone() };
            moves.entry(row[0].clone()).or_default().push(step);
        }
        self.assigned_once_and_placed(&assignments, &carried, &mut broken);
        self.picked_up_in_time(&assignments, &mut broken);
        self.moved_without_gaps(&moves, &mut broken);
        self.were_there(&assignments, &carried, &moves, &mut broken);
        self.told_one_thing_at_a_time(&assignments, &carried, &moves, &mut broken);
        if !broken.is_empty() {
            return Err(broken);
        }
        let click_to_door = carried.iter().map(|(id, (_, door, _))| door - self.orders[id].0).sum();
        let driven = moves.values().flatten().map(|step| self.minutes(&step.from, &step.to)).sum();
        let largest = assignments.iter().map(|assignment| assignment.orders.len()).max().unwrap_or(0);
        Ok(Verdict { delivered: carried.into_keys().collect(), click_to_door, driven, largest })
    }

    /// Rules 1, 2 and 5: each order at most once; not before it is placed; doors in the order of the assignment.
    fn assigned_once_and_placed(
        &self,
        assignments: &[Assignment],
        carried: &BTreeMap<String, (f64, f64, String)>,
        broken: &mut Vec<String>,
    ) {
        let mut seen = BTreeSet::new();
        for assignment in assignments {
            if assignment.orders.is_empty() {
                broken.push("an assignment of nothing".to_owned());
            }
            let mut door_before = f64::NEG_INFINITY;
            for id in &assignment.orders {
                if !seen.insert(id.clone()) {
                    broken.push(format!("1: {id} is assigned twice"));
                }
                if assignment.told < self.orders[id].0 {
                    broken.push(format!("2: {id} is assigned before it is placed"));
                }
                let Some((pickup, door, courier)) = carried.get(id) else {
                    broken.push(format!("{id} is assigned and not carried"));
                    continue;
                };
                if *pickup != assignment.pickup || *courier != assignment.courier {
                    broken.push(format!("{id}: the files differ in its pickup or courier"));
                }
                if *door < door_before + self.dropoff_service {
                    broken.push(format!("5: {id} is handed over out of turn"));
                }
                door_before = *door;
            }
        }
        for id in carried.keys().filter(|id| !seen.contains(*id)) {
            broken.push(format!("{id} is carried and not assigned"));
        }
    }

    /// Rules 3 and 4: picked up before the courier's end, and not before all is ready; from one shop.
    fn picked_up_in_time(&self, assignments: &[Assignment], broken: &mut Vec<String>) {
        for assignment in assignments {
            if assignment.pickup > self.couriers[&assignment.courier].1 {
                broken.push(format!("3: {} picks up after the end", assignment.courier));
            }
            for id in &assignment.orders {
                if self.orders[id].2 > assignment.pickup {
                    broken.push(format!("4: {id} is picked up before it is ready"));
                }
                if self.orders[id].1 != self.orders[&assignment.orders[0]].1 {
                    broken.push(format!("{id} is of another shop than the rest of its bundle"));
                }
            }
        }
    }

    /// Rule 6: each way begins where and after the one before ended, and not before the courier is on.
    fn moved_without_gaps(&self, moves: &BTreeMap<String, Vec<Move>>, broken: &mut Vec<String>) {
        for (courier, steps) in moves {
            let (mut here, mut time) = (courier.clone(), self.couriers[courier].0);
            for step in steps {
                if step.from != here {
                    broken.push(format!("6: {courier} leaves {} and was at {here}", step.from));
                }
                if step.departs < time {
                    broken.push(format!("6: {courier} leaves {} before being there", step.from));
                }
                time = step.departs + self.minutes(&step.from, &step.to);
                here.clone_from(&step.to);
            }
        }
    }

    /// Rules 7 and 8: at the shop when picking up, at the door when handing over, half a service after coming and half a
    /// service before leaving.
    fn were_there(
        &self,
        assignments: &[Assignment],
        carried: &BTreeMap<String, (f64, f64, String)>,
        moves: &BTreeMap<String, Vec<Move>>,
        broken: &mut Vec<String>,
    ) {
        let is_there = |courier: &str, place: &str, time: f64, service: f64| {
            let steps = moves.get(courier).map_or(&[][..], Vec::as_slice);
            steps.iter().enumerate().any(|(nth, step)| {
                let comes = step.departs + self.minutes(&step.from, &step.to);
                let leaves = steps.get(nth + 1).map_or(f64::INFINITY, |next| next.departs);
                step.to == place && comes + service / 2.0 <= time && time + service / 2.0 <= leaves
            })
        };
        for assignment in assignments {
            let shop = &self.orders[&assignment.orders[0]].1;
            if !is_there(&assignment.courier, shop, assignment.pickup, self.pickup_service) {
                broken.push(format!("7: {} is not at {shop} at {}", assignment.courier, assignment.pickup));
            }
        }
        for (id, (_, door, courier)) in carried {
            if !is_there(courier, id, *door, self.dropoff_service) {
                broken.push(format!("8: {courier} is not at the door of {id} at {door}"));
            }
        }
    }

    /// An instruction only when the one before is done; every way is one of an instruction's, and none begins before it.
    fn told_one_thing_at_a_time(
        &self,
        assignments: &[Assignment],
        carried: &BTreeMap<String, (f64, f64, String)>,
        moves: &BTreeMap<String, Vec<Move>>,
        broken: &mut Vec<String>,
    ) {
        let mut by_courier: BTreeMap<&str, Vec<&Assignment>> = BTreeMap::new();
        for assignment in assignments {
            by_courier.entry(&assignment.courier).or_default().push(assignment);
        }
        for (courier, told) in &mut by_courier {
            told.sort_by(|a, b| a.told.total_cmp(&b.told));
            let mut free = self.couriers[*courier].0;
            let mut steps = moves.get(*courier).into_iter().flatten();
            for assignment in told.iter() {
                if assignment.told < free {
                    broken.push(format!("{courier} is told something at {} before {free}", assignment.told));
                }
                let mut expected = vec![&self.orders[&assignment.orders[0]].1];
                expected.extend(&assignment.orders);
                for place in expected {
                    match steps.next() {
                        Some(step) if step.to == *place && step.departs >= assignment.told => {}
                        Some(step) => {
                            broken.push(format!("{courier} goes to {} and not to {place}", step.to))
                        }
                        None => broken.push(format!("{courier} does not go to {place}")),
                    }
                }
                let last = assignment.orders.last().and_then(|id| carried.get(id));
                free = last.map_or(free, |(_, door, _)| door + self.dropoff_service / 2.0);
            }
            if steps.next().is_some() {
                broken.push(format!("{courier} goes where nobody sent them"));
            }
        }
        for courier in moves.keys().filter(|courier| !by_courier.contains_key(courier.as_str())) {
            broken.push(format!("{courier} goes where nobody sent them"));
        }
    }
}
