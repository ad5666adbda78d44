//! The address of a client, used alike for rate limits, sessions, the log and the audit. Any client can send
//! `X-Forwarded-For`: an entry counts only if a trusted proxy added it. Entries are read from the nearest outwards.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceRequest,
    http::header::{FORWARDED, HeaderMap, HeaderValue, X_FORWARDED_FOR, X_FORWARDED_PROTO},
};

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Creates the network of the addresses that share this many leading bits. An IPv4-mapped IPv6 network becomes the
    /// IPv4 network.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Self {
        let canonical = address.to_canonical();
        let prefix = match (address, canonical) {
            (IpAddr::V6(_), IpAddr::V4(_)) if prefix >= 96 => prefix - 96,
            // It contains more than the mapped IPv4 addresses. It stays unchanged, and contains no canonical address.
            (IpAddr::V6(_), IpAddr::V4(_)) => return Self { address, prefix },
            _ => prefix,
        };
        Self { address: canonical, prefix }
    }

    /// Returns whether the network contains an address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix = u32::from(self.prefix);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= prefix.min(32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= prefix.min(128)
            }
            _ => false,
        }
    }
}

/// The address of the client, as far as it is trustworthy; `None` if the connection has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// Determines the address. The [edge](crate::edge) stores it in the extensions of the request.
    #[must_use]
    pub fn find(request: &ServiceRequest, trusted: &[Network]) -> Self {
        let peer = request.head().peer_addr.map(|peer| peer.ip());
        Self(peer.map(|peer| walk(peer, request.headers(), trusted)))
    }

    /// Returns the stored address of a request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<IpAddr> {
        request.extensions().get::<Self>().and_then(|address| address.0)
    }
}

/// Whether an untrusted proxy has been reported. One warning is enough: the configuration does not change.
static IS_REPORTED: AtomicBool = AtomicBool::new(false);

/// Warns once about a peer that forwards for others and is not trusted: probably a proxy missing in the configuration.
pub fn report_untrusted_proxy(request: &ServiceRequest, trusted: &[Network]) {
    let Some(peer) = request.head().peer_addr.map(|peer| peer.ip().to_canonical()) else { return };
    if IS_REPORTED.load(Ordering::Relaxed) || trusted.iter().any(|network| network.contains(peer)) {
        return;
    }
    let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, FORWARDED];
    if let Some(name) = names.iter().find(|name| request.headers().contains_key(*name))
        && !IS_REPORTED.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(
            "{peer} sends {name}, which is ignored because TRUSTED_PROXIES does not list {peer}: all clients behind it count \
             as one. If it is your proxy, add it to TRUSTED_PROXIES; this is reported once"
        );
    }
}

/// Follows the entries from the peer outwards, as long as the address is trusted. A malformed entry ends the walk.
fn walk(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let values: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
    let nearest_first = values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    // A list may have empty elements, which are ignored (RFC 9110 section 5.6.1).
    for hop in nearest_first.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
        let Some(address) = read(hop) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// Parses an address as proxies write it: with or without brackets, with or without a port.
fn read(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";
    const STRANGER: &str = "203.0.113.9";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network::new(ip(address), prefix.parse().unwrap())
    }

    /// Returns the client of a request from `peer` with these headers, with two trusted networks.
    fn client(peer: &str, values: &[&[u8]]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(value).unwrap());
        }
        walk(ip(peer), &headers, &[network("10.0.0.0/8"), network("2001:db8:1::/48")])
    }

    #[test]
    fn the_header_of_an_untrusted_peer_is_ignored() {
        for value in ["192.0.2.1", "192.0.2.1, 10.0.0.2", "nonsense", ""] {
            assert_eq!(client(STRANGER, &[value.as_bytes()]), ip(STRANGER), "{value}");
        }
    }

    #[test]
    fn behind_a_proxy_the_nearest_untrusted_address_is_the_client() {
        for (values, expected) in [
            (&[][..], PROXY),
            (&["203.0.113.9"], STRANGER),
            (&["1.1.1.1, 203.0.113.9"], STRANGER),
            (&["1.1.1.1,203.0.113.9,10.0.0.2 ,\t10.0.0.3"], STRANGER),
            (&["1.1.1.1", "203.0.113.9", "10.0.0.2"], STRANGER),
            (&["1.1.1.1, 203.0.113.9", "10.0.0.2"], STRANGER),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&[", 203.0.113.9, ,"], STRANGER),
        ] {
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            assert_eq!(client(PROXY, &values), ip(expected), "{values:?}");
        }
    }

    #[test]
    fn a_malformed_entry_ends_the_walk() {
        assert_eq!(client(PROXY, &[b"203.0.113.9, unknown"]), ip(PROXY));
        assert_eq!(client(PROXY, &[b"203.0.113.9, unknown, 10.0.0.2"]), ip("10.0.0.2"));
        for odd in
            [&b"1.1.1.1:"[..], b"1.1.1.1:99999", b"[::1", b"::1]", b"\"1.1.1.1\"", b"for=1.1.1.1", b"\xff", b"01.1.1.1"]
        {
            assert_eq!(client(PROXY, &[odd]), ip(PROXY), "{odd:?}");
        }
    }

    #[test]
    fn addresses_are_read_with_brackets_and_ports() {
        for (value, expected) in [
            ("203.0.113.9:443", STRANGER),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:443", "2001:db8::9"),
            ("::ffff:203.0.113.9", STRANGER),
            ("2001:db8::9, 2001:db8:1::7", "2001:db8::9"),
        ] {
            assert_eq!(client("2001:db8:1::1", &[value.as_bytes()]), ip(expected), "{value}");
        }
        assert_eq!(client("::ffff:10.0.0.1", &[b"203.0.113.9"]), ip(STRANGER), "a dual-stack socket maps IPv4");
    }

    #[test]
    fn of_a_thousand_entries_the_nearest_untrusted_one_counts() {
        let far = "1.1.1.1,".repeat(500);
        let near = ",10.9.8.7".repeat(500);
        assert_eq!(client(PROXY, &[format!("{far}{STRANGER}{near}").as_bytes()]), ip(STRANGER));
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_leading_bits() {
        assert!(network("10.0.0.0/8").contains(ip("10.255.0.1")) && !network("10.0.0.0/8").contains(ip("11.0.0.0")));
        assert!(network("10.0.0.1/32").contains(ip("10.0.0.1")) && !network("10.0.0.1/32").contains(ip("10.0.0.0")));
        assert!(network("0.0.0.0/0").contains(ip(STRANGER)) && !network("0.0.0.0/0").contains(ip("2001:db8::1")));
        assert!(network("::ffff:10.0.0.0/104").contains(ip("10.1.2.3")));
        assert!(network("fd00::/8").contains(ip("fdff::1")) && !network("fd00::/8").contains(ip("fe00::1")));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_those_of_untrusted_peers_are_ignored(
            values in prop::collection::vec(prop::collection::vec(prop::sample::select(b"0123456789abcdef.:[], \t%\xff".as_slice()), 0..40), 0..4),
        ) {
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(client(STRANGER, &values), ip(STRANGER));
            client(PROXY, &values);
        }

        #[test]
        fn the_client_is_the_nearest_address_that_is_not_a_proxy(
            hops in prop::collection::vec((any::<bool>(), any::<[u8; 3]>(), 0..4_u8), 0..8),
        ) {
            let hops: Vec<(IpAddr, String)> = hops
                .into_iter()
                .map(|(is_proxy, [b, c, d], spelling)| {
                    let address = IpAddr::from([if is_proxy { 10 } else { 11 }, b, c, d]);
                    let text = match spelling {
                        0 => format!("{address}"),
                        1 => format!(" [::ffff:{address}]\t"),
                        2 => format!("{address}:{b}"),
                        _ => format!(",, {address}"),
                    };
                    (address, text)
                })
                .collect();
            let nearest = hops.iter().rev().map(|(address, _)| *address);
            let is_proxy = |address: &IpAddr| network("10.0.0.0/8").contains(*address);
            let outermost = hops.first().map_or(ip(PROXY), |(address, _)| *address);
            let expected = nearest.clone().find(|address| !is_proxy(address)).unwrap_or(outermost);
            let header = hops.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(",");
            prop_assert_eq!(client(PROXY, &[header.as_bytes()]), expected);
        }

        #[test]
        fn entries_before_the_nearest_untrusted_one_are_ignored(before in "[0-9a-f.:,\\[\\] ]{0,60}") {
            prop_assert_eq!(client(PROXY, &[format!("{before},{STRANGER}").as_bytes()]), ip(STRANGER));
        }
    }
}
