//! The three files of a solution, as the set's published evaluator reads them: fields apart by a blank, a header line each.

use super::{Solution, pace_of, point_of};
use crate::mdrp::Instance;
use gwanje_assign::{MINUTE_MS, Point};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// One way of a rider.
pub(super) struct Move<'a> {
    courier: usize,
    departure_min: i64,
    /// An id of a shop or an order; nothing: where the rider began.
    origin: Option<&'a str>,
    destination: &'a str,
    pub(super) minutes: i64,
}

/// Writes `solution_info_assignments.txt`, `solution_info_orders.txt` and `solution_info_couriers.txt` into a folder, which is made
/// when it is missing.
///
/// # Errors
/// When an id holds a blank, which the format can't carry, or when a file can't be written.
pub fn write_solution(dir: &Path, instance: &Instance, solution: &Solution) -> io::Result<()> {
    let ids = instance.orders.iter().map(|order| &order.id);
    let ids = ids.chain(instance.restaurants.iter().map(|shop| &shop.id));
    for id in ids.chain(instance.couriers.iter().map(|courier| &courier.id)) {
        if id.is_empty() || id.contains(char::is_whitespace) {
            let what =
                format!("the id {id:?} is empty or holds a blank, which the solution files can't carry");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
    }
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("solution_info_assignments.txt"), assignments(instance, solution))?;
    std::fs::write(dir.join("solution_info_orders.txt"), orders(instance, solution))?;
    std::fs::write(dir.join("solution_info_couriers.txt"), couriers(instance, solution))
}

fn assignments(instance: &Instance, solution: &Solution) -> String {
    let mut text = "assignment_time pickup_time courier orders\n".to_owned();
    for trip in &solution.trips {
        // A line begins anew with each trip; writing to a text can't fail.
        let _ = write!(text, "{} {} {}", trip.leave_min, trip.pickup_min, courier_id(instance, trip.courier));
        for (order, _) in &trip.stops {
            let _ = write!(text, " {}", instance.orders.get(*order).map_or("", |order| &order.id));
        }
        text.push('\n');
    }
    text
}

fn orders(instance: &Instance, solution: &Solution) -> String {
    let mut stops: Vec<_> = solution
        .trips
        .iter()
        .flat_map(|trip| trip.stops.iter().map(move |(order, dropoff_min)| (*order, trip, *dropoff_min)))
        .collect();
    stops.sort_by_key(|(order, ..)| *order);
    let mut text = "order placement_time ready_time pickup_time dropoff_time courier\n".to_owned();
    for (order, trip, dropoff_min) in stops {
        let Some(order) = instance.orders.get(order) else { continue };
        let _ = writeln!(
            text,
            "{} {} {} {} {} {}",
            order.id,
            order.placed_min,
            order.ready_min,
            trip.pickup_min,
            dropoff_min,
            courier_id(instance, trip.courier)
        );
    }
    text
}

fn couriers(instance: &Instance, solution: &Solution) -> String {
    let mut text = "courier departure_time origin destination\n".to_owned();
    for leg in moves(instance, solution) {
        let courier = courier_id(instance, leg.courier);
        let _ = writeln!(
            text,
            "{courier} {} {} {}",
            leg.departure_min,
            leg.origin.unwrap_or("0"),
            leg.destination
        );
    }
    text
}

fn courier_id(instance: &Instance, courier: usize) -> &str {
    instance.couriers.get(courier).map_or("", |courier| &courier.id)
}

/// The ways of all riders, rider by rider.
pub(super) fn moves<'a>(instance: &'a Instance, solution: &Solution) -> impl Iterator<Item = Move<'a>> {
    let pace = pace_of(instance);
    let mut trips: Vec<_> = solution.trips.iter().collect();
    trips.sort_by_key(|trip| (trip.courier, trip.leave_min));
    let mut moves: Vec<Move<'a>> = Vec::new();
    let mut here: (Option<&str>, Point) = (None, Point::default());
    let mut last = None;
    for trip in trips {
        if last != Some(trip.courier) {
            last = Some(trip.courier);
            here = (None, instance.couriers.get(trip.courier).map_or(Point::default(), |c| point_of(c.pos)));
        }
        let mut departure_min = trip.leave_min;
        let mut go = |to: &'a str, place: Point, leaves_after_min: i64| {
            let minutes = pace.travel_ms(here.1, place) / MINUTE_MS;
            moves.push(Move {
                courier: trip.courier,
                departure_min,
                origin: here.0,
                destination: to,
                minutes,
            });
            here = (Some(to), place);
            departure_min = leaves_after_min;
        };
        let orders = || trip.stops.iter().filter_map(|(ix, at)| Some((instance.orders.get(*ix)?, *at)));
        let Some((first, _)) = orders().next() else { continue };
        let Some(shop) = instance.restaurants.get(first.restaurant) else { continue };
        go(&shop.id, point_of(shop.pos), trip.pickup_min + pace.after_pickup_ms / MINUTE_MS);
        for (order, dropoff_min) in orders() {
            go(&order.id, point_of(order.pos), dropoff_min + pace.after_dropoff_ms / MINUTE_MS);
        }
    }
    moves.into_iter()
}
