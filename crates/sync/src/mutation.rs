//! Deliberate bugs, to show that the simulation can fail: each turns one rule off, in the core or in the write-behind
//! queue. Only with the feature `faults`, and then only for the thread that asked for it; otherwise every question is
//! answered with a constant `false`.

/// A deliberate bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A frame applies whatever its `from` (rule 2).
    SkipGapCheck,
    /// What a frame says of deliveries that left is not heard.
    ForgetTombstones,
    /// The cache commits the cursor before its rows (rule 8); the write-behind queue does it.
    CursorBeforeRows,
    /// Of two copies of a row that wait to be written the earlier one stays; the write-behind queue does it.
    EarlierRowWins,
    /// What the machine refused is written after what came later; the write-behind queue does it.
    RefusedWriteLast,
    /// A center is read back before its wiping, which the machine refused (rule 14); the write-behind queue does it.
    ReadPastWipe,
    /// Digests are compared although the cursor is not whole (rule 3).
    CompareCutCursor,
    /// An overlay stays over a newer row (rule 9).
    KeepOverlay,
    /// A command is settled by a frame that holds its delivery (rule 11).
    SettleByFrame,
    /// A cancellation raises an alarm only when its row is seen (rule 10).
    AlarmFromRowsOnly,
    /// A snapshot older than the board is taken (rule 1).
    AcceptOlderSnapshot,
    /// A smaller epoch is adopted at once (rule 5).
    SwapEpochsBack,
    /// A head proves the board at the moment of its arrival, however long it was on its way.
    DateByArrival,
    /// A command that is sent again carries another key (rule 11).
    RetryWithoutKey,
    /// An alarm is open again after a restart, acknowledged or not (rule 10).
    ForgetAcknowledged,
    /// 503 counts as the hub's decision on a command.
    DecideBy503,
    /// A silent socket is taken for a quiet one (rule 7).
    IgnoreSilence,
    /// An unequal digest is not repaired (rule 3).
    IgnoreMismatch,
    /// Alarms are told before the commit that holds them (rule 10).
    TellBeforeCommit,
    /// A poll follows on the other without a pause (rule 13).
    PollWithoutPause,
    /// What the hub says of an alarm that was raised here raises it again (rule 10).
    RaiseHubsToo,
    /// A refused question what became of a command counts as the command's refusal (rule 11).
    RefuseByClose,
    /// What was done stays done, whatever history the hub goes on from.
    TrustOtherHistory,
}

impl Mutation {
    /// Every one.
    pub const ALL: [Self; 23] = [
        Self::SkipGapCheck,
        Self::ForgetTombstones,
        Self::CursorBeforeRows,
        Self::EarlierRowWins,
        Self::RefusedWriteLast,
        Self::ReadPastWipe,
        Self::CompareCutCursor,
        Self::KeepOverlay,
        Self::SettleByFrame,
        Self::AlarmFromRowsOnly,
        Self::AcceptOlderSnapshot,
        Self::SwapEpochsBack,
        Self::DateByArrival,
        Self::RetryWithoutKey,
        Self::ForgetAcknowledged,
        Self::DecideBy503,
        Self::IgnoreSilence,
        Self::IgnoreMismatch,
        Self::TellBeforeCommit,
        Self::PollWithoutPause,
        Self::RaiseHubsToo,
        Self::RefuseByClose,
        Self::TrustOtherHistory,
    ];
}

#[cfg(feature = "faults")]
std::thread_local! {
    static PRESENT: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

/// From now on this thread's cores have that bug, or none.
#[cfg(feature = "faults")]
pub fn mutate(mutation: Option<Mutation>) {
    PRESENT.with(|present| present.set(mutation));
}

/// Whether this thread's cores have that bug.
#[cfg(feature = "faults")]
#[must_use]
pub fn is_mutated(mutation: Mutation) -> bool {
    PRESENT.with(|present| present.get() == Some(mutation))
}

/// Never: the feature is off.
#[cfg(not(feature = "faults"))]
#[must_use]
pub const fn is_mutated(_: Mutation) -> bool {
    false
}
