//! Socket messages that are lost, doubled, late, wrong: whatever arrives, the watcher ends with the hub's board, and each
//! cancellation was told once.

use anyhow::Result;
use gwanje_tests::proxy::{Event, Way};
use gwanje_tests::stage::{Stage, each_heals};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts how often a fault was injected.
#[derive(Clone, Default)]
struct Times(Arc<AtomicU64>);

impl Times {
    fn once_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn whatever_befalls_a_message_the_board_ends_true() {
    each_heals(&[
        ("frames lost mid-stream", |stage| Box::pin(lost(stage))),
        ("every frame lost, heads alone arrive", |stage| Box::pin(only_heads(stage))),
        ("frames doubled, old ones again", |stage| Box::pin(doubled(stage))),
        ("frames swapped, one very late", |stage| Box::pin(late(stage))),
        ("frames cut short", |stage| Box::pin(cut_short(stage))),
        ("malformed, oversized and unknown messages", |stage| Box::pin(strange(stage))),
        ("a newer hub's fields and statuses", |stage| Box::pin(newer_hub(stage))),
        ("heads lost, frames alone arrive", |stage| Box::pin(no_heads(stage))),
    ]);
}

/// One frame in three is lost: the next shows the gap.
async fn lost(stage: &mut Stage) -> Result<()> {
    let (frames, times) = (Times::default(), Times::default());
    let (count, lost) = (frames, times.clone());
    stage.proxy.on_message(move |way, text| {
        if way == Way::Down && Event::is_deliveries(text) {
            count.once_more();
            if count.get().is_multiple_of(3) {
                lost.once_more();
                return Vec::new();
            }
        }
        vec![text.to_owned()]
    });
    stage.until("five lost frames", |_| times.get() >= 5)?;
    stage.proxy.pass();
    let asked = stage.proxy.asked("changes");
    anyhow::ensure!(asked > 0, "what was lost must have been asked for");
    Ok(())
}

/// The loss of the last event before silence looks like this: only a head tells. No frame comes any more, to the end.
async fn only_heads(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let lost = times.clone();
    stage.proxy.on_message(move |way, text| {
        if way == Way::Down && Event::is_deliveries(text) {
            lost.once_more();
            return Vec::new();
        }
        vec![text.to_owned()]
    });
    stage.until("lost frames", |_| times.get() >= 10)?;
    stage.until_told(1)?;
    stage.stop_the_day().await?;
    Ok(())
}

async fn doubled(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let doubled = times.clone();
    let mut kept = VecDeque::new();
    stage.proxy.on_message(move |way, text| {
        if way == Way::Up || !Event::is_deliveries(text) {
            return vec![text.to_owned()];
        }
        doubled.once_more();
        kept.push_back(text.to_owned());
        // Itself twice, and what came ten frames ago once more.
        let old = if kept.len() > 10 { kept.pop_front() } else { None };
        [Some(text.to_owned()), Some(text.to_owned()), old].into_iter().flatten().collect()
    });
    stage.until("twenty doubled frames", |_| times.get() >= 20)?;
    stage.watcher.until("counted duplicates", |watcher, _| watcher.count("duplicates") >= Some(20))?;
    Ok(())
}

/// Neighbours swapped, and one frame held back until long after its rows were fetched otherwise.
async fn late(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let seen = times.clone();
    let (mut swapped, mut very_late) = (None, None);
    stage.proxy.on_message(move |way, text| {
        if way == Way::Up || !Event::is_deliveries(text) {
            return vec![text.to_owned()];
        }
        seen.once_more();
        let text = text.to_owned();
        match seen.get() {
            1 => {
                very_late = Some(text);
                Vec::new()
            }
            30 => [Some(text), very_late.take()].into_iter().flatten().collect(),
            n if n.is_multiple_of(4) => {
                swapped = Some(text);
                Vec::new()
            }
            _ => [Some(text), swapped.take()].into_iter().flatten().collect(),
        }
    });
    stage.until("thirty frames", |_| times.get() >= 31)?;
    stage.proxy.pass();
    Ok(())
}

async fn cut_short(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let cut = times.clone();
    stage.proxy.on_message(move |way, text| {
        if way == Way::Down && Event::is_deliveries(text) && cut.get() < 6 {
            cut.once_more();
            let half = (text.len() / 2..).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            return vec![text[..half].to_owned()];
        }
        vec![text.to_owned()]
    });
    stage.until("six frames cut short", |_| times.get() >= 6)?;
    stage.watcher.until("counted as malformed", |watcher, _| watcher.count("malformed") >= Some(1))?;
    Ok(())
}

/// With every head comes something that no hub should send; what can't be read is counted, and nothing else happens.
async fn strange(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let sent = times.clone();
    stage.proxy.on_message(move |way, text| {
        let mut all = vec![text.to_owned()];
        if let (Way::Down, Some(event)) = (way, Event::read(text).filter(|event| event.name == "head")) {
            sent.once_more();
            all.extend(oddity(&event, sent.get()));
        }
        all
    });
    stage.until("each oddity", |_| times.get() > ODDITIES)?;
    stage.watcher.until("counts of them", |watcher, _| {
        watcher.count("malformed") >= Some(1) && watcher.count("unknownEvents") >= Some(1)
    })?;
    stage.proxy.pass();
    // On the way to the end the socket may just have been thrown away.
    stage.until("a live link", |stage| stage.watcher.states.last().is_some_and(|state| state == "Live"))
}

const ODDITIES: u64 = 11;

fn oddity(head: &Event, n: u64) -> Vec<String> {
    let epoch = head.data["epoch"].clone();
    let rev = head.data["rev"].as_u64().unwrap_or(0);
    // To = asOf, from the right place, rows that are no rows.
    let frame = |rows: Value| json!({"epoch": epoch, "from": rev, "to": rev + 1, "asOf": rev + 1, "at": 0, "rows": rows, "gone": []});
    vec![match n {
        1 => head.with("celebrate", &json!({"with": "fireworks"})),
        2 => head.raw("[\"deliveries\","),
        3 => head.raw("[\"deliveries\",{\"epoch\":7}]"),
        4 => head.with("deliveries", &frame(json!("many"))),
        5 => head.with("head", &json!({"rev": -1})),
        6 => head.raw("[]"),
        7 => "42/nowhere,[\"head\",{}]".to_owned(),
        8 => "4".to_owned(),
        9 => "49999".to_owned(),
        10 => head.with("deliveries", &json!({"padding": "가".repeat(1 << 20)})),
        _ => "\u{0}\u{7f}?".to_owned(),
    }]
}

/// A hub of a later version: everywhere fields that this one does not know, and for some rows a status of its own.
async fn newer_hub(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let changed = times.clone();
    stage.proxy.on_message(move |way, text| {
        let Some(mut event) = Event::read(text).filter(|_| way == Way::Down) else {
            return vec![text.to_owned()];
        };
        if event.name == "head" || event.name == "deliveries" {
            event.data["weather"] = json!({"rain": true});
            if let Some(row) =
                event.data["rows"].get_mut(0).filter(|row| row["id"].as_u64().is_some_and(|id| id % 2 == 0))
            {
                row["status"] = "levitating".into();
                row["altitude"] = 7.into();
                changed.once_more();
            }
        }
        vec![event.text()]
    });
    stage.proxy.on_call(|_| {
        gwanje_tests::proxy::Answer::Rewrite(Box::new(|body| {
            if let Some(body) = body.as_object_mut() {
                body.insert("season".to_owned(), "autumn".into());
            }
        }))
    });
    stage.until("rows of a status that nobody knows", |_| times.get() >= 3)?;
    stage.watcher.until_proof()?;
    // Seen as unreadable, asked for once more, and readable by then: REST knows the usual statuses.
    stage.proxy.on_message(|_, text| vec![text.to_owned()]);
    Ok(())
}

/// Without heads nothing is proven by itself: a proof is asked for, and an answer proved what is shown live.
async fn no_heads(stage: &mut Stage) -> Result<()> {
    let times = Times::default();
    let lost = times.clone();
    stage.proxy.on_message(move |way, text| {
        if way == Way::Down && Event::read(text).is_some_and(|event| event.name == "head") {
            lost.once_more();
            return Vec::new();
        }
        vec![text.to_owned()]
    });
    stage.watcher.until_state("CatchingUp")?;
    stage.until_told(stage.watcher.told() + 1)?;
    stage.until("five lost heads", |_| times.get() >= 5)?;
    stage.proxy.pass();
    Ok(())
}
