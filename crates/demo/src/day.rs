//! What day a demo plays: all that makes it the same day again after a restart.

use crate::settings::DemoSettings;
use gwanje_drill::{Day, DayFileError, DrillOptions, MdrpSpec, SyntheticSpec};
use gwanje_model::UtcMillis;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where riders and customers are.
const TIME_ZONE: &str = "Asia/Seoul";
/// A synthetic day begins with its lunch hour under way, so that there is something to see at once.
const DEFAULT_START_MIN: u32 = 11 * 60 + 30;

/// A day, as it is kept beside the boards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemoDay {
    date: Date,
    seed: u64,
    centers: u16,
    orders: Option<u32>,
    /// MDRP instances, one a center; none: a synthetic day.
    instances: Vec<PathBuf>,
    start_min: Option<u32>,
    cancel_rate: Option<f64>,
    reassign_rate: Option<f64>,
}

impl DemoDay {
    /// The day that the settings ask for, on today's date.
    #[must_use]
    pub fn of(settings: &DemoSettings) -> Self {
        let now = jiff::Timestamp::now();
        let date = now
            .in_tz(TIME_ZONE)
            .map_or_else(|_| jiff::tz::TimeZone::UTC.to_datetime(now).date(), |t| t.date());
        Self {
            date,
            seed: settings.seed,
            centers: settings.centers,
            orders: settings.orders,
            instances: settings.instances.iter().map(|folder| absolute(folder)).collect(),
            start_min: settings.start_min,
            cancel_rate: settings.cancel_rate,
            reassign_rate: settings.reassign_rate,
        }
    }

    /// The days of its centers.
    ///
    /// # Errors
    /// When an instance can't be read or is malformed.
    pub fn days(&self) -> Result<Vec<Day>, DayFileError> {
        if self.instances.is_empty() {
            let orders = self.orders.map_or(SyntheticSpec::ORDERS, |orders| orders as usize);
            let day = |center_index| {
                Day::synthetic(SyntheticSpec { center_index, seed: self.seed, orders, date: self.date })
            };
            return Ok((0..usize::from(self.centers)).map(day).collect());
        }
        let instances = self.instances.iter().cloned().enumerate();
        instances
            .map(|(center_index, dir)| {
                Day::from_mdrp(&MdrpSpec { dir, center_index, seed: self.seed, date: self.date })
            })
            .collect()
    }

    /// What chance does to it.
    #[must_use]
    pub fn options(&self) -> DrillOptions {
        let usual = DrillOptions::default();
        DrillOptions {
            seed: self.seed,
            cancel_rate: self.cancel_rate.unwrap_or(usual.cancel_rate),
            reassign_rate: self.reassign_rate.unwrap_or(usual.reassign_rate),
            ..usual
        }
    }

    /// The instant from which it runs; what lies before is played at once.
    #[must_use]
    pub fn begins_at(&self, days: &[Day]) -> UtcMillis {
        let start = self.start_min.or_else(|| self.instances.is_empty().then_some(DEFAULT_START_MIN));
        match (start, days.first()) {
            (Some(minutes), Some(day)) => day.at_clock(minutes / 60, minutes % 60),
            (_, Some(_)) => days.iter().map(Day::begins_at).min().unwrap_or_default(),
            (_, None) => UtcMillis::default(),
        }
    }
}

/// The folder of an MDRP instance, absolute, so that a restart from elsewhere finds it.
fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
