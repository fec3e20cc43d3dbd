//! An empty database takes in all that a file kept: in one transaction, so that it has everything or nothing.

use super::failure::Failure;
use super::people::{keep_first_note, keep_note, note};
use super::rows::unsigned;
use super::{Postgres, schema};
use crate::store::StoreError;
use crate::store::notes::PURPOSE_KEY;
use crate::store::transfer::{
    Chunk, FILLED_KEY, Kind, MOVED_KEY, MoveError, Moved, Own, TABLES, Table, Value,
};
use deadpool_postgres::Transaction;
use futures_util::{TryStreamExt, pin_mut};
use gwanje_model::digest::DigestSum;
use gwanje_model::{DeliveryId, Rev, RowDigest};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

/// The rows of a file as they come.
type Coming = Receiver<Result<Chunk, StoreError>>;

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
        let own = Own { notes: own.notes.into_iter().filter(|(key, _)| key != MOVED_KEY).collect(), ..own };
        finish(&tx, id, own).await.map_err(lost)?;
        compare(&tx).await?;
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
        let names: Vec<String> = table.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let copy = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, names.join(", "));
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

/// Holds the rows of each center against its head, as a client would.
async fn compare(tx: &Transaction<'_>) -> Result<(), MoveError> {
    let lost = |failure: Failure| MoveError::Store(failure.while_doing("comparing what was moved"));
    let counting = async {
        let rows = tx.query_raw("SELECT center, id, rev FROM delivery", &[] as &[i64]).await?;
        pin_mut!(rows);
        let mut found: BTreeMap<String, RowDigest> = BTreeMap::new();
        while let Some(row) = rows.try_next().await? {
            let (id, rev) = (DeliveryId(unsigned(row.get(1))), Rev(unsigned(row.get(2))));
            found.entry(row.get(0)).or_default().add(id, rev);
        }
        Ok((found, tx.query("SELECT id, count, digest FROM center", &[]).await?))
    };
    let (found, heads) = counting.await.map_err(lost)?;
    for head in heads {
        let center: String = head.get(0);
        let told = RowDigest { count: unsigned(head.get(1)), digest: DigestSum(unsigned(head.get(2))) };
        let found = found.get(&center).copied().unwrap_or_default();
        if told != found {
            let shown = |sum: RowDigest| format!("{} rows of digest {:016x}", sum.count, sum.digest.0);
            return Err(MoveError::Damaged { center, told: shown(told), found: shown(found) });
        }
    }
    Ok(())
}
