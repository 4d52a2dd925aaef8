//! The line of the file that a fault is about, with a mark under its column.

use super::{fault::harmless, letters::with_line_feeds, tree::Place};

/// So many letters of a line are shown.
const LETTERS_MAX: usize = 100;

/// Two lines: the one at the place, cut around its column if it is long, and a caret under it.
/// Nothing for an empty line.
pub(super) fn snippet(text: &str, place: Place) -> String {
    let number = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
    let text = with_line_feeds(text);
    let line: Vec<char> = text.lines().nth(number).unwrap_or_default().chars().collect();
    if line.iter().all(|letter| letter.is_whitespace()) {
        return String::new();
    }
    let column = column.min(line.len());
    let start = match line.len() <= LETTERS_MAX {
        true => 0,
        false => column.saturating_sub(LETTERS_MAX / 2).min(line.len() - LETTERS_MAX),
    };
    let end = (start + LETTERS_MAX).min(line.len());
    let dots = |is_cut: bool| if is_cut { "..." } else { "" };
    let part = |range: &[char]| harmless(&range.iter().collect::<String>());
    let before = dots(start > 0).to_owned() + &part(&line[start..column]);
    let after = part(&line[column..end]) + dots(end < line.len());
    let margin = format!("{} | ", place.line);
    let blank = " ".repeat(margin.len() - 2) + "| ";
    let under = " ".repeat(before.chars().count());
    format!("{margin}{before}{after}\n{blank}{under}^\n")
}
