//! The law of views: an empty page that applies the patches shows what a fresh query of the same view gives. It holds
//! after every step of any mixture of changes, scrolls, filters, sorts, searches, groups, collapses, holds, admissions,
//! settings, steps of the clock, resets and late acknowledgements.

#[cfg(test)]
#[path = "law/fresh.rs"]
mod fresh;
#[cfg(test)]
#[path = "law/groups.rs"]
mod groups;
#[cfg(test)]
#[path = "law/page.rs"]
mod page;
#[cfg(test)]
#[path = "law/search.rs"]
mod search;
#[cfg(test)]
#[path = "law/steps.rs"]
mod steps;

#[cfg(test)]
mod law {
    use crate::fresh::{Frozen, Known, World, list_of};
    use crate::page::Page;
    use crate::steps::{Step, few_rows, many_rows};
    use gwanje_board::{Board, Place, ViewId, ViewSpec};
    use gwanje_model::{CenterId, DeliveryId, Rev, UtcMillis};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A view as its reader knows it.
    struct Reader {
        id: ViewId,
        spec: ViewSpec,
        page: Page,
        frozen: Option<Frozen>,
        /// The board holds by itself.
        unasked: bool,
    }

    impl Reader {
        fn open(board: &mut Board, world: &World, spec: ViewSpec) -> Self {
            let frozen = spec.hold.then(|| world.freeze(&spec));
            Self { id: board.open(spec.clone()), spec, page: Page::default(), frozen, unasked: false }
        }

        fn change(&mut self, board: &mut Board, world: &World, spec: ViewSpec) {
            if !spec.hold {
                self.frozen = None;
            } else if self.frozen.is_none() || list_of(&spec) != list_of(&self.spec) {
                self.frozen = Some(world.freeze(&spec));
            }
            self.unasked = false;
            board.change(self.id, spec.clone()).unwrap();
            self.spec = spec;
        }

        /// The board held the places by itself, where there are any.
        fn hold(&mut self, world: &World) {
            if self.frozen.is_none() && world.fresh(&self.spec, None)["rest"]["matching"] != 0 {
                self.spec.hold = true;
                self.frozen = Some(world.freeze(&self.spec));
                self.unasked = true;
            }
        }

        fn release(&mut self) {
            if std::mem::take(&mut self.unasked) {
                self.spec.hold = false;
                self.frozen = None;
            }
        }

        /// Takes a patch if there is one. Compares the page with a fresh query unless the page waits to be
        /// acknowledged.
        fn read(&mut self, board: &mut Board, world: &World) {
            if let Some(patch) = board.poll_patch(self.id).unwrap() {
                self.page.apply(patch);
            }
            if self.page.waits() {
                assert_eq!(board.poll_patch(self.id).unwrap(), None, "a third patch on its way");
                return;
            }
            assert_eq!(self.page.seen(), world.fresh(&self.spec, self.frozen.as_ref()), "{:?}", self.spec);
            assert_eq!(board.poll_patch(self.id).unwrap(), None, "a patch although nothing changed");
        }
    }

    fn run(steps: Vec<Step>) {
        let mut board = Board::default();
        let mut world = World::default();
        let mut readers = vec![Reader::open(&mut board, &world, ViewSpec { len: 8, ..ViewSpec::default() })];
        for step in steps {
            let count = readers.len();
            match step {
                Step::Upsert(row) => {
                    world.put(row.id.0, Known::Read(row.clone()));
                    board.upsert(row);
                }
                Step::Unreadable(center, id, rev) => {
                    world.put(id, Known::Unreadable(center.clone(), rev));
                    board.upsert_unreadable(&CenterId::from(center.as_str()), DeliveryId(id), Rev(rev));
                }
                Step::Remove(id) => {
                    world.rows.remove(&id);
                    world.acknowledged.remove(&id);
                    board.remove(DeliveryId(id));
                }
                Step::Replace(center, rows) => {
                    let kept: BTreeSet<_> = rows.iter().map(|row| row.id.0).collect();
                    world.retain(|id, known| known.center() != center || kept.contains(&id));
                    rows.iter().for_each(|row| world.put(row.id.0, Known::Read(row.clone())));
                    let center = CenterId::from(center.as_str());
                    board.replace_center(&center, rows);
                }
                Step::RemoveCenter(center) => {
                    world.retain(|_, known| known.center() != center);
                    world.as_of.remove(&center);
                    board.remove_center(&CenterId::from(center.as_str()));
                }
                Step::Mark(id, mark) => {
                    match mark {
                        Some(mark) => world.marks.insert(id, mark),
                        None => world.marks.remove(&id),
                    };
                    board.set_mark(DeliveryId(id), mark);
                }
                Step::AsOf(center, rev) => {
                    board.set_as_of(&CenterId::from(center.as_str()), Rev(rev));
                    world.as_of.insert(center, rev);
                }
                Step::Advance(at) => {
                    world.day_at = UtcMillis(at);
                    board.advance(UtcMillis(at));
                }
                Step::Acknowledge(id, is_acknowledged) => {
                    if is_acknowledged {
                        world.acknowledged.insert(id);
                    } else {
                        world.acknowledged.remove(&id);
                    }
                    board.set_acknowledged(DeliveryId(id), is_acknowledged);
                }
                Step::AtRiskMin(center, min) => {
                    board.set_at_risk_min(&CenterId::from(center.as_str()), min);
                    world.at_risk_min.insert(center, min);
                }
                Step::Name(center, name) => {
                    board.set_center_name(&CenterId::from(center.as_str()), &name);
                    world.names.insert(center, name);
                }
                Step::Open(spec) if count < 4 => readers.push(Reader::open(&mut board, &world, spec)),
                Step::Close if count > 1 => {
                    let reader = readers.remove(0);
                    board.close(reader.id);
                    assert!(board.poll_patch(reader.id).is_err());
                }
                Step::Open(_) | Step::Close => {}
                Step::Change(which, spec) => readers[which % count].change(&mut board, &world, spec),
                Step::Scroll(which, first, len) => {
                    let reader = &mut readers[which % count];
                    let spec = ViewSpec { first, len, ..reader.spec.clone() };
                    reader.change(&mut board, &world, spec);
                }
                Step::Hold(which, hold) => {
                    let reader = &mut readers[which % count];
                    let spec = ViewSpec { hold, ..reader.spec.clone() };
                    reader.change(&mut board, &world, spec);
                }
                Step::HoldAll => {
                    board.hold_places();
                    for reader in &mut readers {
                        reader.hold(&world);
                    }
                }
                Step::ReleaseAll => {
                    board.release_places();
                    readers.iter_mut().for_each(Reader::release);
                }
                Step::Collapse(which, collapsed) => {
                    let reader = &mut readers[which % count];
                    let spec = ViewSpec { collapsed, ..reader.spec.clone() };
                    reader.change(&mut board, &world, spec);
                }
                Step::Admit(which) => {
                    let reader = &mut readers[which % count];
                    board.admit_act(reader.id).unwrap();
                    if let Some(frozen) = &mut reader.frozen {
                        world.admit(&reader.spec, frozen);
                    }
                }
                Step::Reset(which) => {
                    let reader = &mut readers[which % count];
                    board.reset(reader.id).unwrap();
                    reader.release();
                    reader.page.lose();
                }
                Step::Ack(which) => {
                    let reader = &mut readers[which % count];
                    board.ack(reader.id, reader.page.acknowledge()).unwrap();
                }
            }
            for reader in &mut readers {
                reader.read(&mut board, &world);
            }
        }
        // Compares places at the end only: they follow from the same lists.
        for reader in &readers {
            let places = world.places(&reader.spec, reader.frozen.as_ref());
            for (at, place) in places.iter().enumerate() {
                let at = at as u64;
                assert_eq!(board.at(reader.id, at).as_ref(), Some(place));
                match place {
                    Place::Row(id) => {
                        assert_eq!(board.id_at(reader.id, at), Some(DeliveryId(*id)));
                        assert_eq!(board.place_of(reader.id, DeliveryId(*id)), Some(at));
                    }
                    Place::Head { group } => {
                        assert_eq!(board.id_at(reader.id, at), None);
                        assert_eq!(board.head_place(reader.id, group), Some(at));
                    }
                }
            }
            assert_eq!(board.at(reader.id, places.len() as u64), None);
            let hidden = world.rows.keys().filter(|id| !places.contains(&Place::Row(**id)));
            for &id in hidden.take(50) {
                assert_eq!(board.place_of(reader.id, DeliveryId(id)), None);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]
        #[test]
        fn patches_give_the_fresh_query(steps in prop::collection::vec(few_rows(), 1..120)) {
            run(steps);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// With so many rows, lists are built anew.
        #[test]
        fn patches_give_the_fresh_query_of_a_large_board(steps in prop::collection::vec(many_rows(), 1..24)) {
            run(steps);
        }
    }
}
