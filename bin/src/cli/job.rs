//! The words about background jobs.

use clap::Subcommand;
use keepstone_domain::JobId;

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the jobs, newest first
    ///
    /// Those that wait or are being done, those that were done in the last week, and those that are dead: given up
    /// after ten attempts, or because they cannot be done.
    List {
        /// Only those in this state
        #[arg(long, value_parser = ["waiting", "running", "done", "dead"])]
        state: Option<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Have jobs tried again that are dead, or wait for their next attempt
    ///
    /// The servers notice within `JOB_POLL_INTERVAL` (10 s).
    Retry {
        /// The ids of the jobs, as `jobs list` shows them
        #[arg(required_unless_present = "dead", conflicts_with = "dead")]
        ids: Vec<JobId>,
        /// All jobs that are dead
        #[arg(long)]
        dead: bool,
        /// Print a JSON array of those that will be tried again; others are told on standard error all the same
        #[arg(long)]
        json: bool,
    },
}
