-- What becomes an alarm when its instant has come (operations time), unless the row changes before: looked at each second.
CREATE TABLE due (
    id     INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    center TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX due_by_at ON due (center, at);

-- Instants by the wall's clock; `at` 0: written by a version that did not note it. `by` and `was`: who did what raised it,
-- and the delivery's status before.
ALTER TABLE alarm ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alarm ADD COLUMN was TEXT;
ALTER TABLE alarm ADD COLUMN by TEXT;
ALTER TABLE alarm ADD COLUMN more INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alarm ADD COLUMN acknowledged_by TEXT;
ALTER TABLE alarm ADD COLUMN acknowledged_at INTEGER;
ALTER TABLE alarm ADD COLUMN settled_at INTEGER;
CREATE INDEX alarm_unheard ON alarm (center, at)
    WHERE acknowledged_at IS NULL AND settled_at IS NULL AND escalated_at IS NULL AND at > 0;

-- A seat is one of its account's. Of earlier receipts the account is not known.
ALTER TABLE receipt RENAME TO receipt_before;
CREATE TABLE receipt (
    center    TEXT    NOT NULL,
    id        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    raised_at INTEGER NOT NULL,
    account   TEXT    NOT NULL,
    seat      TEXT    NOT NULL,
    stage     TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (center, id, kind, raised_at, account, seat)
) STRICT, WITHOUT ROWID;
INSERT INTO receipt (center, id, kind, raised_at, account, seat, stage, at)
    SELECT center, id, kind, raised_at, '', seat, stage, at FROM receipt_before;
DROP TABLE receipt_before;
UPDATE alarm SET acknowledged_by = '', acknowledged_at =
    (SELECT min(receipt.at) FROM receipt WHERE receipt.center = alarm.center AND receipt.id = alarm.id
     AND receipt.kind = alarm.kind AND receipt.raised_at = alarm.raised_at AND receipt.stage = 'acknowledged');

-- What is on the boards: alarms that seats told of are written already.
INSERT INTO due (id, kind, center, at)
    SELECT id, 'late', center, received_at + 60000 * json_extract(body, '$.deliveryTargetMin')
    FROM delivery WHERE status IN ('received', 'waiting', 'assigned', 'pickedUp')
    UNION ALL
    SELECT id, 'unaccepted', center, received_at + 60000 FROM delivery WHERE status = 'received'
    UNION ALL
    SELECT id, 'unconfirmed', center, json_extract(body, '$.assignedAt') + 180000
    FROM delivery WHERE status = 'assigned' AND json_extract(body, '$.rider.confirmed') = 0;
DELETE FROM due WHERE EXISTS
    (SELECT 1 FROM alarm WHERE alarm.center = due.center AND alarm.id = due.id AND alarm.kind = due.kind
     AND alarm.raised_at = due.at);
