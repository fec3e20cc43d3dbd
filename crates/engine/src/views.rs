//! Open views: one look a frame at which of them has something new, and at which of their pages is stuck.

use crate::handle::PatchSink;
use gwanje_board::{Board, ViewError, ViewId, ViewSpec};
use gwanje_sync::Mono;
use std::collections::{BTreeMap, VecDeque};

/// A frame at 60 a second, milliseconds: nobody sees more often.
const FRAME_MS: u64 = 16;
/// A page that acknowledges nothing for this long while patches wait is stuck, milliseconds.
const STALL_MS: u64 = 2_000;

/// All open views.
#[derive(Default)]
pub(crate) struct Views {
    open: BTreeMap<ViewId, Page>,
    /// The last look.
    looked: Mono,
    /// Something changed since.
    dirty: bool,
}

struct Page {
    sink: PatchSink,
    /// Sent and not acknowledged; the board allows two.
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

    /// When to call [`Views::look`].
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let frame = (self.dirty && !self.open.is_empty()).then(|| self.looked.plus_ms(FRAME_MS));
        let stall = self.open.values().filter(|page| !page.told_stalled).filter_map(Page::stalls_at).min();
        [frame, stall].into_iter().flatten().min()
    }

    /// Sends what is new, when a frame has passed; the answer is the views whose pages have just been found stuck.
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
