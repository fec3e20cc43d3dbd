//! What decides, beside the rows, which of them match: the day's clock, settings of the centers, acknowledged
//! cancellations.

use crate::record::{CenterNumber, Record};
use crate::turns::{CancellationFacts, Turns};
use gwanje_model::{AT_RISK_MIN, Delivery, Text, UtcMillis};
use rustc_hash::FxHashSet;

/// See the module's doc.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// Operations time.
    pub(crate) day_at: UtcMillis,
    /// Deliveries whose cancellation a person acknowledged.
    pub(crate) acknowledged: FxHashSet<u64>,
    /// Settings by a center's number.
    settings: Vec<Settings>,
}

/// What is set for a center.
#[derive(Debug, Default, Clone)]
struct Settings {
    name: Option<Text>,
    at_risk_min: Option<u32>,
}

impl Terms {
    /// Sets what a center is called.
    pub(crate) fn set_name(&mut self, center: CenterNumber, name: Text) {
        self.settings_mut(center, |settings| settings.name = Some(name));
    }

    /// Sets the minutes left below which a delivery of the center is at risk.
    pub(crate) fn set_at_risk_min(&mut self, center: CenterNumber, min: u32) {
        self.settings_mut(center, |settings| settings.at_risk_min = Some(min));
    }

    /// The name of the row's center; without a name, its id.
    pub(crate) fn center_name<'a>(&'a self, center: CenterNumber, row: &'a Delivery) -> &'a Text {
        self.settings(center).and_then(|settings| settings.name.as_ref()).unwrap_or(&row.center.0)
    }

    pub(crate) fn at_risk_min(&self, center: CenterNumber) -> u32 {
        self.settings(center).and_then(|settings| settings.at_risk_min).unwrap_or(AT_RISK_MIN)
    }

    /// The turns of a row; an unreadable row has none.
    pub(crate) fn turns(&self, record: &Record) -> Turns {
        match record {
            Record::Read { row, facts, .. } => Turns::of(row, self.at_risk_min(facts.center)),
            Record::Unreadable { .. } => Turns::default(),
        }
    }

    /// Whether a row with these turns belongs to *Act now*.
    pub(crate) fn is_act_now(&self, row: &Delivery, turns: Turns) -> bool {
        let facts = CancellationFacts {
            acknowledged: self.acknowledged.contains(&row.id.0),
            // A delivery does not say yet whether its rider heard about the cancellation.
            rider_knows: row.rider.is_none(),
        };
        turns.is_act_now(self.day_at, facts)
    }

    fn settings(&self, center: CenterNumber) -> Option<&Settings> {
        self.settings.get(usize::try_from(center.0).ok()?)
    }

    fn settings_mut(&mut self, center: CenterNumber, set: impl FnOnce(&mut Settings)) {
        let place = usize::try_from(center.0).unwrap_or(usize::MAX);
        if place >= self.settings.len() {
            self.settings.resize(place.saturating_add(1), Settings::default());
        }
        if let Some(settings) = self.settings.get_mut(place) {
            set(settings);
        }
    }
}
