-- Past boards: the latest event of each delivery until an instant, without its bodies.
CREATE INDEX history_by_center ON history (center, delivery, rev, at);
