//! Selects the verifier for a request: the innermost verifier, or an error if the order is unknown.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};

use super::challenge::Challenge;
#[cfg(feature = "jwks")]
use crate::jwks::RemoteVerifier;
use crate::token::{AccessClaims, Keyring, Verifier};

/// A verifier of any type, as application data: `app_data(TokenVerifier::from(verifier))`.
///
/// actix finds the innermost data of one type, but cannot determine the order of two types. An application that
/// verifies with a [`Keyring`] in one scope and a [`Verifier`] in another registers both as this type. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenVerifier(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Fixed(Arc<Verifier>),
    Ring(Arc<Keyring>),
    #[cfg(feature = "jwks")]
    Remote(RemoteVerifier),
}

impl From<Verifier> for TokenVerifier {
    fn from(verifier: Verifier) -> Self {
        Self(Kind::Fixed(Arc::new(verifier)))
    }
}

impl From<Arc<Keyring>> for TokenVerifier {
    fn from(keyring: Arc<Keyring>) -> Self {
        Self(Kind::Ring(keyring))
    }
}

impl From<Keyring> for TokenVerifier {
    fn from(keyring: Keyring) -> Self {
        Arc::new(keyring).into()
    }
}

#[cfg(feature = "jwks")]
impl From<RemoteVerifier> for TokenVerifier {
    fn from(verifier: RemoteVerifier) -> Self {
        Self(Kind::Remote(verifier))
    }
}

impl TokenVerifier {
    fn borrow(&self) -> Borrowed<'_> {
        match &self.0 {
            Kind::Fixed(verifier) => Borrowed::Fixed(verifier),
            Kind::Ring(keyring) => Borrowed::Ring(keyring),
            #[cfg(feature = "jwks")]
            Kind::Remote(verifier) => Borrowed::Remote(verifier),
        }
    }
}

/// A verifier in the application data.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    kind: Borrowed<'a>,
    /// The address of the data, which is unique while the application runs.
    place: usize,
}

#[derive(Clone, Copy)]
enum Borrowed<'a> {
    Fixed(&'a Verifier),
    Ring(&'a Keyring),
    #[cfg(feature = "jwks")]
    Remote(&'a RemoteVerifier),
}

/// The verifiers that an outer scope saw for a request.
#[derive(Debug, Default, Clone)]
struct Trail {
    /// The places of all verifiers visible there.
    seen: Vec<usize>,
    /// The place of the innermost of them.
    nearest: usize,
}

impl Source<'_> {
    pub(super) const fn place(&self) -> usize {
        self.place
    }

    #[cfg_attr(
        not(feature = "jwks"),
        expect(clippy::unused_async, reason = "only a verifier that fetches keys awaits")
    )]
    pub(super) async fn verify(&self, token: &str) -> Result<AccessClaims, Challenge> {
        match self.kind {
            Borrowed::Fixed(verifier) => Ok(verifier.verify_access(token)?),
            Borrowed::Ring(keyring) => Ok(keyring.current().verifier().verify_access(token)?),
            #[cfg(feature = "jwks")]
            Borrowed::Remote(verifier) => Ok(verifier.verify_access(token).await?),
        }
    }
}

/// Returns the verifier of the innermost scope that has a verifier.
///
/// Scopes only add data from the outside in. A verifier that an outer [`Bearer`] did not see is therefore closer than
/// all verifiers it saw. Without a new verifier, the choice of the outer middleware remains valid. Two new verifiers of
/// different types could be in either order. A wrong guess would accept the wrong tokens, so this is an error.
///
/// [`Bearer`]: super::Bearer
pub(super) fn nearest(request: &HttpRequest) -> Result<Source<'_>, Challenge> {
    let visible = visible(request);
    let trail = request.extensions().get::<Trail>().cloned().unwrap_or_default();
    let mut new = visible.iter().filter(|source| !trail.seen.contains(&source.place));
    let nearest = match (new.next(), new.next()) {
        (Some(only), None) => Some(*only),
        (Some(_), Some(_)) => {
            tracing::error!("verifiers of several types are visible here: register all of them as TokenVerifier");
            return Err(Challenge::AmbiguousVerifier);
        }
        (None, _) => visible.iter().find(|source| source.place == trail.nearest).copied(),
    };
    let Some(nearest) = nearest else {
        tracing::error!("the application data contains no verifier: register a Verifier, Keyring or RemoteVerifier");
        return Err(Challenge::NoVerifier);
    };
    let seen = visible.iter().map(|source| source.place).collect();
    request.extensions_mut().insert(Trail { seen, nearest: nearest.place });
    Ok(nearest)
}

/// Returns the innermost verifier of each type.
fn visible(request: &HttpRequest) -> Vec<Source<'_>> {
    let found = [
        find(request, TokenVerifier::borrow),
        find(request, |data: &Data<TokenVerifier>| data.borrow()),
        find(request, Borrowed::Fixed),
        find(request, |data: &Data<Verifier>| Borrowed::Fixed(data)),
        find(request, |data: &Data<Keyring>| Borrowed::Ring(data)),
        #[cfg(feature = "jwks")]
        find(request, Borrowed::Remote),
        #[cfg(feature = "jwks")]
        find(request, |data: &Data<RemoteVerifier>| Borrowed::Remote(data)),
    ];
    found.into_iter().flatten().collect()
}

fn find<'a, T: 'static>(request: &'a HttpRequest, kind: fn(&'a T) -> Borrowed<'a>) -> Option<Source<'a>> {
    let data = request.app_data::<T>()?;
    Some(Source { kind: kind(data), place: std::ptr::from_ref(data).addr() })
}
