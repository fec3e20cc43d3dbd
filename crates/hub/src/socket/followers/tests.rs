use super::*;
use crate::socket::NoLoss;
use gwanje_model::{Role, SeatId};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Default)]
struct Buffer {
    texts: Rc<RefCell<Vec<String>>>,
    room: Rc<RefCell<usize>>,
    closed: Rc<RefCell<bool>>,
}

impl Buffer {
    fn with_room(room: usize) -> Self {
        Self { room: Rc::new(RefCell::new(room)), ..Self::default() }
    }
}

impl Outlet for Buffer {
    fn send(&self, text: Str) -> Sent {
        if *self.closed.borrow() {
            return Sent::Gone;
        }
        if !self.has_room() {
            return Sent::Full;
        }
        *self.room.borrow_mut() -= 1;
        self.texts.borrow_mut().push(text.to_string());
        Sent::Yes
    }
    fn has_room(&self) -> bool {
        *self.room.borrow() > 0
    }
    fn close(&self) {
        *self.closed.borrow_mut() = true;
    }
}

struct AllLost;

impl FrameLoss for AllLost {
    fn loses_next(&self) -> bool {
        true
    }
}

fn seat(name: &str) -> SeatEntry {
    let state = SeatState::default();
    SeatEntry { seat: SeatId::from(name), account: name.into(), role: Role::Dispatcher, state }
}

fn one(room: usize) -> (Followers<Buffer>, Buffer) {
    let mut followers = Followers::default();
    let buffer = Buffer::with_room(room);
    followers.enter("a".into(), buffer.clone(), seat("a"));
    assert!(followers.subscribe("a", vec![Stream::Deliveries], Rev(10)));
    (followers, buffer)
}

#[test]
fn a_full_buffer_leads_to_one_wider_frame_and_never_to_a_hole() {
    let (mut followers, buffer) = one(1);
    let now = Instant::now();
    followers.frame(Rev(10), Rev(12), &"10-12".into(), &NoLoss, now);
    followers.frame(Rev(12), Rev(13), &"12-13".into(), &NoLoss, now);
    followers.frame(Rev(13), Rev(15), &"13-15".into(), &NoLoss, now);
    followers.tell_head(Rev(15), &"head 15".into());
    assert!(followers.any_behind() && followers.ready_again().is_empty());
    assert_eq!(followers.lags(Rev(15)).collect::<Vec<_>>(), [("a", Rev(3))], "as the monitor shows it");
    *buffer.room.borrow_mut() = 9;
    assert_eq!(followers.ready_again(), [Rev(12)]);
    followers.catch_up(Rev(12), Rev(15), Rev(15), &"12-15".into());
    assert!(!followers.any_behind());
    followers.tell_head(Rev(15), &"head 15".into());
    followers.frame(Rev(15), Rev(16), &"15-16".into(), &NoLoss, now);
    assert_eq!(*buffer.texts.borrow(), ["10-12", "12-15", "head 15", "15-16"]);
}

#[test]
fn whom_a_change_of_seats_did_not_reach_is_told_all_of_them() {
    let (mut followers, buffer) = one(1);
    followers.subscribe("a", vec![Stream::Seats], Rev(0));
    let whole = || Some("all".into());
    followers.tell_seats(Some(&"1".into()), whole);
    followers.tell_seats(Some(&"2".into()), whole);
    assert!(followers.any_lacks_seats());
    *buffer.room.borrow_mut() = 9;
    followers.tell_seats(None, whole);
    assert!(!followers.any_lacks_seats());
    followers.tell_seats(None, whole);
    followers.tell_seats(Some(&"3".into()), whole);
    assert_eq!(*buffer.texts.borrow(), ["1", "all", "3"]);
}

#[test]
fn whoever_stays_behind_is_put_out() {
    let (mut followers, buffer) = one(0);
    let now = Instant::now();
    followers.frame(Rev(10), Rev(12), &"10-12".into(), &NoLoss, now);
    assert_eq!(followers.put_out(now + BEHIND_MAX / 2), 0);
    assert_eq!(followers.put_out(now + BEHIND_MAX), 1);
    assert!(*buffer.closed.borrow());
    assert!(!followers.leave("a"));
}

#[test]
fn a_lost_frame_shows_as_a_gap() {
    let (mut followers, buffer) = one(9);
    let now = Instant::now();
    followers.frame(Rev(10), Rev(12), &"10-12".into(), &AllLost, now);
    followers.frame(Rev(12), Rev(13), &"12-13".into(), &NoLoss, now);
    assert_eq!(*buffer.texts.borrow(), ["12-13"]);
}

#[test]
fn after_a_new_beginning_at_an_earlier_revision_everybody_is_told_again() {
    let (mut followers, buffer) = one(9);
    followers.begin_at(Rev(8));
    followers.tell_head(Rev(10), &"head 10".into());
    followers.tell_head(Rev(8), &"head 8".into());
    followers.frame(Rev(8), Rev(9), &"8-9".into(), &NoLoss, Instant::now());
    assert_eq!(*buffer.texts.borrow(), ["head 8", "8-9"]);
}

#[test]
fn nobody_below_the_floor_gets_a_frame() {
    let (mut followers, buffer) = one(9);
    assert_eq!(followers.put_out_at(Rev(10)), 0, "it is not behind");
    *buffer.room.borrow_mut() = 0;
    followers.frame(Rev(10), Rev(12), &"10-12".into(), &NoLoss, Instant::now());
    assert_eq!(followers.put_out_at(Rev(10)), 1);
    assert!(*buffer.closed.borrow());
    let (mut followers, buffer) = one(9);
    assert_eq!(followers.put_out_all(), 1);
    assert!(*buffer.closed.borrow());
}

#[test]
fn seats_are_listed_with_what_they_do() {
    let (mut followers, _) = one(1);
    followers.enter("b".into(), Buffer::default(), seat("0"));
    let open = SeatState { open_id: Some(gwanje_model::DeliveryId(7)), assigning_id: None };
    assert!(followers.set_seat("a", open));
    assert!(!followers.set_seat("nobody", open));
    let mut seats = followers.seats();
    seats.sort_by(|a, b| a.seat.as_str().cmp(b.seat.as_str()));
    assert_eq!(seats.iter().map(|s| s.seat.as_str()).collect::<Vec<_>>(), ["0", "a"]);
    assert_eq!(seats[1].state, open);
}
