//! The time of the database, which is the same for all processes that use it.

use diesel::{
    AppearsOnTable, Expression, SelectableExpression,
    expression::ValidGrouping,
    mysql::Mysql,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sqlite::Sqlite,
};

use crate::types::UtcDateTime;

/// The time at which the statement runs, not the time at which its transaction began.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub struct DatabaseTime;

impl Expression for DatabaseTime {
    type SqlType = UtcDateTime;
}

impl<T> SelectableExpression<T> for DatabaseTime {}
impl<T> AppearsOnTable<T> for DatabaseTime {}

impl QueryFragment<Sqlite> for DatabaseTime {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("CAST(unixepoch('subsec') * 1000000 AS INTEGER)");
        Ok(())
    }
}

impl QueryFragment<Pg> for DatabaseTime {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("clock_timestamp()");
        Ok(())
    }
}

impl QueryFragment<Mysql> for DatabaseTime {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        out.push_sql("UTC_TIMESTAMP(6)");
        Ok(())
    }
}
