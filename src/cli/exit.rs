//! The exit codes of the tool. They are API: scripts ask for them.

/// Says how a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// Everything was done.
    Success,
    /// Something could not be done, such as reading or writing a file.
    Failure,
    /// The command line could not be understood.
    Usage,
    /// The work was done but for malformed rows or lines; an edit in place was not done at all.
    Malformed,
    /// A file was converted, but not all of it could be carried over.
    Incomplete,
}

impl Exit {
    /// Every value, by code.
    pub const ALL: &'static [Self] =
        &[Self::Success, Self::Failure, Self::Usage, Self::Malformed, Self::Incomplete];

    /// The number that the process exits with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Malformed => 3,
            Self::Incomplete => 4,
        }
    }

    /// What the code means, in one line of the help.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Success => "everything was done",
            Self::Failure => {
                "something could not be done, such as reading or writing a file, or a configuration is at fault"
            }
            Self::Usage => "the command line could not be understood",
            Self::Malformed => {
                "malformed rows or lines were left out (in place: nothing was changed)"
            }
            Self::Incomplete => "a file was converted, but not all of it could be carried over",
        }
    }

    /// The table of codes at the end of each help text.
    pub(super) fn help() -> String {
        let lines = Self::ALL.iter().map(|exit| format!("\n  {}  {}", exit.code(), exit.doc()));
        lines.fold("Exit codes:".to_owned(), |text, line| text + &line)
    }
}
