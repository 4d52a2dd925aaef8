//! What must never enter a record, and what a policy keeps out of it.

mod credentials;
mod mask;
mod privacy;
#[cfg(test)]
mod tests;

pub use self::privacy::Privacy;

/// Stands in a record for what must not be kept.
pub(crate) const REDACTED: &str = "<redacted>";

/// Does the command carry credentials, so that nothing of its body may be kept?
///
/// The list is that of the driver specifications ("Command Logging and Monitoring", security),
/// without regard to case. `hello` belongs to it when it carries a `speculativeAuthenticate`; the
/// driver gives no event for its own handshakes, and a hand-made one is treated as sensitive.
#[must_use]
pub(crate) fn is_sensitive_command(name: &str) -> bool {
    const SENSITIVE: &[&str] = &[
        "authenticate",
        "saslstart",
        "saslcontinue",
        "getnonce",
        "createuser",
        "updateuser",
        "copydbgetnonce",
        "copydbsaslstart",
        "copydb",
        "hello",
        "ismaster",
    ];
    SENSITIVE.iter().any(|sensitive| sensitive.eq_ignore_ascii_case(name))
}
