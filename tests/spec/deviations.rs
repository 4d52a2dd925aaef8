//! Tests that the driver itself does not pass, each looked into: not what the runner gets wrong.

/// In which way the driver goes its own way.
struct Deviation {
    /// The server's code, which the failure must have: a test may fail for other reasons too.
    code: &'static str,
    why: &'static str,
}

/// File (its path's end), description, and the deviation.
const KNOWN: &[(&str, &str, Deviation)] = &[
    ("change-streams.json", "Test with document comment", COMMENT_IN_STAGE),
    ("change-streams.json", "Test with string comment", COMMENT_IN_STAGE),
    ("change-streams.json", "Test that comment is set on getMore", COMMENT_IN_STAGE),
];

/// Its `ChangeStreamOptions` is serialized into the stage, with `comment` in it.
const COMMENT_IN_STAGE: Deviation = Deviation {
    code: "40415",
    why: "it sends a change stream's comment in the $changeStream stage too, which the server \
        refuses (code 40415)",
};

/// Why the driver is known to fail a test in this way, if it is.
pub(crate) fn known(file: &str, description: &str, failure: &str) -> Option<&'static str> {
    let is_it = |(its_file, its_description, deviation): &&(&str, &str, Deviation)| {
        file.ends_with(its_file)
            && *its_description == description
            && failure.contains(deviation.code)
    };
    KNOWN.iter().find(is_it).map(|(_, _, deviation)| deviation.why)
}
