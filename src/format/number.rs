//! Numbers, spans and moments as digits, without `fmt`.

use std::time::Duration;

use crate::record::Timestamp;

/// Appends an integer.
pub(super) fn int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a finite number in the shortest form that reads back as the same.
pub(super) fn double(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
}

/// Appends a span as seconds with so many decimals (at most nine), rounded half up.
pub(super) fn seconds(span: Duration, decimals: u8, out: &mut Vec<u8>) {
    let decimals = usize::from(decimals.min(9));
    let unit = 10_u128.pow(9 - decimals as u32);
    let scale = 10_u128.pow(decimals as u32);
    let units = (span.as_nanos() + unit / 2) / unit;
    let (whole, fraction) = (units / scale, units % scale);
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    if decimals > 0 {
        out.push(b'.');
        digits(fraction as u64, decimals, out);
    }
}

/// Appends a moment by RFC 3339 in UTC with six decimals, as `Timestamp` displays it.
pub(super) fn moment(time: Timestamp, out: &mut Vec<u8>) {
    if !civil(time.as_micros().div_euclid(1_000_000), out) {
        // Beyond the years that civil time knows: the number itself is the truth.
        int(time.as_micros(), out);
        out.extend_from_slice(b"us");
        return;
    }
    out.push(b'.');
    digits(time.as_micros().rem_euclid(1_000_000).unsigned_abs(), 6, out);
    out.push(b'Z');
}

/// Appends date and time to the second, `2024-05-01T12:00:00`; says no for years that do not have
/// four digits, and appends nothing then.
pub(super) fn civil(second: i64, out: &mut Vec<u8>) -> bool {
    let Ok(moment) = jiff::Timestamp::from_second(second) else { return false };
    let civil = jiff::tz::Offset::UTC.to_datetime(moment);
    let Ok(year) = u64::try_from(civil.year()) else { return false };
    digits(year, 4, out);
    let parts = [
        (b'-', civil.month()),
        (b'-', civil.day()),
        (b'T', civil.hour()),
        (b':', civil.minute()),
        (b':', civil.second()),
    ];
    for (separator, part) in parts {
        out.push(separator);
        digits(u64::from(part.unsigned_abs()), 2, out);
    }
    true
}

/// Appends the last `width` decimal digits of a number, with zeros in front.
pub(super) fn digits(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}
