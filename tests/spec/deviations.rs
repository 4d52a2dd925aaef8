//! Tests that the driver itself does not pass, each looked into: not what the runner gets wrong.

/// File (its path's end), description, and in which way the driver goes its own way.
const KNOWN: &[(&str, &str, &str)] = &[
    ("change-streams.json", "Test with document comment", COMMENT_IN_STAGE),
    ("change-streams.json", "Test with string comment", COMMENT_IN_STAGE),
    ("change-streams.json", "Test that comment is set on getMore", COMMENT_IN_STAGE),
];

/// Its `ChangeStreamOptions` is serialized into the stage, with `comment` in it.
const COMMENT_IN_STAGE: &str = "it sends a change stream's comment in the $changeStream stage too, \
    which the server refuses (code 40415)";

/// Why the driver is known not to pass a test, if it is.
pub(crate) fn known(file: &str, description: &str) -> Option<&'static str> {
    let is_it = |(its_file, its_description, _): &&(&str, &str, &str)| {
        file.ends_with(its_file) && (*its_description == "*" || *its_description == description)
    };
    KNOWN.iter().find(is_it).map(|(_, _, why)| *why)
}
