//! Parameters of other drivers that are not supported, and what to use instead.

use super::DatabaseUrlError as Error;

/// Returns the error for an unsupported parameter, with the alternative if there is one.
pub(super) fn error(name: &str, key: &str) -> Error {
    let advice = match key {
        "poolsize" | "connectionlimit" | "maxoverflow" | "poolmax" | "maxconnections" | "pool" => "set DB_POOL_SIZE",
        "pooltimeout" | "poolrecycle" | "poolpreping" | "sockettimeout" | "commandtimeout" | "readtimeout"
        | "writetimeout" | "statementtimeout" | "timeout" | "acquiretimeout" => {
            "Keepstone sets its own limits; remove it"
        }
        "preparedstatementcachesize"
        | "statementcachesize"
        | "preparedstatementnamefunc"
        | "pgbouncer"
        | "preparethreshold" => {
            "Keepstone uses prepared statements, which need a direct connection or a pooler in session mode; remove it"
        }
        "schema" | "currentschema" | "searchpath" => "write options=-csearch_path%3DNAME",
        "sslcrl" | "sslcrldir" => "certificate revocation lists are not supported; remove it",
        "sslpassword" => "encrypted keys are not supported; decrypt the file, and remove it",
        "sslcertmode" => "a certificate is sent if sslcert is set; remove it",
        "sslminprotocolversion" | "sslmaxprotocolversion" | "tlsversion" | "sslcipher" => {
            "TLS 1.2 and 1.3 are supported; remove it"
        }
        "passfile" | "service" | "servicefile" | "readdefaultfile" | "readdefaultgroup" => {
            "write user and password into DATABASE_URL, or use DATABASE_URL_FILE"
        }
        "requireauth" | "krbsrvname" | "gsslib" | "gssdelegation" | "requirepeer" | "authplugin" => {
            "users log in by password or certificate; remove it"
        }
        "sslaccept" | "tls" | "usessl" | "requiressl" | "verifyservercertificate" | "sslidentity" => {
            "write sslmode=verify-full for PostgreSQL, ssl-mode=VERIFY_IDENTITY for MySQL and MariaDB"
        }
        "prefersocket" => "write unix_socket=/path to connect to a socket",
        _ => return Error::ParameterUnknown(name.to_owned()),
    };
    Error::ParameterUnsupported(name.to_owned(), advice)
}
