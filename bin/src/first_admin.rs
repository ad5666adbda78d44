//! Creates the administrator that `FIRST_SUPERUSER` names, in a database that has none.

use std::{sync::Arc, time::Duration};

use keepstone_persistence::DieselStore;
use keepstone_repository::Store;
use keepstone_service::{Accounts, Error, FirstAdmin, NewPassword};
use tokio::time::sleep;

use crate::{
    failure::Failure,
    settings::{FirstSuperuser, Settings},
};

/// How often a database without tables is checked.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Creates the administrator at once, or as soon as the database is migrated.
pub async fn ensure(settings: &Settings, store: Arc<DieselStore>, accounts: Arc<Accounts>) -> Result<(), Failure> {
    let Some(first) = settings.users.first_superuser.clone() else { return Ok(()) };
    if store.is_migrated().await.unwrap_or(false) {
        return Ok(create(&first, &store, &accounts).await?);
    }
    actix_web::rt::spawn(async move {
        loop {
            sleep(POLL_INTERVAL).await;
            if store.is_migrated().await.unwrap_or(false) {
                match create(&first, &store, &accounts).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%error, "could not create the first administrator; trying again"),
                }
            }
        }
    });
    Ok(())
}

async fn create(first: &FirstSuperuser, store: &DieselStore, accounts: &Accounts) -> Result<(), Error> {
    let FirstSuperuser { email, password } = first;
    let password = NewPassword::check(password.clone(), &accounts.rules().password_policy)?;
    match FirstAdmin::ensure(accounts, store, email.clone(), password).await? {
        FirstAdmin::Created => tracing::info!("created the first administrator, FIRST_SUPERUSER"),
        FirstAdmin::Exists => {}
        FirstAdmin::AddressTaken => tracing::warn!(
            "FIRST_SUPERUSER was not created: its address belongs to a user who is not an administrator; set another \
             address, or run keepstone create-user --role admin"
        ),
    }
    Ok(())
}
