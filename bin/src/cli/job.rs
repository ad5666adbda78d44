//! The arguments of the commands for background jobs.

use clap::Subcommand;
use keepstone_domain::JobId;

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the jobs, newest first
    ///
    /// Waiting and running jobs, jobs done in the last week, and dead jobs: those that failed ten times, or that cannot
    /// succeed.
    List {
        /// Only jobs in this state
        #[arg(long, value_parser = ["waiting", "running", "done", "dead"])]
        state: Option<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Retry jobs that are dead or wait for their next attempt
    ///
    /// The servers notice within `JOB_POLL_INTERVAL` (10 s).
    Retry {
        /// The ids of the jobs, as `jobs list` shows them
        #[arg(required_unless_present = "dead", conflicts_with = "dead")]
        ids: Vec<JobId>,
        /// All dead jobs
        #[arg(long)]
        dead: bool,
        /// Print a JSON array of the jobs that will be retried; errors still go to standard error
        #[arg(long)]
        json: bool,
    },
}
