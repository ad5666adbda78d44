//! Column types that differ between the databases, each under one name.
//!
//! Types are converted only here; the rest of the project does not depend on how a database stores them.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    mysql::{Mysql, MysqlValue},
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, Datetime, SqlType, Timestamptz, Uuid as PgUuid},
    sqlite::{Sqlite, SqliteValue},
};
use keepstone_domain::Timestamp;
use uuid::Uuid;

/// `uuid` on PostgreSQL, `BINARY(16)` on MySQL, a `BLOB` of 16 bytes on SQLite.
#[derive(SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951), mysql_type(name = "Blob"), sqlite_type(name = "Binary"))]
pub struct PublicId;

/// `timestamptz` on PostgreSQL, `DATETIME(6)` in UTC on MySQL, `INTEGER` microseconds since 1970 on SQLite.
///
/// Not called `Timestamp`: `table!` takes that name for diesel's own.
#[derive(SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185), mysql_type(name = "DateTime"), sqlite_type(name = "Long"))]
pub struct UtcDateTime;

/// A public id as a column value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = PublicId)]
pub struct Id(Uuid);

impl Id {
    /// Converts an id of the domain.
    pub fn of(id: impl Into<Uuid>) -> Self {
        Self(id.into())
    }

    /// Converts to the id type of the domain that the column holds.
    pub fn get<T: From<Uuid>>(self) -> T {
        self.0.into()
    }
}

/// A time as a column value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = UtcDateTime)]
pub struct Time(pub Timestamp);

impl ToSql<PublicId, Pg> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<PgUuid, Pg>::to_sql(&self.0, out)
    }
}

impl ToSql<PublicId, Mysql> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        ToSql::<Binary, Mysql>::to_sql(self.0.as_bytes().as_slice(), out)
    }
}

impl ToSql<PublicId, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        ToSql::<Binary, Sqlite>::to_sql(self.0.as_bytes().as_slice(), out)
    }
}

impl FromSql<PublicId, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<PgUuid, Pg>::from_sql(value).map(Self)
    }
}

impl FromSql<PublicId, Mysql> for Id {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl FromSql<PublicId, Sqlite> for Id {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<UtcDateTime, Pg> for Time {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamptz, Pg>::to_sql(&DateTime::<Utc>::from(self.0), &mut out.reborrow())
    }
}

impl ToSql<UtcDateTime, Mysql> for Time {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        ToSql::<Datetime, Mysql>::to_sql(&DateTime::<Utc>::from(self.0).naive_utc(), &mut out.reborrow())
    }
}

impl ToSql<UtcDateTime, Sqlite> for Time {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<UtcDateTime, Pg> for Time {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(value).map(|time| Self(time.into()))
    }
}

impl FromSql<UtcDateTime, Mysql> for Time {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Datetime, Mysql>>::from_sql(value).map(|time| Self(time.and_utc().into()))
    }
}

impl FromSql<UtcDateTime, Sqlite> for Time {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Timestamp::from_micros(micros).map(Self).ok_or_else(|| format!("{micros} is not a valid time").into())
    }
}
