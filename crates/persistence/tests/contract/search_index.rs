//! Search uses the index if the database has one, and works without.

use keepstone_domain::{Item, SearchText};
use keepstone_persistence::{DatabaseUrl, DieselStore, Target};
use keepstone_repository::Store;
use keepstone_test_backends::Database;
use uuid::Uuid;

use crate::{
    harness::{Opened, Raw, hash, item, user},
    search::{filter, finds, found_items},
};

/// Returns the query plan if full table scans are discouraged.
async fn plan(opened: &Opened, table: &str, columns: &[&str]) -> String {
    let mut raw = opened.raw().await;
    let likes: Vec<String> = columns.iter().map(|column| format!("{column} LIKE '%needle%' ESCAPE '!'")).collect();
    let likes = likes.join(" OR ");
    if opened.is_sqlite() {
        let candidates = format!("SELECT rowid FROM {table}_search WHERE {table}_search MATCH '\"nee\" AND \"eed\"'");
        return raw.plan(&format!("SELECT id FROM {table} WHERE ({likes}) AND id IN ({candidates})")).await;
    }
    raw.run("SET enable_seqscan = off").await;
    raw.plan(&format!("SELECT id FROM {table} WHERE {likes}")).await
}

#[tokio::test]
async fn the_index_serves_the_search() {
    let opened = Opened::migrated().await;
    if opened.kind == Database::Mariadb {
        eprintln!("skipped: MariaDB has no index for substring search");
        return;
    }
    for (table, columns) in [("items", &["title_key", "description_key"][..]), ("users", &["search_key"])] {
        let plan = plan(&opened, table, columns).await;
        let index = format!("{table}_search");
        assert!(plan.contains(&index), "{plan}");
        assert!(!plan.contains(&format!("SCAN {table}\n")) && !plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test]
async fn postgresql_without_the_right_to_create_extensions_searches_without_an_index() {
    let opened = Opened::empty().await;
    let Some((store, mut raw)) = own_schema(&opened).await else {
        eprintln!("skipped: {} has no extensions", opened.kind);
        return;
    };
    let applied = store.migrator().upgrade(Target::All).await.unwrap();
    assert_eq!(raw.lines("SELECT extname::text AS line FROM pg_extension WHERE extname = 'pg_trgm'").await, [""; 0]);
    assert_eq!(
        raw.lines("SELECT indexname::text AS line FROM pg_indexes WHERE indexname LIKE '%_search'").await,
        [""; 0]
    );

    let ada = user("ada");
    let looking: &dyn Store = &store;
    looking.transaction(async |tx| tx.users().insert(&ada, &hash("hash")).await).await.unwrap();
    let mut items: Vec<Item> = ["100% _a_", "Straße", "\\", "ab!c", "ΟΔΟΣ"].map(|title| item(&ada, title)).to_vec();
    looking.transaction(async |tx| tx.items().insert_missing(&items).await).await.unwrap();
    items.reverse();
    for text in ["0%", "_A", "strasse", "\\", "B!", "οδος", "a", "none"] {
        let search = SearchText::parse(text).unwrap();
        let expected: Vec<Item> = items.iter().filter(|item| finds(&search, item)).cloned().collect();
        assert_eq!(found_items(looking, &filter(&search), 2).await, expected, "{text}");
    }
    assert_eq!(store.migrator().downgrade(Target::All).await.unwrap().len(), applied.len());
    assert_eq!(store.migrator().upgrade(Target::All).await.unwrap(), applied);
}

/// Opens a store whose user has only rights in a separate schema, and a connection of the database's owner.
async fn own_schema(opened: &Opened) -> Option<(DieselStore, Raw)> {
    let DatabaseUrl::Postgres(url) = &opened.url else { return None };
    let mut raw = opened.raw().await;
    let name = format!("limited_{}", Uuid::now_v7().simple());
    raw.run(&format!("CREATE ROLE {name} LOGIN; CREATE SCHEMA {name} AUTHORIZATION {name}")).await;
    raw.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    let limited = url.as_str().replacen("keepstone:keepstone@", &format!("{name}:any@"), 1).parse().unwrap();
    Some((DieselStore::open(&limited, 2).await.unwrap(), raw))
}
