//! Audit events of a user: each is listed exactly once, newest first, even if several have the same time.

use keepstone_domain::{AuditEvent, AuditEventId, AuditKind, Involvement, PageRequest, Start, UserId};
use keepstone_test_backends::Database;

use crate::harness::{Opened, at};

/// Lists all events of a user, in pages of three.
async fn all_of(opened: &Opened, user: UserId, involvement: Involvement) -> Vec<AuditEventId> {
    let (mut ids, mut start) = (Vec::new(), Start::Skip(0));
    loop {
        let page = PageRequest { start, limit: 3, with_total: false };
        let part = opened.read().await.unwrap().audit().list_of(user, involvement, &page).await.unwrap();
        assert!(part.items.len() <= 3 && part.total.is_none());
        ids.extend(part.items.iter().map(|event| event.id));
        let Some(next) = part.next else { return ids };
        start = Start::After(next);
    }
}

#[tokio::test]
async fn an_event_is_listed_for_its_account_and_for_its_actor() {
    let opened = Opened::migrated().await;
    let [ada, bob, eve] = [UserId::generate(), UserId::generate(), UserId::generate()];
    let people = [None, Some(ada), Some(bob)];
    let mut kept = Vec::new();
    for number in 0..27_i64 {
        let index = usize::try_from(number).unwrap();
        let (actor, user_id) = (people[index % 3], people[index / 3 % 3]);
        // Nine events have the same time.
        let event = AuditEvent { actor, user_id, ..AuditEvent::new(AuditKind::RoleChanged, at(number / 9)) };
        opened.transaction(async |tx| tx.audit().insert(&event).await).await.unwrap();
        kept.push(event);
    }
    kept.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let ids_of = |is_match: &dyn Fn(&AuditEvent) -> bool| -> Vec<AuditEventId> {
        kept.iter().filter(|event| is_match(event)).map(|event| event.id).collect()
    };
    for user in [ada, bob] {
        let about = ids_of(&|event| event.user_id == Some(user));
        assert_eq!((all_of(&opened, user, Involvement::Account).await, about.len()), (about, 9));
        let by = ids_of(&|event| event.actor == Some(user) && event.user_id != Some(user));
        assert_eq!((all_of(&opened, user, Involvement::Actor).await, by.len()), (by, 6));
    }
    for involvement in [Involvement::Account, Involvement::Actor] {
        assert_eq!(all_of(&opened, eve, involvement).await, []);
    }
}

#[tokio::test]
async fn lists_of_a_user_and_filtered_events_use_an_index_and_its_order() {
    let opened = Opened::migrated().await;
    if opened.kind == Database::Mariadb {
        eprintln!("skipped: MariaDB plans by the contents of tables, and these are empty");
        return;
    }
    let mut raw = opened.raw().await;
    if !opened.is_sqlite() {
        raw.run("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off").await;
    }
    let (id, time) =
        if opened.is_sqlite() { ("x'00'", "0") } else { ("'0192d3c4-0000-7000-8000-000000000000'::uuid", "now()") };
    for (query, index) in [
        (
            format!("SELECT * FROM audit_events WHERE user_id = {id} ORDER BY at DESC, public_id DESC"),
            "audit_events_user",
        ),
        (
            format!("SELECT * FROM audit_events WHERE actor_id = {id} ORDER BY at DESC, public_id DESC"),
            "audit_events_actor",
        ),
        (
            "SELECT * FROM audit_events WHERE kind = 'login' ORDER BY at DESC, public_id DESC".into(),
            "audit_events_kind",
        ),
        (
            "SELECT * FROM audit_events WHERE ip = '192.0.2.1' ORDER BY at DESC, public_id DESC".into(),
            "audit_events_ip",
        ),
        (
            "SELECT * FROM sessions WHERE user_id = 1 ORDER BY created_at DESC, public_id DESC".into(),
            "sessions_created_at",
        ),
        (format!("SELECT id FROM users WHERE deleted_at <= {time} ORDER BY deleted_at"), "users_deleted_at"),
    ] {
        let plan = raw.plan(&query).await;
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{plan}");
    }
}
