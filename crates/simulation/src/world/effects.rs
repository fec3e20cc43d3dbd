//! Faults that have come to pass: something touched on its way has reached somebody whom it could harm.
//!
//! A fault counts by what it did, whichever plan began it. What comes after a lost frame decides between a hole and a
//! silence. A seat that was away while deliveries left the board comes back under the floor.

use super::World;
use crate::fault::Fault;
use crate::tag::Tag;
use gwanje_model::{CenterId, Epoch, Rev};

impl World {
    /// Whether the client holds a connection, and would hear what is said on it.
    pub(super) fn is_held(&self, id: u64) -> bool {
        self.conns
            .get(&id)
            .is_some_and(|conn| conn.client_open && !conn.forgotten && self.is_life(conn.seat, conn.life))
    }

    /// A seat takes in something with tags. If it came by a connection, `taken` texts had been taken in there before.
    pub(super) fn note(&mut self, index: usize, taken: u64, tags: &[Tag]) {
        for tag in tags {
            let fault = match tag {
                Tag::By(fault) => Some(*fault),
                Tag::Late(sent) => (taken > *sent).then_some(Fault::Reorder),
                Tag::OldEpoch(center, epoch) => {
                    let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
                    let cursor = app.and_then(|app| app.cursors.get(center));
                    cursor.is_some_and(|cursor| cursor.epoch > *epoch).then_some(Fault::NewEpoch)
                }
                Tag::Snapshot(center, rev) => {
                    let moved = self.hub.board(center).is_some_and(|board| board.standing().rev > *rev);
                    moved.then_some(Fault::ChangeDuringSnapshot)
                }
                Tag::Tells(..) | Tag::Resync(_) | Tag::Ahead(_) | Tag::Word(_) => {
                    self.heard(index, tag);
                    None
                }
            };
            if let Some(fault) = fault {
                self.inject(fault);
            }
        }
    }

    /// A flood has run out. Counts it if all its changes were made and somebody followed it to the end.
    pub(super) fn flooded(&mut self, center: &CenterId, epoch: &Epoch, to: Rev, followers: &[(usize, u32)]) {
        let followed = followers.iter().any(|&(index, life)| {
            let app =
                self.seats.get(index).filter(|seat| seat.life == life).and_then(|seat| seat.app.as_ref());
            let cursor = app.and_then(|app| app.cursors.get(center));
            cursor.is_some_and(|cursor| cursor.epoch == *epoch && cursor.rev >= to)
        });
        if followed {
            self.inject(Fault::Flood);
        }
    }
}
