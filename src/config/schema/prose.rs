//! Doc comments as an editor shows them: without links into the code, and without its examples.

use schemars::Schema;

/// Makes plain prose of a description.
pub(super) fn plain(schema: &mut Schema) {
    if let Some(description) = schema.get("description").and_then(|text| text.as_str()) {
        let description = prose(description);
        schema.insert("description".to_owned(), description.into());
    }
}

/// The paragraphs of a doc comment, each in one line; the items of lists, and YAML, keep theirs.
pub(super) fn prose(doc: &str) -> String {
    let mut blocks = Vec::new();
    let mut lines = doc.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let block = match line.trim().strip_prefix("```") {
            Some(language) => {
                let code: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
                match language {
                    "yaml" => format!("```yaml\n{}\n```", code.join("\n")),
                    // Rust.
                    _ => continue,
                }
            }
            None => {
                let mut text = line.trim().to_owned();
                let goes_on =
                    |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("```");
                while let Some(line) = lines.next_if(goes_on) {
                    let is_own = ["- ", "|"].into_iter().any(|mark| line.trim().starts_with(mark));
                    text.push(if is_own { '\n' } else { ' ' });
                    text.push_str(line.trim());
                }
                // Where links lead that are named in the text.
                if text.starts_with('[') && text.contains("]: ") {
                    continue;
                }
                without_links(&text)
            }
        };
        if !block.is_empty() {
            blocks.push(block);
        }
    }
    blocks.join("\n\n")
}

/// `[Template](crate::Template)` and `[Template]` as `Template`; what leads into the web stays.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        match link(after) {
            Some((words, after)) => {
                plain.push_str(words);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

/// The words of a link after its bracket, and what stands behind it.
fn link(text: &str) -> Option<(&str, &str)> {
    let (words, after) = text.split_once(']')?;
    match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
        Some((target, _)) if target.starts_with("http") => None,
        Some((_, after)) => Some((words, after)),
        // Into the code; else a list.
        None => words.starts_with('`').then_some((words, after)),
    }
}
