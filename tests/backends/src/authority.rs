//! Certificate authorities for the certificates of servers and clients in tests.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

/// A certificate authority that no system trusts by default.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key, as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub pem: String,
    /// The private key, as PKCS #8.
    pub key: String,
}

impl Authority {
    /// Creates a valid authority.
    #[must_use]
    pub fn new() -> Self {
        Self::until(4000)
    }

    /// Creates an authority whose certificate has expired.
    #[must_use]
    pub fn expired() -> Self {
        Self::until(2001)
    }

    fn until(year: i32) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "An authority of tests");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Returns the certificate, in the format of `DATABASE_CA_FILE`.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for these names, with an elliptic-curve key. The first name is also the common name.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Certificate {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        self.sign(names, names, 4000, &key)
    }

    /// Issues a certificate for these names, with an RSA key.
    #[must_use]
    pub fn issue_rsa(&self, names: &[&str]) -> Certificate {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
        self.sign(names, names, 4000, &key)
    }

    /// Issues a certificate with a common name only, like the certificates that MySQL generates for itself.
    #[must_use]
    pub fn issue_without_names(&self) -> Certificate {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        self.sign(&["MySQL_Server_Auto_Generated"], &[], 4000, &key)
    }

    /// Issues a certificate that has expired.
    #[must_use]
    pub fn issue_expired(&self, names: &[&str]) -> Certificate {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        self.sign(names, names, 2001, &key)
    }

    /// Its own certificate with its key, for a server that shows it as if it were a server's.
    #[must_use]
    pub fn own(&self) -> Certificate {
        Certificate { pem: self.pem.clone(), key: self.issuer.key().serialize_pem() }
    }

    fn sign(&self, common: &[&str], names: &[&str], year: i32, key: &KeyPair) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of hosts");
        if let Some(name) = common.first() {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let pem = params.signed_by(key, &self.issuer).expect("a certificate").pem();
        Certificate { pem, key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
