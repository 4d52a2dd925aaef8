//! The numbers of payment cards.
//!
//! One number in ten has a right check digit, and so has one moment in milliseconds in ten: the first
//! digits and the length must be those of a network too.

use std::ops::Range;

/// Finds the numbers of payment cards: groups of digits with one or two separators between them
/// that have 13 to 19 digits in all, begin as the numbers of a network do, and end with their check
/// digit by Luhn.
pub(super) fn cards(text: &str, parts: &mut Vec<Range<usize>>) {
    const DIGITS: Range<usize> = 13..20;
    // Nothing shorter can be one: most texts end here.
    if text.len() < DIGITS.start {
        return;
    }
    let mut run: Vec<Group> = Vec::new();
    let mut n_between = 0;
    for (at, letter) in text.char_indices() {
        if let Some(digit) = digit(letter) {
            let end = at + letter.len_utf8();
            match run.last_mut() {
                Some(group) if n_between == 0 => {
                    group.digits.push(digit);
                    group.end = end;
                }
                _ => run.push(Group { start: at, end, digits: vec![digit] }),
            }
            n_between = 0;
        } else if !run.is_empty() {
            n_between += 1;
            if n_between > 2 || !is_separator(letter) {
                find_in_run(&run, DIGITS, parts);
                run.clear();
                n_between = 0;
            }
        }
    }
    find_in_run(&run, DIGITS, parts);
}

/// Digits without anything between them.
struct Group {
    start: usize,
    end: usize,
    digits: Vec<u8>,
}

fn find_in_run(run: &[Group], n_digits: Range<usize>, parts: &mut Vec<Range<usize>>) {
    let mut first = 0;
    while first < run.len() {
        let mut digits: Vec<u8> = Vec::new();
        let mut found = None;
        for (place, group) in run.iter().enumerate().skip(first) {
            digits.extend_from_slice(&group.digits);
            if digits.len() >= n_digits.end {
                break;
            }
            if digits.len() >= n_digits.start && is_issued(&digits) && is_luhn(&digits) {
                found = Some(place);
            }
        }
        if let Some(last) = found {
            parts.push(run[first].start..run[last].end);
        }
        first += 1;
    }
}

/// Does a network give out numbers that begin so and have this length? The ranges are those that
/// the networks name, also those of one country; a network that is not here is not found.
fn is_issued(digits: &[u8]) -> bool {
    let first = digits.iter().take(4).fold(0, |sum, digit| sum * 10 + u16::from(*digit));
    match digits.len() {
        // Visa's old form.
        13 => matches!(first, 4000..=4999),
        // Diners Club.
        14 => is_diners(first),
        // American Express, JCB's old form, UATP.
        15 => matches!(first, 1000..=1999 | 2131 | 3400..=3499 | 3700..=3799),
        16 => {
            is_diners(first)
                || is_long(first)
                // Mastercard, Visa; RuPay, Uzcard, Troy, Humo.
                || matches!(first, 2221..=2720 | 4000..=4999 | 5100..=5599)
                || matches!(first, 8100..=8299 | 8600 | 9792 | 9860)
        }
        17 | 18 => is_long(first) || is_diners(first),
        // Visa's new form.
        19 => is_long(first) || is_diners(first) || matches!(first, 4000..=4999),
        _ => false,
    }
}

const fn is_diners(first: u16) -> bool {
    matches!(first, 3000..=3059 | 3095 | 3600..=3699 | 3800..=3999)
}

/// The networks whose numbers have 16 to 19 digits: Mir, JCB, Maestro, Discover, UnionPay and those
/// that use their ranges.
const fn is_long(first: u16) -> bool {
    matches!(first, 2200..=2205 | 3528..=3589 | 5000..=5099 | 5600..=5899 | 6000..=6999 | 8100..=8199)
}

/// Is the last digit the check digit of those before it?
fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The value of a decimal digit, in the scripts that people type numbers in.
fn digit(letter: char) -> Option<u8> {
    /// The zero of each script; its digits follow it.
    const ZEROS: [char; 18] = [
        '\u{0660}', '\u{06f0}', '\u{07c0}', '\u{0966}', '\u{09e6}', '\u{0a66}', '\u{0ae6}',
        '\u{0b66}', '\u{0be6}', '\u{0c66}', '\u{0ce6}', '\u{0d66}', '\u{0e50}', '\u{0ed0}',
        '\u{0f20}', '\u{1040}', '\u{17e0}', '\u{ff10}',
    ];
    if letter.is_ascii() {
        return letter.to_digit(10).map(|digit| digit as u8);
    }
    let code = u32::from(letter);
    // The digits of mathematics: five alphabets, one behind the other.
    if (0x1d7ce..=0x1d7ff).contains(&code) {
        return Some(((code - 0x1d7ce) % 10) as u8);
    }
    ZEROS
        .iter()
        .map(|zero| code.wrapping_sub(u32::from(*zero)))
        .find(|digit| *digit < 10)
        .map(|digit| digit as u8)
}

const fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '-' | '.' | '_' | '/' | '\t' | '\u{a0}' | '\u{ad}' | '\u{2000}'
            ..='\u{2015}' | '\u{202f}' | '\u{2212}' | '\u{3000}' | '\u{ff0d}'
    )
}
