//! Records of traffic that no mirrored call opened: seen through the driver's events or spans, and
//! joined here into one record for each logical operation.

mod record;
mod table;
#[cfg(test)]
mod tests;

pub(super) use self::{
    record::{Again, RawCall, RawRecord},
    table::{Limits, RawTable},
};

/// Commands by which the driver keeps house: they have no record of their own.
///
/// Sensitive commands are not among them: that a user was created is worth a record, with what
/// and with which password is not kept.
pub(super) fn is_housekeeping(command: &str) -> bool {
    const HOUSEKEEPING: &[&str] = &[
        "hello",
        "ismaster",
        "isMaster",
        "endSessions",
        "saslStart",
        "saslContinue",
        "authenticate",
        "getnonce",
    ];
    HOUSEKEEPING.contains(&command)
}
