//! What views cost each other and their pages: shared lists, no word on rows that did not change, small patches.

#[cfg(test)]
mod views {
    use gwanje_board::{
        Board, Cell, Filter, Patch, Place, RowMark, SearchedFor, ViewError, ViewId, ViewSpec,
    };
    use gwanje_model::{
        AssignedRider, CenterId, Delivery, DeliveryId, Dropoff, Rev, Shop, Status, Text, UtcMillis,
    };
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn delivery(id: u64) -> Delivery {
        Delivery {
            id: DeliveryId(id),
            center: CenterId::from("gangnam"),
            rev: Rev(id),
            modified_at: UtcMillis(0),
            number: Text::from(id.to_string()),
            order_no: Text::from(format!("TB{id:06}")),
            status: Status::Waiting,
            shop: Shop {
                id: "s1".into(),
                name: Text::from("강남 떡볶이"),
                phone: Text::from("02-555-1212"),
                address: Text::default(),
                pos: None,
                remark: Text::default(),
            },
            dropoff: Dropoff {
                address: Text::from("서울 강남구 역삼로 12"),
                detail: Text::from("301호"),
                phone: Text::from("010-1234-5678"),
                recipient_phone: Text::default(),
                pos: None,
            },
            rider: None,
            pickup_target_min: 20,
            delivery_target_min: 40,
            distance_m: 900,
            items: Vec::new(),
            price_won: 12_000,
            request: Text::default(),
            notes: Vec::new(),
            received_at: UtcMillis(60_000),
            ready_at: None,
            waiting_at: Some(UtcMillis(120_000)),
            assigned_at: None,
            picked_up_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel: None,
            unknown: Default::default(),
        }
    }

    fn board_of(rows: u64) -> Board {
        let mut board = Board::default();
        let rows = (1..=rows).map(|id| Arc::new(delivery(id))).collect();
        board.replace_center(&CenterId::from("gangnam"), rows);
        board
    }

    fn top(len: u64) -> ViewSpec {
        ViewSpec { len, ..ViewSpec::default() }
    }

    /// Takes the next patch and acknowledges it at once.
    fn next(board: &mut Board, view: ViewId) -> Patch {
        let patch = board.poll_patch(view).unwrap().unwrap();
        board.ack(view, patch.seq).unwrap();
        patch
    }

    /// Takes and acknowledges patches until none is left.
    fn settle(board: &mut Board, view: ViewId) {
        while let Some(patch) = board.poll_patch(view).unwrap() {
            board.ack(view, patch.seq).unwrap();
        }
    }

    #[test]
    fn what_is_late_when_the_clock_is_first_known_became_so_before() {
        let mut board = board_of(3);
        let late_at = delivery(1).late_at();
        assert!(!board.alarms_by(late_at.plus_min(5)), "nobody knew the time");
        board.advance(late_at.plus_ms(-1));
        assert!(!board.alarms_by(late_at.plus_ms(-1)));
        assert!(board.alarms_by(late_at));
        board.advance(late_at);
        assert!(!board.alarms_by(late_at.plus_min(5)), "once");
    }

    #[test]
    fn views_with_an_equal_query_share_one_list() {
        let mut board = board_of(50);
        let spec = |centers: [&str; 2], search: &str, first| ViewSpec {
            centers: centers.map(str::to_owned).to_vec(),
            search: search.to_owned(),
            ..ViewSpec { first, ..top(10) }
        };
        let one = board.open(spec(["gangnam", "mapo"], "떡볶이  TB", 0));
        let other = board.open(spec(["mapo", "gangnam"], "tb 떡볶이", 30));
        assert_eq!(board.lists(), 1);
        board.change(one, ViewSpec { hold: true, ..spec(["gangnam", "mapo"], "tb 떡볶이", 5) }).unwrap();
        assert_eq!(board.lists(), 1, "neither the part in sight nor a hold makes another list");
        board.change(other, top(10)).unwrap();
        assert_eq!(board.lists(), 2);
        board.close(one);
        assert_eq!(board.lists(), 1);
        board.close(other);
        assert_eq!(board.lists(), 0);
        assert_eq!(board.poll_patch(other), Err(ViewError::NotOpen(other)));
    }

    #[test]
    fn a_page_hears_nothing_of_what_it_does_not_show() {
        let mut board = board_of(50);
        let view = board.open(ViewSpec { centers: vec!["gangnam".to_owned()], ..top(10) });
        settle(&mut board, view);

        board.upsert(Arc::new(delivery(50)));
        assert_eq!(board.poll_patch(view).unwrap(), None, "the very copy that it has");
        board.upsert(Arc::new(Delivery { distance_m: 5, rev: Rev(99), ..delivery(3) }));
        assert_eq!(board.poll_patch(view).unwrap(), None, "a row out of sight");
        board.set_mark(DeliveryId(3), Some(RowMark::Pending));
        assert_eq!(board.poll_patch(view).unwrap(), None, "a mark out of sight");
        board.upsert(Arc::new(Delivery { center: CenterId::from("mapo"), ..delivery(70) }));
        board.set_as_of(&CenterId::from("mapo"), Rev(7));
        assert_eq!(board.poll_patch(view).unwrap(), None, "another center");

        board.set_as_of(&CenterId::from("gangnam"), Rev(99));
        let patch = board.poll_patch(view).unwrap().unwrap();
        assert_eq!(patch.as_of, [("gangnam".to_owned(), 99)].into());
        assert_eq!((patch.order, patch.rows, patch.cells, patch.counters), (None, vec![], vec![], None));
    }

    #[test]
    fn a_change_is_as_small_on_a_large_board_as_on_a_small_one() {
        let sizes = [100, 5_000].map(|count| {
            let mut board = board_of(count);
            let view = board.open(top(60));
            settle(&mut board, view);
            board.upsert(Arc::new(Delivery {
                status: Status::Assigned,
                rev: Rev(9_999),
                ..delivery(count - 3)
            }));
            let patch = board.poll_patch(view).unwrap().unwrap();
            let cells = [("rev", json!(9_999)), ("status", json!("assigned"))];
            assert_eq!(patch.cells, cells.map(|(column, value)| Cell(count - 3, column.to_owned(), value)));
            assert_eq!((patch.order, patch.rows.len()), (None, 0));
            serde_json::to_string(&patch.cells).unwrap().len()
        });
        assert!(sizes.iter().all(|&bytes| bytes < 200), "{sizes:?} bytes");
    }

    #[test]
    fn a_slow_page_gets_the_last_of_many_changes_once() {
        let mut board = board_of(20);
        let view = board.open(top(10));
        let change = |board: &mut Board, distance_m| {
            board.upsert(Arc::new(Delivery { distance_m, ..delivery(20) }));
        };
        let first = board.poll_patch(view).unwrap().unwrap();
        assert!(first.reset && first.seq == 1);
        change(&mut board, 1);
        assert_eq!(board.poll_patch(view).unwrap().unwrap().seq, 2);
        for distance_m in 2..9 {
            change(&mut board, distance_m);
            assert_eq!(board.poll_patch(view).unwrap(), None, "two are on their way");
        }
        board.ack(view, 1).unwrap();
        let patch = board.poll_patch(view).unwrap().unwrap();
        assert_eq!((patch.seq, patch.reset), (3, false));
        assert_eq!(patch.cells, [Cell(20, "distanceM".to_owned(), json!(8))]);
        board.reset(view).unwrap();
        assert!(board.poll_patch(view).unwrap().unwrap().reset, "a reset waits for no acknowledgement");
    }

    #[test]
    fn a_row_becomes_late_by_time_alone() {
        let mut board = board_of(3);
        let filter = Filter { late: true, ..Filter::default() };
        let view = board.open(ViewSpec { filter, ..top(10) });
        assert_eq!(board.poll_patch(view).unwrap().unwrap().total, 0);
        let late_at = delivery(1).late_at();
        board.advance(late_at.plus_ms(-2));
        let counters = board.poll_patch(view).unwrap().unwrap().counters.unwrap();
        assert_eq!((counters.at_risk, counters.late), (3, 0));
        board.ack(view, 2).unwrap();
        board.advance(late_at.plus_ms(-1));
        assert_eq!(board.poll_patch(view).unwrap(), None);
        board.advance(late_at);
        let patch = board.poll_patch(view).unwrap().unwrap();
        assert_eq!((patch.total, patch.order), (3, Some(vec![Place::Row(3), Place::Row(2), Place::Row(1)])));
        let counters = patch.counters.unwrap();
        assert_eq!((counters.at_risk, counters.late), (0, 3));
    }

    #[test]
    fn a_search_finds_words_initials_and_phones() {
        let mut board = board_of(1);
        let view = board.open(top(10));
        for (search, found) in [
            ("", 1),
            ("떡볶", 1),
            ("ㄸㅂㅇ", 1),
            ("ㄱ남", 1),
            ("강ㄴ ㅇㅅ", 1),
            ("tb000001", 1),
            ("01012345678", 1),
            ("1234-5678", 1),
            ("555.1212", 1),
            ("301호 강남구", 1),
            ("장남", 0),
            ("떡볶이 마포", 0),
            // Runs from one field into the next.
            ("이02", 0),
            ("ㄱㄱ", 0),
        ] {
            board.change(view, ViewSpec { search: search.to_owned(), ..top(10) }).unwrap();
            assert_eq!(u64::from(board.id_at(view, 0).is_some()), found, "{search}");
        }
    }

    #[test]
    fn every_vector_of_search_is_found_or_not() {
        let vectors: Value = serde_json::from_str(include_str!("../../../docs/vectors/search.json")).unwrap();
        for case in vectors["cases"].as_array().unwrap() {
            let text = |field: &str| Text::from(case["fields"][field].as_str().unwrap_or_default());
            let mut row = delivery(1);
            (row.number, row.order_no) = (text("number"), text("orderNo"));
            (row.shop.name, row.shop.phone) = (text("shop"), text("shopPhone"));
            (row.dropoff.address, row.dropoff.detail) = (text("address"), text("detail"));
            (row.dropoff.phone, row.dropoff.recipient_phone) = (text("phone"), text("recipientPhone"));
            row.rider = (!text("rider").is_empty()).then(|| AssignedRider {
                id: "r1".into(),
                name: text("rider"),
                home: "gangnam".into(),
                confirmed: true,
            });
            let mut board = Board::default();
            board.upsert(Arc::new(row));
            let search = case["typed"].as_str().unwrap().to_owned();
            let view = board.open(ViewSpec { search, ..top(10) });
            let patch = board.poll_patch(view).unwrap().unwrap();
            assert_eq!(patch.total == 1, case["matches"], "{case}");
            let fields: BTreeMap<String, u64> =
                case["field"].as_array().map_or_else(BTreeMap::new, |fields| {
                    fields.iter().map(|field| (field.as_str().unwrap().to_owned(), 1)).collect()
                });
            assert_eq!(patch.found.unwrap_or_default().by_field, fields, "{case}");
        }
    }

    #[test]
    fn a_page_is_told_what_its_search_has_found() {
        let mut board = board_of(3);
        let view = board.open(ViewSpec { search: "TB000002".to_owned(), ..top(10) });
        let found = next(&mut board, view).found.unwrap();
        assert_eq!(found.by_field, BTreeMap::from([("orderNo".to_owned(), 1)]));
        assert_eq!((found.kind, found.exact), (Some(SearchedFor::Words), None));

        board.change(view, ViewSpec { search: "2".to_owned(), ..top(10) }).unwrap();
        let found = next(&mut board, view).found.unwrap();
        assert_eq!(found.exact, Some(2), "three rows hold a 2, one is called so");
        assert_eq!(found.by_field, BTreeMap::from([("number".to_owned(), 1), ("shopPhone".to_owned(), 2)]));
        // The same number at another center.
        board.upsert(Arc::new(Delivery { number: Text::from("2"), ..delivery(9) }));
        assert_eq!(next(&mut board, view).found.unwrap().exact, None);

        board.change(view, ViewSpec { search: "3, 4, 5".to_owned(), ..top(10) }).unwrap();
        let found = next(&mut board, view).found.unwrap();
        assert_eq!(
            (found.kind, found.missing),
            (Some(SearchedFor::Numbers), vec!["4".to_owned(), "5".to_owned()])
        );
        board.upsert(Arc::new(delivery(4)));
        assert_eq!(next(&mut board, view).found.unwrap().missing, ["5"]);
        // Another address changes none of the findings.
        let mut moved = delivery(4);
        moved.dropoff.address = Text::from("마포");
        board.upsert(Arc::new(moved));
        assert_eq!(next(&mut board, view).found, None);
        board.change(view, top(10)).unwrap();
        settle(&mut board, view);
        assert_eq!(board.poll_patch(view).unwrap(), None);
    }

    #[test]
    fn no_more_than_so_many_rows_are_in_sight() {
        let mut board = board_of(1_000);
        let view = board.open(top(u64::MAX));
        let patch = board.poll_patch(view).unwrap().unwrap();
        assert_eq!(patch.rows.len() as u64, ViewSpec::MAX_LEN);
    }
}
