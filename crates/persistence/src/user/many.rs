//! Bulk inserts of users. There is no protection against a concurrent insert of the same value: the whole statement
//! fails then, like any other insert.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{Credentials, Timestamp, Username};
use keepstone_repository::{Insertion, Result};

use super::row::hashed_row;
use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::{email_changes, users},
    types::Time,
};

impl DieselRepositories {
    /// Returns the outcome that an insert of each user would have.
    pub(super) async fn foresee_users(&mut self, new: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>> {
        let emails: Vec<&str> = new.iter().map(|new| new.user.email.key()).collect();
        let usernames: Vec<Option<String>> =
            new.iter().map(|new| new.user.username.as_ref().map(Username::key)).collect();
        let asked: Vec<&str> = usernames.iter().flatten().map(String::as_str).collect();
        // Two statements, because an `OR` over two columns prevents some databases from using either index.
        let there: Vec<Option<String>> = on!(self, |conn| {
            users::table.filter(users::email_key.eq_any(&emails)).select(users::email_key).load(conn).await
        })?;
        let mut taken_emails: HashSet<String> = there.into_iter().flatten().collect();
        // After the users: an address that was given up meanwhile is found in one of the two tables.
        let reserved: Vec<String> = on!(self, |conn| {
            let reserved = email_changes::table.filter(email_changes::old_email_key.eq_any(&emails));
            reserved
                .filter(email_changes::expires_at.gt(Time(now)))
                .select(email_changes::old_email_key)
                .load(conn)
                .await
        })?;
        taken_emails.extend(reserved);
        let there: Vec<Option<String>> = on!(self, |conn| {
            users::table.filter(users::username_key.eq_any(&asked)).select(users::username_key).load(conn).await
        })?;
        let mut taken_usernames: HashSet<String> = there.into_iter().flatten().collect();
        let outcome = |(email, username): (&str, Option<String>)| {
            if taken_emails.contains(email) {
                return Insertion::EmailTaken;
            }
            if username.is_some_and(|username| !taken_usernames.insert(username)) {
                return Insertion::UsernameTaken;
            }
            taken_emails.insert(email.to_owned());
            Insertion::Made
        };
        Ok(emails.iter().copied().zip(usernames.clone()).map(outcome).collect())
    }

    /// Inserts all of these.
    pub(super) async fn insert_users(&mut self, new: Vec<Credentials>) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        on!(
            self,
            |conn| {
                let insert = move |conn: &mut SqliteConnection| {
                    new.iter().try_for_each(|new| {
                        let row = hashed_row(&new.user, &new.password_hash);
                        diesel::RunQueryDsl::execute(diesel::insert_into(users::table).values(row), conn).map(drop)
                    })
                };
                conn.spawn_blocking(insert).await
            },
            |conn| {
                let rows: Vec<_> = new.iter().map(|new| hashed_row(&new.user, &new.password_hash)).collect();
                diesel::insert_into(users::table).values(&rows).execute(conn).await.map(drop)
            }
        )
    }
}
