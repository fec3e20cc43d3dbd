//! Open views. Once a frame it looks which of them have something new, and which of their pages are stuck.

use crate::message::PatchSink;
use gwanje_board::{Board, ViewError, ViewId, ViewSpec};
use gwanje_sync::Mono;
use std::collections::{BTreeMap, VecDeque};

/// A frame at 60 a second, milliseconds: nobody sees more.
const FRAME_MS: u64 = 16;
/// A page is stuck when it acknowledges nothing for this long while patches wait, milliseconds.
const STALL_MS: u64 = 2_000;

/// All open views.
#[derive(Default)]
pub(crate) struct Views {
    open: BTreeMap<ViewId, Page>,
    /// When it last looked.
    looked: Mono,
    /// Something has changed since then.
    dirty: bool,
}

struct Page {
    sink: PatchSink,
    /// Patches sent and not acknowledged; the board allows two.
    sent: VecDeque<(u64, Mono)>,
    told_stalled: bool,
}

impl Views {
    pub(crate) fn open(&mut self, board: &mut Board, spec: ViewSpec, sink: PatchSink) -> ViewId {
        let view = board.open(spec);
        self.open.insert(view, Page { sink, sent: VecDeque::new(), told_stalled: false });
        self.dirty = true;
        view
    }

    pub(crate) fn change(
        &mut self,
        board: &mut Board,
        view: ViewId,
        spec: ViewSpec,
    ) -> Result<(), ViewError> {
        self.dirty = true;
        board.change(view, spec)
    }

    pub(crate) fn admit_act(&mut self, board: &mut Board, view: ViewId) -> Result<(), ViewError> {
        self.dirty = true;
        board.admit_act(view)
    }

    pub(crate) fn ack(&mut self, board: &mut Board, view: ViewId, seq: u64) -> Result<(), ViewError> {
        self.dirty = true;
        if let Some(page) = self.open.get_mut(&view) {
            page.sent.retain(|(sent, _)| *sent > seq);
            page.told_stalled = false;
        }
        board.ack(view, seq)
    }

    pub(crate) fn reset(&mut self, board: &mut Board, view: ViewId) -> Result<(), ViewError> {
        self.dirty = true;
        if let Some(page) = self.open.get_mut(&view) {
            page.sent.clear();
            page.told_stalled = false;
        }
        board.reset(view)
    }

    pub(crate) fn close(&mut self, board: &mut Board, view: ViewId) {
        self.open.remove(&view);
        board.close(view);
    }

    /// The board changed.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// Open views, and patches that their pages have not acknowledged.
    pub(crate) fn depth(&self) -> (usize, usize) {
        (self.open.len(), self.open.values().map(|page| page.sent.len()).sum())
    }

    /// When to call [`Views::look`].
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let frame = (self.dirty && !self.open.is_empty()).then(|| self.looked.plus_ms(FRAME_MS));
        let stall = self.open.values().filter(|page| !page.told_stalled).filter_map(Page::stalls_at).min();
        [frame, stall].into_iter().flatten().min()
    }

    /// Sends what is new, once a frame has passed. Returns the views whose pages have just got stuck.
    pub(crate) fn look(&mut self, board: &mut Board, now: Mono) -> Vec<ViewId> {
        if self.dirty && now >= self.looked.plus_ms(FRAME_MS) {
            self.dirty = false;
            self.looked = now;
            for (view, page) in &mut self.open {
                match board.poll_patch(*view) {
                    Ok(Some(patch)) => {
                        page.sent.push_back((patch.seq, now));
                        (page.sink)(patch);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(%error, "a view that is open here is not open on the board")
                    }
                }
            }
        }
        let mut stalled = Vec::new();
        for (view, page) in &mut self.open {
            if !page.told_stalled && page.stalls_at().is_some_and(|at| now >= at) {
                page.told_stalled = true;
                stalled.push(*view);
            }
        }
        stalled
    }
}

impl Page {
    fn stalls_at(&self) -> Option<Mono> {
        self.sent.front().map(|(_, at)| at.plus_ms(STALL_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{CenterId, DeliveryId, Rev};
    use std::sync::{Arc, Mutex};

    /// Opens a view that collects the numbers of its patches.
    fn view(views: &mut Views, board: &mut Board) -> (ViewId, Arc<Mutex<Vec<u64>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let spec = ViewSpec { len: 10, ..ViewSpec::default() };
        let id = views.open(board, spec, Arc::new(move |patch| sink.lock().unwrap().push(patch.seq)));
        (id, seen)
    }

    fn change(views: &mut Views, board: &mut Board, rev: u64) {
        board.upsert_unreadable(&CenterId::from("gangnam"), DeliveryId(1), Rev(rev));
        views.touch();
    }

    #[test]
    fn one_patch_a_frame_two_unacknowledged_and_a_stuck_page_is_told_once() {
        let (mut views, mut board) = (Views::default(), Board::default());
        let (id, seen) = view(&mut views, &mut board);
        let count = || seen.lock().unwrap().len();
        assert!(views.look(&mut board, Mono(100)).is_empty());
        assert_eq!(count(), 1);
        change(&mut views, &mut board, 1);
        views.look(&mut board, Mono(100 + FRAME_MS - 1));
        assert_eq!(count(), 1, "the frame has not passed");
        assert_eq!(views.deadline(), Some(Mono(100 + FRAME_MS)));
        views.look(&mut board, Mono(100 + FRAME_MS));
        assert_eq!(count(), 2);
        change(&mut views, &mut board, 2);
        views.look(&mut board, Mono(200));
        assert_eq!(count(), 2, "two are unacknowledged");
        assert_eq!(views.deadline(), Some(Mono(100 + STALL_MS)));
        assert_eq!(views.look(&mut board, Mono(100 + STALL_MS)), [id]);
        assert_eq!(views.look(&mut board, Mono(100 + 2 * STALL_MS)), []);
        assert_eq!(views.deadline(), None);
        let latest = *seen.lock().unwrap().last().unwrap();
        views.ack(&mut board, id, latest).unwrap();
        views.look(&mut board, Mono(100 + 3 * STALL_MS));
        assert_eq!(count(), 3, "what happened meanwhile came in one");
        views.close(&mut board, id);
        assert_eq!(views.deadline(), None);
        assert!(views.ack(&mut board, id, 1).is_err());
    }
}
