//! A real PostgreSQL of the tests' own: a cluster in a temporary folder, reached by a socket in it alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Who runs it: PostgreSQL refuses to run as root.
const USER: &str = "postgres";

/// Makes the cluster, serves it until standard input ends, and leaves nothing behind, however the tests end.
const SCRIPT: &str = r#"
set -e
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid="$PG_USER" --regid="$PG_USER" --clear-groups "$@"; else "$@"; fi; }
if [ "$(id -u)" = 0 ]; then chown "$PG_USER" "$PG_DIR"; fi
trap 'rm -rf "$PG_DIR"' EXIT
as "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$PG_DIR/initdb.log" 2>&1 || {
  cat "$PG_DIR/initdb.log" >&2; exit 1; }
listen=
serve() { # folder, port
  as "$PG_BIN/postgres" -D "$PG_DIR/$1" -k "$PG_DIR" -p "$2" -c listen_addresses=$listen -c fsync="$PG_FSYNC" -c max_connections=200 \
    -c log_min_messages=fatal -c unix_socket_permissions=0777 >"$PG_DIR/$1.log" 2>&1 &
  server=$!
  until as "$PG_BIN/pg_isready" -q -h "$PG_DIR" -p "$2" -U postgres; do
    kill -0 $server || { cat "$PG_DIR/$1.log" >&2; exit 1; }
  done
}
end() { # folder
  if [ -f "$PG_DIR/$1/postmaster.pid" ]; then
    server=$(head -1 "$PG_DIR/$1/postmaster.pid")
    kill -QUIT "$server"
    wait "$server" || true
  fi
}
ask() { as "$PG_BIN/psql" -X -q -A -t -h "$PG_DIR" -p "$1" -U postgres -c "$2"; }
start() { serve data 5432; }
stop() { end data; }
follow() {
  as "$PG_BIN/pg_basebackup" -h "$PG_DIR" -U postgres -D "$PG_DIR/replica" -R -c fast --no-sync
  serve replica 5433
}
cut() {
  at=$(ask 5432 "SELECT pg_current_wal_lsn()")
  until [ "$(ask 5433 "SELECT pg_last_wal_replay_lsn() >= '$at'")" = t ]; do :; done
  ask 5433 "ALTER SYSTEM SET primary_conninfo = ''"
  ask 5433 "SELECT pg_reload_conf()" >"$PG_DIR/reload.log"
  until [ "$(ask 5433 "SELECT count(*) FROM pg_stat_wal_receiver")" = 0 ]; do :; done
}
promote() { as "$PG_BIN/pg_ctl" -w -D "$PG_DIR/replica" promote >"$PG_DIR/promote.log"; }
end_replica() { end replica; }
certificate() { # name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
    -keyout "$PG_DIR/$1.key" -out "$PG_DIR/$1.pem" "${@:2}" 2>"$PG_DIR/openssl.log"
}
encrypt() { # port
  certificate root
  certificate other
  certificate server -CA "$PG_DIR/root.pem" -CAkey "$PG_DIR/root.key" -addext "subjectAltName=DNS:localhost" \
    -addext "basicConstraints=critical,CA:FALSE"
  chmod 600 "$PG_DIR/server.key"
  if [ "$(id -u)" = 0 ]; then chown "$PG_USER" "$PG_DIR/server.key"; fi
  for setting in "ssl = on" "ssl_cert_file = '$PG_DIR/server.pem'" "ssl_key_file = '$PG_DIR/server.key'"; do
    ask 5432 "ALTER SYSTEM SET $setting"
  done
  ask 5432 "ALTER USER postgres PASSWORD 's3cret'"
  printf '%s\n' "local all all trust" "hostssl all all 127.0.0.1/32 scram-sha-256" | as tee "$PG_DIR/data/pg_hba.conf" >"$PG_DIR/hba.log"
  end data
  listen=127.0.0.1
  serve data "$1"
}
start
echo done
while read -r order; do $order; echo done; done
end replica
end data
"#;

/// A running cluster. It ends with this process at the latest.
pub struct Cluster {
    folder: PathBuf,
    keeper: Child,
    answers: BufReader<ChildStdout>,
}

#[allow(dead_code, reason = "not every suite uses all")]
impl Cluster {
    /// Starts one. Durability against a crash of the machine is not what tests are about.
    pub fn start() -> Self {
        Self::start_with("off")
    }

    /// Starts one whose commits are on disk, as in production.
    pub fn start_durable() -> Self {
        Self::start_with("on")
    }

    fn start_with(fsync: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("gwanje-pg-").tempdir().unwrap().keep();
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut keeper = Command::new("bash")
            .args(["-c", SCRIPT])
            .envs([("PG_DIR", folder.as_os_str()), ("PG_BIN", binaries().as_os_str())])
            .env("PG_USER", USER)
            .env("PG_FSYNC", fsync)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut cluster = Self { folder, keeper, answers };
        cluster.answered();
        cluster
    }

    /// Waits until the server does what it was told.
    fn answered(&mut self) {
        let mut said = String::new();
        self.answers.read_line(&mut said).unwrap();
        if said.trim() != "done" {
            let mut why = String::new();
            self.keeper.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            panic!("PostgreSQL did not do as it was told: {why}");
        }
    }

    /// Does one of the script's words.
    fn order(&mut self, word: &str) {
        writeln!(self.keeper.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.answered();
    }

    /// Kills the server, as a crash does.
    pub fn stop(&mut self) {
        self.order("stop");
    }

    /// Starts it again.
    pub fn start_again(&mut self) {
        self.order("start");
    }

    /// Makes a standby that follows it.
    pub fn follow(&mut self) {
        self.order("follow");
    }

    /// Lets the standby have what is committed by now, and nothing any more.
    pub fn cut(&mut self) {
        self.order("cut");
    }

    /// Makes the standby a primary.
    pub fn promote(&mut self) {
        self.order("promote");
    }

    /// Kills what was the standby.
    pub fn stop_replica(&mut self) {
        self.order("end_replica");
    }

    /// Serves it from now on encrypted alone, by TCP at `localhost`, where it asks for the password `s3cret`. Gives the port.
    pub fn encrypt(&mut self) -> u16 {
        // Freed just before it is bound.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.order(&format!("encrypt {port}"));
        port
    }

    /// A file of the cluster's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The address of a database at the standby alone.
    pub fn url_of_replica(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}:5433/{database}")
    }

    /// The address of a database at whichever of both takes writes.
    pub fn url_of_both(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}:5432,{folder}:5433/{database}")
    }

    /// The address of a database of that name in it.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}/{database}")
    }

    /// The folder of its socket.
    #[allow(dead_code, reason = "not every suite asks")]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        _ = self.keeper.wait();
    }
}

/// Where the server's programs are: Debian keeps them out of the path, by version.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, folder)| folder.join("postgres").metadata().is_ok_and(|file| file.mode() & 0o111 != 0))
        .collect();
    found.sort();
    found.pop().map_or_else(|| Path::new("/usr/local/bin").to_owned(), |(_, folder)| folder)
}
