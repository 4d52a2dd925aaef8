//! Text that comes from outside, made harmless for a line of a log or a terminal.

/// Is the character able to break a line, to drive a terminal or to reorder what is read?
///
/// C0 and C1 controls, DEL, the line and paragraph separators, and the marks that turn the
/// direction of writing.
pub(super) const fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{061c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Appends a text on one line: what is unsafe, and the backslash, is escaped as in Rust
/// (`\n`, `\\`, `\u{1b}`), so that no two texts look alike.
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut plain = 0;
    // A byte of a longer character that may be unsafe begins with one of these.
    let suspect =
        |byte: u8| byte < 0x20 || matches!(byte, b'\\' | 0x7f | 0xc2 | 0xd8 | 0xe2 | 0xef);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| suspect(*byte)) {
        at += found;
        let Some(character) = text[at..].chars().next() else { break };
        let next = at + character.len_utf8();
        if character == '\\' || is_unsafe(character) {
            out.extend_from_slice(&bytes[plain..at]);
            for escaped in character.escape_default() {
                out.push(escaped as u8);
            }
            plain = next;
        }
        at = next;
    }
    out.extend_from_slice(&bytes[plain..]);
}
