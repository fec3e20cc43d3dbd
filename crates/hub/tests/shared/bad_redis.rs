//! Each way in which a real Redis can be of no use, and how it is mended.

use crate::redis::Redis;
use gwanje_hub::fanout::FanoutTrouble;

/// A Redis that was of use, is not, and is again.
pub struct Bad {
    /// What a hub says of it.
    pub trouble: FanoutTrouble,
    /// Settings of its command line.
    pub settings: &'static [&'static str],
    /// User and password of hubs.
    pub user: Option<(&'static str, &'static str)>,
    /// How many other troubles it has on the way to this one.
    pub others: usize,
    /// Before hubs come.
    pub prepare: fn(&Redis),
    pub spoil: fn(&mut Redis),
    pub mend: fn(&mut Redis),
}

/// What docs/operating.md gives the user of hubs.
pub const PERMISSIONS: &str = "~gwanje:* resetchannels &gwanje:* +publish +subscribe +unsubscribe +ping +multi +exec +eval \
    +set +get +del +pexpire +pttl +hset +hdel +hgetall +hmget +sadd +srem +smembers +zadd +zscore +zrem +geoadd +geosearch";

fn let_in(redis: &Redis, permissions: &str) {
    let mut words = vec!["ACL", "SETUSER", "gwanje", "reset", "on", ">s3cret"];
    words.extend(permissions.split_whitespace());
    assert_eq!(redis.ask(&words), "OK");
}

/// As good as it gets.
const GOOD: Bad = Bad {
    trouble: FanoutTrouble::Refuses,
    settings: &[],
    user: None,
    others: 0,
    prepare: |_| {},
    spoil: |_| {},
    mend: |_| {},
};

pub const WRONG_PASSWORD: Bad = Bad {
    trouble: FanoutTrouble::Password,
    user: Some(("gwanje", "s3cret")),
    prepare: |redis| let_in(redis, PERMISSIONS),
    spoil: |redis| {
        redis.ask(&["ACL", "SETUSER", "gwanje", "resetpass", ">another"]);
        // Who is in already would stay.
        redis.ask(&["CLIENT", "KILL", "USER", "gwanje"]);
    },
    mend: |redis| let_in(redis, PERMISSIONS),
    ..GOOD
};

pub const NO_PERMISSION: Bad = Bad {
    trouble: FanoutTrouble::Permission,
    user: Some(("gwanje", "s3cret")),
    prepare: |redis| let_in(redis, PERMISSIONS),
    spoil: |redis| _ = redis.ask(&["ACL", "SETUSER", "gwanje", "-geoadd"]),
    mend: |redis| let_in(redis, PERMISSIONS),
    ..GOOD
};

pub const FULL: Bad = Bad {
    trouble: FanoutTrouble::Full,
    spoil: |redis| _ = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]),
    mend: |redis| _ = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]),
    ..GOOD
};

pub const LOADING: Bad = Bad {
    trouble: FanoutTrouble::Loading,
    others: 1,
    settings: &[
        "--enable-debug-command",
        "local",
        "--key-load-delay",
        "2000",
        "--loading-process-events-interval-bytes",
        "1024",
    ],
    prepare: |redis| {
        redis.ask(&["DEBUG", "POPULATE", "20000"]);
        assert_eq!(redis.ask(&["SAVE"]), "OK");
    },
    spoil: |redis| {
        redis.stop();
        redis.start_again();
    },
    mend: |redis| _ = redis.ask(&["CONFIG", "SET", "key-load-delay", "0"]),
    ..GOOD
};

pub const REPLICA: Bad = Bad {
    trouble: FanoutTrouble::Replica,
    spoil: |redis| _ = redis.ask(&["REPLICAOF", "127.0.0.1", "1"]),
    mend: |redis| _ = redis.ask(&["REPLICAOF", "NO", "ONE"]),
    ..GOOD
};

pub const UNSAVED: Bad = Bad {
    trouble: FanoutTrouble::Unsaved,
    settings: &["--enable-protected-configs", "local", "--stop-writes-on-bgsave-error", "yes"],
    spoil: |redis| {
        let gone = tempfile::tempdir().unwrap();
        redis.ask(&["CONFIG", "SET", "dir", gone.path().to_str().unwrap()]);
        redis.ask(&["CONFIG", "SET", "save", "3600 1"]);
        drop(gone);
        redis.ask(&["BGSAVE"]);
    },
    mend: |redis| {
        redis.ask(&["CONFIG", "SET", "dir", redis.folder().to_str().unwrap()]);
        redis.ask(&["BGSAVE"]);
    },
    ..GOOD
};

pub const FROZEN: Bad = Bad {
    trouble: FanoutTrouble::Silent,
    spoil: |redis| redis.signal("STOP"),
    mend: |redis| redis.signal("CONT"),
    ..GOOD
};

pub const KILLED: Bad =
    Bad { trouble: FanoutTrouble::Unreachable, spoil: Redis::stop, mend: Redis::start_again, ..GOOD };

impl Bad {
    /// Starts one that is still of use; the address of hubs.
    pub fn start(&self) -> (Redis, String) {
        let redis = Redis::with(self.settings);
        assert_eq!(redis.ask(&["PING"]), "PONG");
        (self.prepare)(&redis);
        let url = self.user.map_or_else(|| redis.url(), |(user, password)| redis.url_as(user, password));
        (redis, url)
    }
}
