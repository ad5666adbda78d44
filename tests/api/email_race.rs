//! Concurrent address changes: each has one outcome, and no account or address is lost.

use serde_json::json;

use crate::{
    email_change::{change, confirm, move_to, token, undo, verified},
    harness::{Client, PASSWORD, Server, together},
};

const ME: &str = "/api/v1/users/me";
const REGISTER: &str = "/api/v1/auth/register";

async fn email(client: &Client) -> String {
    client.get(ME).await.is(200).json()["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_one_of_eight_concurrent_confirmations_succeeds() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    let other = server.another().await;
    for round in 0..3 {
        let new = format!("new{round}@example.com");
        change(&ada, &new).await.is(200);
        let link = token(&server, &new, "verify-email").await;
        let replies = together((0..8).map(|number| {
            let client = if number % 2 == 0 { ada.clone() } else { ada.clone().at(&other.url) };
            let link = link.clone();
            async move { confirm(&client, &link).await.status }
        }))
        .await;
        assert_eq!(replies.iter().filter(|status| **status == 200).count(), 1, "{replies:?}");
        assert_eq!(replies.iter().filter(|status| **status == 400).count(), 7, "{replies:?}");
        assert_eq!(email(&ada).await, new);
        let notices = server
            .letters_after_jobs(&if round == 0 { ada.email.clone() } else { format!("new{}@example.com", round - 1) })
            .await;
        assert_eq!(notices.iter().filter(|letter| letter.text.contains("/undo-email-change#")).count(), 1);
    }
}

#[tokio::test]
async fn concurrent_confirmations_and_registrations_of_an_address_have_one_winner() {
    let server = Server::with().with_mail().start().await;
    let people = together((0..4).map(|number| {
        let server = server.anonymous();
        async move { server.register(&format!("user{number}")).await.log_in().await }
    }))
    .await;
    for person in &people {
        change(person, "wanted@example.com").await.is(200);
    }
    let letters = server.letters_after_jobs("wanted@example.com").await;
    assert_eq!(letters.len(), 4);
    let links = letters.iter().map(|letter| Some(letter.token()));
    let wishes: Vec<_> = links.chain([None, None, None, None]).map(|link| (link, server.anonymous())).collect();
    let replies = together(wishes.into_iter().map(|(link, anonymous)| async move {
        if let Some(link) = link {
            return confirm(&anonymous, &link).await.status;
        }
        let body = json!({"email": "wanted@example.com", "password": PASSWORD});
        anonymous.post(REGISTER).json(&body).await.status
    }))
    .await;
    assert_eq!(replies.iter().filter(|status| **status < 300).count(), 1, "{replies:?}");
    assert!(replies.iter().all(|status| [200, 201, 400, 409].contains(status)), "{replies:?}");
    let users = server.home.users();
    assert_eq!(users.iter().filter(|user| user["email"] == "wanted@example.com").count(), 1, "{users:#?}");
}

#[tokio::test]
async fn an_address_cannot_be_taken_while_it_is_being_changed() {
    let server = Server::with().with_mail().env("HASH_CONCURRENCY", "8").start().await;
    for round in 0..4 {
        let client = verified(&server, &format!("user{round}")).await;
        let new = format!("new{round}@example.com");
        change(&client, &new).await.is(200);
        let link = token(&server, &new, "verify-email").await;
        let tasks = (0..8).map(|number| {
            let (client, link) = (client.clone(), link.clone());
            async move {
                if number == 3 {
                    return confirm(&client, &link).await.status;
                }
                let body = json!({"email": client.email, "password": PASSWORD});
                client.anonymous().post(REGISTER).json(&body).await.status
            }
        });
        let replies = together(tasks).await;
        assert_eq!(replies[3], 200, "{replies:?}");
        assert_eq!(replies.iter().filter(|status| **status == 400).count(), 7, "{replies:?}");
    }
}

#[tokio::test]
async fn an_undo_wins_over_a_concurrent_confirmation() {
    let server = Server::with().with_mail().start().await;
    for round in 0..4 {
        let thief = verified(&server, &format!("user{round}")).await;
        move_to(&server, &thief, &format!("thief{round}@example.com")).await;
        let link = token(&server, &thief.email, "undo-email-change").await;
        let next = format!("next{round}@example.com");
        change(&thief, &next).await.is(200);
        let pending = token(&server, &next, "verify-email").await;
        let tasks = [Some(link), None].map(|link| {
            let (thief, pending) = (thief.clone(), pending.clone());
            async move {
                match link {
                    Some(link) => undo(&thief, &link).await.status,
                    None => confirm(&thief, &pending).await.status,
                }
            }
        });
        let replies = together(tasks).await;
        assert_eq!(replies[0], 204, "{replies:?}");
        let users = server.home.users();
        let user = users.iter().find(|user| user["id"] == thief.id.as_str()).unwrap();
        assert_eq!((&user["email"], &user["pending_email"]), (&json!(thief.email), &json!(null)), "{replies:?}");
        let letters = server.letters_after_jobs(&format!("thief{round}@example.com")).await;
        for letter in letters.iter().filter(|letter| letter.text.contains("/undo-email-change#")) {
            undo(&thief, &letter.token()).await.is(400).problem_is("email_token_invalid");
        }
    }
}

#[tokio::test]
async fn only_the_last_of_concurrent_changes_can_be_confirmed() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    let replies = together((0..6).map(|number| {
        let ada = ada.clone();
        async move { change(&ada, &format!("new{number}@example.com")).await }
    }))
    .await;
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:#?}");
    let pending = ada.get(ME).await.is(200).json()["pending_email"].as_str().unwrap().to_owned();
    server.jobs_end().await;
    let links = (0..6).flat_map(|number| server.home.letters(&format!("new{number}@example.com")));
    let (mut confirmed, links): (usize, Vec<_>) = (0, links.collect());
    for letter in links {
        let reply = confirm(&ada, &letter.token()).await;
        assert_eq!(reply.status, if letter.to == pending { 200 } else { 400 }, "{letter:#?}");
        confirmed += usize::from(reply.status == 200);
    }
    assert_eq!((confirmed, email(&ada).await), (1, pending));
}
