//! Carries e-mails, or does not: their subjects say which.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use keepstone_domain::JobId;
use keepstone_service::{Letter, Mail, MailError, Mailer};
use tokio::sync::Semaphore;

pub struct Post {
    /// Each attempt, as it begins.
    tried: Mutex<Vec<JobId>>,
    /// What somebody is at.
    under_way: Mutex<HashSet<JobId>>,
    /// How often somebody began what another was at.
    overlaps: AtomicUsize,
    /// What has been handed over.
    sent: Mutex<Vec<Mail>>,
    /// E-mails with the subject "wait" need one each.
    pub permits: Semaphore,
}

impl Default for Post {
    fn default() -> Self {
        Self {
            tried: Mutex::default(),
            under_way: Mutex::default(),
            overlaps: AtomicUsize::default(),
            sent: Mutex::default(),
            permits: Semaphore::new(0),
        }
    }
}

impl Post {
    pub fn sent(&self) -> Vec<Mail> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many copies of each there are.
    pub fn copies(&self) -> HashMap<JobId, u32> {
        let mut copies = HashMap::new();
        for mail in self.sent() {
            *copies.entry(mail.id).or_default() += 1;
        }
        copies
    }

    /// How often two were at the same job.
    pub fn overlaps(&self) -> usize {
        self.overlaps.load(Ordering::SeqCst)
    }

    /// How often a job was tried.
    pub fn tries(&self, id: JobId) -> usize {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.iter().filter(|other| **other == id).count()
    }
}

/// Somebody is at a job, until this is dropped.
struct AtIt<'a>(&'a Post, JobId);

impl<'a> AtIt<'a> {
    fn begin(post: &'a Post, id: JobId) -> Self {
        if !post.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            post.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        Self(post, id)
    }
}

impl Drop for AtIt<'_> {
    fn drop(&mut self) {
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push(mail.id);
        let subject = if let Letter::Message { subject, .. } = &mail.letter { subject.as_str() } else { "fine" };
        let tries = self.tries(mail.id);
        let _at_it = AtIt::begin(self, mail.id);
        match subject {
            "fine" => {}
            "fails nine times" if tries > 9 => {}
            "fails nine times" | "fails" => return Err(MailError::Unavailable(format!("no luck\n{tries}"))),
            "refused" => return Err(MailError::Refused("550 no such mailbox".to_owned())),
            "hangs once" | "panics once" if tries > 1 => {}
            "hangs" | "hangs once" => std::future::pending().await,
            "panics" | "panics once" => panic!("as the subject says"),
            "wait" => self.permits.acquire().await.unwrap().forget(),
            other => panic!("{other}?"),
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Ok(())
    }

    async fn check(&self) -> Result<(), MailError> {
        Ok(())
    }
}
