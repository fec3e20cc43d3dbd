//! Deliberate bugs of the law, to show that the simulation's oracle sees what nobody else does. Only with the feature
//! `faults`, and then only for the thread that asked for it; otherwise every question is answered with a constant
//! `false`.

/// A deliberate bug of the law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LawMutation {
    /// Whoever names the revision takes a change back, whoever made it.
    UndoOfOthers,
    /// Now and then an order is given the number of the one before.
    NumberTwice,
    /// What was cancelled never leaves the board.
    KeepCancelled,
}

impl LawMutation {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::UndoOfOthers, Self::NumberTwice, Self::KeepCancelled];
}

#[cfg(feature = "faults")]
std::thread_local! {
    static PRESENT: std::cell::Cell<Option<LawMutation>> = const { std::cell::Cell::new(None) };
}

/// From now on the law has that bug on this thread, or none.
#[cfg(feature = "faults")]
pub fn mutate(mutation: Option<LawMutation>) {
    PRESENT.with(|present| present.set(mutation));
}

/// Whether the law has that bug on this thread.
#[cfg(feature = "faults")]
#[must_use]
pub fn is_mutated(mutation: LawMutation) -> bool {
    PRESENT.with(|present| present.get() == Some(mutation))
}

/// Never: the feature is off.
#[cfg(not(feature = "faults"))]
#[must_use]
pub const fn is_mutated(_: LawMutation) -> bool {
    false
}
