//! A mailer that succeeds or fails as the subjects of its e-mails say.

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
    /// All attempts, in the order in which they start.
    tried: Mutex<Vec<JobId>>,
    /// The jobs with a running attempt.
    under_way: Mutex<HashSet<JobId>>,
    /// How often an attempt started while another one of the same job was running.
    overlaps: AtomicUsize,
    /// The e-mails that were sent.
    sent: Mutex<Vec<Mail>>,
    /// Each e-mail with the subject "wait" needs a permit.
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

    /// Returns the number of copies of each e-mail.
    pub fn copies(&self) -> HashMap<JobId, u32> {
        let mut copies = HashMap::new();
        for mail in self.sent() {
            *copies.entry(mail.id).or_default() += 1;
        }
        copies
    }

    /// Returns how often two attempts of one job overlapped.
    pub fn overlaps(&self) -> usize {
        self.overlaps.load(Ordering::SeqCst)
    }

    /// Returns the number of attempts of a job.
    pub fn tries(&self, id: JobId) -> usize {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.iter().filter(|other| **other == id).count()
    }
}

/// Marks a job as running until it is dropped.
struct RunningAttempt<'a>(&'a Post, JobId);

impl<'a> RunningAttempt<'a> {
    fn begin(post: &'a Post, id: JobId) -> Self {
        if !post.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            post.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        Self(post, id)
    }
}

impl Drop for RunningAttempt<'_> {
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
        let _running = RunningAttempt::begin(self, mail.id);
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
