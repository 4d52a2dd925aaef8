//! The place that an error names, and whether it is within the text.

/// Checks a place, line and column from 1; the place behind the last character is one too.
#[track_caller]
pub(crate) fn assert_within(text: &str, line: usize, column: usize, error: &str) {
    let found = text.split('\n').nth(line.wrapping_sub(1));
    let Some(found) = found else { panic!("there is no line {line}: {error}\n{text:?}") };
    let n_letters = found.chars().count();
    assert!(
        (1..=n_letters + 1).contains(&column),
        "there is no column {column}: {error}\n{text:?}"
    );
}

/// The first number behind these letters.
pub(crate) fn number_behind(text: &str, letters: &str) -> Option<usize> {
    let (_, rest) = text.split_once(letters)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// An error is one line that drives no terminal.
#[track_caller]
pub(crate) fn assert_harmless(error: &str) {
    assert!(!error.chars().any(char::is_control), "{error:?}");
}
