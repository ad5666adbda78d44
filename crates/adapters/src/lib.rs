//! What Keepstone talks to besides its database: the clock now, and mail, caches, events and files as they come.

mod clock;

pub use clock::SystemClock;
