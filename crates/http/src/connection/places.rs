//! Permits for connections. Each counts against the total and against the limit of its address.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keepstone_service::AddressPrefix;

use super::limits::ConnectionLimits;
use crate::client_address::Network;

/// The limiter of the server's connections. Clones share their state.
#[derive(Clone)]
pub struct Places(Arc<All>);

struct All {
    limits: ConnectionLimits,
    /// The limit for one address does not apply to trusted proxies, which forward for many clients.
    trusted_proxies: Vec<Network>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_address: HashMap<AddressPrefix, usize>,
}

/// A permit for one connection, released when it is dropped.
pub struct Place {
    all: Arc<All>,
    address: Option<AddressPrefix>,
}

impl Places {
    pub fn new(limits: ConnectionLimits, trusted_proxies: Vec<Network>) -> Self {
        Self(Arc::new(All { limits, trusted_proxies, taken: Mutex::default() }))
    }

    /// Acquires a permit for a connection from this peer, or returns the reason for rejecting it.
    pub fn take(&self, peer: Option<SocketAddr>) -> Result<Place, &'static str> {
        let ConnectionLimits { total, per_address, spares_loopback, .. } = self.0.limits;
        let address = per_address.and(peer).map(|peer| peer.ip().to_canonical());
        let address = address.filter(|peer| !(spares_loopback && peer.is_loopback()));
        let address = address.filter(|peer| !self.0.trusted_proxies.iter().any(|proxy| proxy.contains(*peer)));
        let address = address.map(AddressPrefix::from);
        let mut taken = self.0.taken();
        if taken.total >= total {
            return Err("There are too many connections");
        }
        if let Some(address) = address {
            let held = taken.by_address.entry(address).or_default();
            if per_address.is_some_and(|most| *held >= most) {
                return Err("There are too many connections from this address");
            }
            *held += 1;
        }
        taken.total += 1;
        Ok(Place { all: Arc::clone(&self.0), address })
    }
}

impl All {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.all.taken();
        taken.total -= 1;
        if let Some(Entry::Occupied(mut held)) = self.address.map(|address| taken.by_address.entry(address)) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Places, address: &str) -> Result<Place, &'static str> {
        places.take(Some(SocketAddr::new(address.parse().unwrap(), 4_711)))
    }

    #[test]
    fn an_address_is_limited_and_its_permits_are_released() {
        let places = Places::new(ConnectionLimits::new(3, Some(2), 10_000), Vec::new());
        let first = take(&places, "192.0.2.1").ok().unwrap();
        let _second = take(&places, "::ffff:192.0.2.1").ok().unwrap();
        assert!(take(&places, "192.0.2.1").is_err());
        let third = take(&places, "192.0.2.2").ok().unwrap();
        assert!(take(&places, "192.0.2.3").is_err(), "the total is three");
        drop(first);
        let _again = take(&places, "192.0.2.1").ok().unwrap();
        drop(third);
        assert_eq!(places.0.taken().by_address.len(), 1, "an address without connections has no entry");
    }

    #[test]
    fn by_default_the_limit_does_not_apply_to_loopback_addresses() {
        let places = Places::new(ConnectionLimits::new(1_000, None, 10_000), Vec::new());
        let from = |address| (0..300).map_while(|_| take(&places, address).ok()).collect::<Vec<_>>();
        let (near, far) = (from("127.0.0.1"), from("192.0.2.1"));
        assert_eq!((near.len(), far.len()), (300, 200));
    }

    #[test]
    fn a_trusted_proxy_may_have_all_connections() {
        let proxy = Network::new("10.0.0.0".parse().unwrap(), 8);
        let places = Places::new(ConnectionLimits::new(100, Some(1), 10_000), vec![proxy]);
        let held: Vec<_> = (0..100).map_while(|_| take(&places, "10.1.2.3").ok()).collect();
        assert_eq!(held.len(), 100);
        drop(held);
        let _one = take(&places, "2001:db8::1").ok().unwrap();
        assert!(take(&places, "2001:db8::2").is_err(), "an IPv6 address counts by its first 64 bits");
    }
}
