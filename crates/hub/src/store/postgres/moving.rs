//! An empty database takes in all that another store kept: in one transaction, so that it has everything or nothing; and gives all
//! that it keeps itself.

use super::failure::Failure;
use super::people::{keep_first_note, keep_note, note};
use super::rows::unsigned;
use super::{Postgres, schema};
use crate::store::StoreError;
use crate::store::notes::PURPOSE_KEY;
use crate::store::transfer::{
    Chunk, Coming, FILLED_KEY, Gathering, Kind, MOVED_KEY, MoveError, Moved, Own, TABLES, Table, Value,
    compare,
};
use deadpool_postgres::Transaction;
use futures_util::{TryStreamExt, pin_mut};
use gwanje_model::digest::DigestSum;
use gwanje_model::{DeliveryId, Rev, RowDigest};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

impl Postgres {
    /// Takes in everything, unless the move of that id filled this database before.
    pub(in crate::store) async fn fill(
        &self,
        id: &str,
        coming: Coming,
        own: Own,
    ) -> Result<Moved, MoveError> {
        let lost = |failure: Failure| MoveError::Store(failure.while_doing("moving into the database"));
        let mut client = self.shared.pool.get().await.map_err(|error| lost(error.into()))?;
        let tx = client.transaction().await.map_err(|error| lost(error.into()))?;
        begin(&tx).await.map_err(lost)?;
        if note(&tx, FILLED_KEY).await.map_err(lost)?.as_deref() == Some(id) {
            return Ok(Moved { before: true, ..Moved::default() });
        }
        if let Some(what) = kept(&tx).await.map_err(lost)? {
            return Err(MoveError::NotEmpty(what));
        }
        let moved = take_in(&tx, coming).await?;
        let own = Own {
            notes: own.notes.into_iter().filter(|(key, _)| key != MOVED_KEY && key != FILLED_KEY).collect(),
            ..own
        };
        finish(&tx, id, own).await.map_err(lost)?;
        let (heads, found) = sums(&tx).await.map_err(lost)?;
        compare(heads, &found)?;
        tx.commit().await.map_err(|error| MoveError::Unsettled(Failure::from(error).to_string()))?;
        Ok(moved)
    }
}

/// Nobody else fills or uses the database until this transaction ends, and that may take a while.
async fn begin(tx: &Transaction<'_>) -> Result<(), Failure> {
    tx.batch_execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
         LOCK TABLE center, account IN EXCLUSIVE MODE",
    )
    .await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&schema::LOCK]).await?;
    Ok(())
}

/// What a database has that is not empty.
async fn kept(tx: &Transaction<'_>) -> Result<Option<String>, Failure> {
    for table in TABLES {
        let count = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1000) AS first", table.name);
        let count: i64 = tx.query_one(&count, &[]).await?.get(0);
        if count > 0 {
            let more = if count == 1_000 { "or more " } else { "" };
            return Ok(Some(format!("{count} {more}rows in the table {:?}", table.name)));
        }
    }
    let purpose = note(tx, PURPOSE_KEY).await?;
    Ok(purpose.map(|purpose| format!("been used for {purpose} already")))
}

async fn take_in(tx: &Transaction<'_>, mut coming: Coming) -> Result<Moved, MoveError> {
    let lost = |failure: Failure| MoveError::Store(failure.while_doing("moving into the database"));
    let mut moved = Moved::default();
    let mut next = coming.recv().await.transpose()?;
    for (n, table) in TABLES.iter().enumerate() {
        let mut copy = Copy::into(tx, table).await.map_err(lost)?;
        while let Some(chunk) = next.take_if(|chunk| chunk.table == n) {
            copy.write(chunk.rows, &mut moved.cleaned).await.map_err(lost)?;
            next = coming.recv().await.transpose()?;
        }
        let rows = copy.finish().await.map_err(lost)?;
        if rows > 0 {
            moved.rows.push((table.name, rows));
        }
    }
    Ok(moved)
}

/// A table that is being filled.
struct Copy {
    writer: std::pin::Pin<Box<BinaryCopyInWriter>>,
    table: &'static Table,
}

impl Copy {
    async fn into(tx: &Transaction<'_>, table: &'static Table) -> Result<Self, Failure> {
        let copy = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, table.names());
        let types: Vec<Type> = table.columns.iter().map(|(_, kind)| kind.of_postgres()).collect();
        let writer = BinaryCopyInWriter::new(tx.copy_in(&copy).await?, &types);
        Ok(Self { writer: Box::pin(writer), table })
    }

    async fn write(&mut self, rows: Vec<Vec<Value>>, cleaned: &mut u64) -> Result<(), Failure> {
        for row in rows {
            let mut columns: Vec<Box<dyn ToSql + Sync + Send>> = Vec::with_capacity(row.len());
            for (value, (_, kind)) in row.into_iter().zip(self.table.columns) {
                columns.push(column(value, *kind, cleaned).ok_or_else(|| {
                    Failure::Damaged(self.table.name, "a value of another kind than its column's".into())
                })?);
            }
            self.writer
                .as_mut()
                .write_raw(columns.iter().map(|column| &**column as &(dyn ToSql + Sync)))
                .await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<u64, Failure> {
        Ok(self.writer.as_mut().finish().await?)
    }
}

impl Kind {
    fn of_postgres(self) -> Type {
        match self {
            Self::Text => Type::TEXT,
            Self::Integer => Type::INT8,
            Self::Small => Type::INT4,
            Self::Bytes => Type::BYTEA,
            Self::Flag => Type::BOOL,
        }
    }
}

/// A value as PostgreSQL takes it; none: it is of another kind.
fn column(value: Value, kind: Kind, cleaned: &mut u64) -> Option<Box<dyn ToSql + Sync + Send>> {
    Some(match (value, kind) {
        (Value::Null, Kind::Text) => Box::new(None::<String>),
        (Value::Null, Kind::Integer) => Box::new(None::<i64>),
        (Value::Null, Kind::Small) => Box::new(None::<i32>),
        (Value::Null, Kind::Bytes) => Box::new(None::<Vec<u8>>),
        (Value::Null, Kind::Flag) => Box::new(None::<bool>),
        (Value::Integer(number), Kind::Integer) => Box::new(number),
        (Value::Integer(number), Kind::Small) => Box::new(i32::try_from(number).ok()?),
        (Value::Integer(number), Kind::Flag) => Box::new(number != 0),
        (Value::Text(text), Kind::Text) => {
            let kept = without_nul(&text);
            *cleaned += u64::from(matches!(kept, Cow::Owned(_)));
            Box::new(kept.into_owned())
        }
        (Value::Bytes(bytes), Kind::Bytes) => Box::new(bytes),
        (Value::Integer(_) | Value::Text(_) | Value::Bytes(_), _) => return None,
    })
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

/// Writes what a store says of itself, and which move filled it.
async fn finish(tx: &Transaction<'_>, id: &str, own: Own) -> Result<(), Failure> {
    for (key, value) in &own.notes {
        keep_note(tx, key, value).await?;
    }
    keep_first_note(tx, FILLED_KEY, id).await?;
    if own.last_delivery > 0 {
        tx.execute("SELECT setval('delivery_id', $1)", &[&own.last_delivery]).await?;
    }
    // Hubs that run already look at their people again.
    tx.execute("SELECT nextval('people_written')", &[]).await?;
    Ok(())
}

/// What heads say, and what the rows are.
type Sums = (Vec<(String, RowDigest)>, BTreeMap<String, RowDigest>);

async fn sums(tx: &Transaction<'_>) -> Result<Sums, Failure> {
    let rows = tx.query_raw("SELECT center, id, rev FROM delivery", &[] as &[i64]).await?;
    pin_mut!(rows);
    let mut found: BTreeMap<String, RowDigest> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        let (id, rev) = (DeliveryId(unsigned(row.get(1))), Rev(unsigned(row.get(2))));
        found.entry(row.get(0)).or_default().add(id, rev);
    }
    let heads = tx.query("SELECT id, count, digest FROM center", &[]).await?;
    let told =
        |head: &Row| RowDigest { count: unsigned(head.get(1)), digest: DigestSum(unsigned(head.get(2))) };
    Ok((heads.iter().map(|head| (head.get(0), told(head))).collect(), found))
}

impl Postgres {
    /// Whether no hub but this process uses the database.
    pub(in crate::store) async fn is_alone(&self) -> Result<(), MoveError> {
        let others = async {
            let client = self.shared.pool.get().await?;
            // Its own connections come from the same address and port or socket; each says which process it is of.
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'gwanje-hub' AND pid <> pg_backend_pid()";
            Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0))
        };
        let lost = |failure: Failure| MoveError::Store(failure.while_doing("looking who uses the database"));
        match others.await.map_err(lost)? - self.other_connections() {
            ..=0 => Ok(()),
            others => Err(MoveError::InUse(others)),
        }
    }

    /// Connections of this process beside the one in use.
    fn other_connections(&self) -> i64 {
        i64::try_from(self.shared.pool.status().size.saturating_sub(1)).unwrap_or(i64::MAX)
    }

    /// What it says of itself.
    pub(in crate::store) async fn own(&self) -> Result<Own, StoreError> {
        let own = async {
            let client = self.shared.pool.get().await?;
            let notes =
                client.query("SELECT substr(key, 6), value FROM meta WHERE key LIKE 'note:%'", &[]).await?;
            let last = client
                .query_one("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM delivery_id", &[]);
            let notes = notes.iter().map(|row| (row.get(0), row.get(1))).collect();
            Ok(Own { notes, last_delivery: last.await?.get(0) })
        };
        own.await.map_err(|failure: Failure| failure.while_doing("reading what the store says of itself"))
    }

    /// All rows of all tables, one table after the other, as of one instant.
    pub(in crate::store) fn tables(&self) -> Coming {
        let (chunks, coming) = mpsc::channel(2);
        let shared = std::sync::Arc::clone(&self.shared);
        tokio::spawn(async move {
            let sent = async {
                let mut client = shared.pool.get().await?;
                let tx = shared.reading(&mut client).await?;
                tx.batch_execute(
                    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
                )
                .await?;
                for (n, table) in TABLES.iter().enumerate() {
                    send_table(&tx, n, table, &chunks).await?;
                }
                Ok(())
            };
            if let Err(failure) = sent.await {
                let failure: Failure = failure;
                // Whoever waited for it has gone.
                _ = chunks.send(Err(failure.while_doing("reading the database"))).await;
            }
        });
        coming
    }
}

async fn send_table(
    tx: &Transaction<'_>,
    n: usize,
    table: &'static Table,
    chunks: &mpsc::Sender<Result<Chunk, StoreError>>,
) -> Result<(), Failure> {
    // Whoever takes the rows in may have failed, and says so.
    let send = async |rows| chunks.send(Ok(Chunk { table: n, rows })).await.is_ok();
    let select = format!("SELECT {} FROM {}", table.names(), table.name);
    let found = tx.query_raw(&select, &[] as &[i64]).await?;
    pin_mut!(found);
    let mut gathering = Gathering::default();
    while let Some(row) = found.try_next().await? {
        let kinds = table.columns.iter().enumerate();
        let values = kinds.map(|(column, (_, kind))| value(&row, column, *kind)).collect();
        if let Some(rows) = gathering.add(values)
            && !send(rows).await
        {
            return Ok(());
        }
    }
    send(gathering.rest()).await;
    Ok(())
}

fn value(row: &Row, column: usize, kind: Kind) -> Value {
    let value = match kind {
        Kind::Text => row.get::<_, Option<String>>(column).map(Value::Text),
        Kind::Integer => row.get::<_, Option<i64>>(column).map(Value::Integer),
        Kind::Small => row.get::<_, Option<i32>>(column).map(|number| Value::Integer(number.into())),
        Kind::Bytes => row.get::<_, Option<Vec<u8>>>(column).map(Value::Bytes),
        Kind::Flag => row.get::<_, Option<bool>>(column).map(|flag| Value::Integer(flag.into())),
    };
    value.unwrap_or(Value::Null)
}
