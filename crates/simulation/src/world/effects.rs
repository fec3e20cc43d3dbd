//! Faults that have come to pass: what was touched on its way has reached somebody whom it could harm.
//!
//! A fault counts by what it did, whichever plan began it: a lost frame is a hole or a silence by what comes after it, and
//! one who was away while deliveries left the board comes back under the floor.

use super::World;
use crate::fault::Fault;
use crate::touch::Touch;
use gwanje_model::{CenterId, Epoch, Rev};

impl World {
    /// Whether the client holds a connection, and would hear what is said on it.
    pub(super) fn is_held(&self, id: u64) -> bool {
        self.conns
            .get(&id)
            .is_some_and(|conn| conn.client_open && !conn.forgotten && self.is_life(conn.seat, conn.life))
    }

    /// A seat takes in what was touched; on which connection, if it came by one. `taken` counts the texts that were taken
    /// in on it.
    pub(super) fn suffer(&mut self, index: usize, taken: u64, touches: &[Touch]) {
        for touch in touches {
            let fault = match touch {
                Touch::By(fault) => Some(*fault),
                Touch::Late(sent) => (taken > *sent).then_some(Fault::Reorder),
                Touch::OldEpoch(center, epoch) => {
                    let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
                    let cursor = app.and_then(|app| app.cursors.get(center));
                    cursor.is_some_and(|cursor| cursor.epoch > *epoch).then_some(Fault::NewEpoch)
                }
                Touch::Snapshot(center, rev) => {
                    let moved = self.hub.board(center).is_some_and(|board| board.rev > *rev);
                    moved.then_some(Fault::ChangeDuringSnapshot)
                }
            };
            if let Some(fault) = fault {
                self.inject(fault);
            }
        }
    }

    /// A flood has run out. All its changes must have been made, and somebody have followed it to the end.
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
