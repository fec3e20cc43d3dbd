//! The arguments of `gwanje-hub demo`.

use clap::Args;
use gwanje_demo::DemoSettings;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

/// How the demo runs.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Where to serve; port 0 takes any free port
    #[arg(long, default_value = "127.0.0.1:7400", value_name = "ADDR", value_parser = parse_address)]
    pub listen: SocketAddr,
    /// Serve sockets on a port of their own
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub socket_listen: Option<SocketAddr>,
    /// Play the MDRP instance in this folder (repeat it for more centers, one each); absent: a synthetic day
    #[arg(long, value_name = "DIR")]
    pub day: Vec<PathBuf>,
    /// Begin at this time of the day; what lies before is played at once
    #[arg(long, value_name = "HH:MM", value_parser = parse_time)]
    pub start: Option<TimeOfDay>,
    /// Day seconds a second
    #[arg(long, default_value_t = 60.0, value_parser = parse_speed)]
    pub speed: f64,
    /// Centers of a synthetic day
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub centers: u16,
    /// The day's seed: the same seed gives the same day
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Orders a day and center
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub orders: Option<u32>,
    /// Keep the day in this folder; a restart on it goes on where the day was. Absent: temporary
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Share of orders that is cancelled, 0 to 1
    #[arg(long, value_parser = parse_share)]
    pub cancel_rate: Option<f64>,
    /// Share of orders that is given to another rider, 0 to 1
    #[arg(long, value_parser = parse_share)]
    pub reassign_rate: Option<f64>,
    /// Share of frames that is lost on purpose, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub drop_rate: f64,
}

/// A time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// Minutes since midnight.
    pub minutes: u32,
}

impl From<DemoArgs> for DemoSettings {
    fn from(args: DemoArgs) -> Self {
        Self {
            listen: args.listen,
            socket_listen: args.socket_listen,
            instances: args.day,
            start_min: args.start.map(|start| start.minutes),
            speed: args.speed,
            centers: args.centers,
            seed: args.seed,
            orders: args.orders,
            data: args.data,
            cancel_rate: args.cancel_rate,
            reassign_rate: args.reassign_rate,
            drop_rate: args.drop_rate,
        }
    }
}

/// An address, or a host name with a port: `localhost:7400`.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let wrong =
        |why: &dyn std::fmt::Display| format!("{text:?} is not an address such as 127.0.0.1:7400: {why}");
    let mut found = text.to_socket_addrs().map_err(|error| wrong(&error))?;
    found.next().ok_or_else(|| wrong(&"the name leads nowhere"))
}

fn parse_time(text: &str) -> Result<TimeOfDay, String> {
    let wrong = || format!("{text:?} is not a time of the day such as 18:30");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    if minutes.len() != 2 || hours.is_empty() || hours.len() > 2 {
        return Err(wrong());
    }
    let (hours, minutes): (u32, u32) =
        hours.parse().ok().zip(minutes.parse().ok()).filter(|(h, m)| *h < 24 && *m < 60).ok_or_else(wrong)?;
    Ok(TimeOfDay { minutes: hours * 60 + minutes })
}

fn parse_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("{text:?} is not a share between 0 and 1"))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (0.0..=86_400.0).contains(speed))
        .ok_or_else(|| format!("{text:?} is not a number of day seconds a second between 0 and 86400"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day() {
        for (text, minutes) in
            [("00:00", Some(0)), ("9:05", Some(545)), ("23:59", Some(1439)), ("24:00", None)]
        {
            assert_eq!(parse_time(text).ok().map(|t| t.minutes), minutes, "{text}");
        }
        for text in ["", "12", "12:5", "12:60", "-1:00", "+1:00x", "123:00", "noon"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_may_be_a_name() {
        assert_eq!(parse_address("127.0.0.1:7400"), Ok(SocketAddr::from(([127, 0, 0, 1], 7400))));
        assert!(parse_address("localhost:0").is_ok_and(|address| address.ip().is_loopback()));
        for text in ["", "here", "localhost", "127.0.0.1:99999"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }
}
