//! Events of one user: all of them, once, newest first, whatever of theirs comes at the same time.

use keepstone_domain::{AuditEvent, AuditEventId, AuditKind, Involvement, PageRequest, Start, UserId};

use crate::harness::{Opened, at};

/// Read in parts of three.
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
async fn an_event_is_listed_for_whose_account_it_is_about_and_for_who_did_it_elsewhere() {
    let opened = Opened::migrated().await;
    let [ada, bob, eve] = [UserId::generate(), UserId::generate(), UserId::generate()];
    let people = [None, Some(ada), Some(bob)];
    let mut kept = Vec::new();
    for number in 0..27_i64 {
        let index = usize::try_from(number).unwrap();
        let (actor, user_id) = (people[index % 3], people[index / 3 % 3]);
        // Nine at the same time.
        let event = AuditEvent { actor, user_id, ..AuditEvent::new(AuditKind::RoleChanged, at(number / 9)) };
        opened.transaction(async |tx| tx.audit().insert(&event).await).await.unwrap();
        kept.push(event);
    }
    kept.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let meant = |is_meant: &dyn Fn(&AuditEvent) -> bool| -> Vec<AuditEventId> {
        kept.iter().filter(|event| is_meant(event)).map(|event| event.id).collect()
    };
    for user in [ada, bob] {
        let about = meant(&|event| event.user_id == Some(user));
        assert_eq!((all_of(&opened, user, Involvement::Account).await, about.len()), (about, 9));
        let by = meant(&|event| event.actor == Some(user) && event.user_id != Some(user));
        assert_eq!((all_of(&opened, user, Involvement::Actor).await, by.len()), (by, 6));
    }
    for involvement in [Involvement::Account, Involvement::Actor] {
        assert_eq!(all_of(&opened, eve, involvement).await, []);
    }
}
