//! The driver's surface beside ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    features::Needs,
    members::{Member, Members, members},
    source::{Segments, Source, Target},
};

/// Why something of the driver is not here.
pub(crate) struct Exception {
    pub(crate) of: Of,
    pub(crate) reason: &'static str,
}

/// What an exception is about.
#[derive(Debug)]
pub(crate) enum Of {
    /// All that the driver has with this feature alone.
    Feature(&'static str),
    /// What is at this public path, or below it.
    Path(&'static str),
    /// This method or trait (`impl Clone`) of the type at this public path.
    Member(&'static str, &'static str),
}

/// How something of the driver is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Here {
    Mirrored,
    ReExported,
    LeftOut(&'static str),
    /// Nobody has said what is to be done with it.
    Unknown,
}

/// One public item of the driver.
pub(crate) struct Row {
    pub(crate) path: Segments,
    pub(crate) needs: Needs,
    pub(crate) here: Here,
    pub(crate) is_module: bool,
    /// The features of ours that it needs.
    pub(crate) our_needs: Needs,
    pub(crate) members: Vec<(Member, Here)>,
}

pub(crate) struct Comparison {
    pub(crate) rows: Vec<Row>,
    /// Exceptions that except nothing.
    pub(crate) unneeded: Vec<String>,
}

struct Judge<'a> {
    exceptions: &'a [Exception],
    used: BTreeSet<usize>,
}

pub(crate) fn compare(driver: &Source, ours: &Source, exceptions: &[Exception]) -> Comparison {
    let (their_members, our_members) = (members(driver), members(ours));
    let mut judge = Judge { exceptions, used: BTreeSet::new() };
    let mut rows = Vec::new();
    let mut seen = BTreeMap::new();
    for (path, (target, needs)) in driver.surface() {
        let found = ours.public(&path);
        let (found, our_needs) = found.map_or((None, Needs::new()), |(t, n)| (Some(t), n));
        let here = match &found {
            Some(Target::Foreign(theirs)) if is_same(driver, &path, &target, theirs) => {
                Here::ReExported
            }
            Some(Target::Item(_) | Target::Module(_)) => Here::Mirrored,
            _ => judge.missing(&path, &needs, None),
        };
        let mut row = Row { members: Vec::new(), path, needs, here, our_needs, is_module: false };
        match &target {
            Target::Module(_) => row.is_module = true,
            // The methods stand at the first of its paths.
            Target::Item(item) if seen.insert(item.clone(), ()).is_none() => {
                let theirs = their_members.get(item);
                row.members = judge.members(&row, theirs, found.as_ref(), &our_members);
            }
            _ => {}
        }
        rows.push(row);
    }
    let unneeded = exceptions.iter().enumerate().filter(|(n, _)| !judge.used.contains(n));
    let unneeded = unneeded.map(|(_, exception)| format!("{:?}", exception.of)).collect();
    Comparison { rows, unneeded }
}

/// Is this path of ours, which leads into the driver, the driver's item?
fn is_same(driver: &Source, path: &[String], target: &Target, theirs: &[String]) -> bool {
    let Some((crate_name, inside)) = theirs.split_first() else { return false };
    crate_name == "mongodb"
        && (inside == path || driver.public(inside).is_some_and(|(there, _)| there == *target))
}

impl Judge<'_> {
    /// What is said of something that is not here.
    fn missing(&mut self, path: &[String], needs: &Needs, member: Option<&str>) -> Here {
        let path = path.join("::");
        let is_meant = |of: &Of| match of {
            Of::Feature(feature) => needs.contains(*feature),
            Of::Path(from) => path
                .strip_prefix(from)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
            Of::Member(of, name) => path == *of && member == Some(*name),
        };
        match self.exceptions.iter().position(|exception| is_meant(&exception.of)) {
            Some(n) => {
                self.used.insert(n);
                Here::LeftOut(self.exceptions[n].reason)
            }
            None => Here::Unknown,
        }
    }

    fn members(
        &mut self,
        row: &Row,
        theirs: Option<&BTreeSet<Member>>,
        found: Option<&Target>,
        our_members: &Members,
    ) -> Vec<(Member, Here)> {
        let theirs = theirs.into_iter().flatten();
        let none = BTreeSet::new();
        let ours = match found {
            Some(Target::Item(ours)) => our_members.get(ours).unwrap_or(&none),
            _ => return theirs.map(|member| (member.clone(), row.here.clone())).collect(),
        };
        let judged = theirs.clone().map(|member| {
            // With two methods of one name, the features tell which is which.
            let is_only = theirs.clone().filter(|other| other.name == member.name).count() == 1;
            let is_here = ours.iter().any(|our| {
                our.name == member.name
                    && our.call == member.call
                    && (is_only || our.needs == member.needs)
            });
            let here = match is_here {
                true => Here::Mirrored,
                false => self.missing(&row.path, &member.needs, Some(&member.name)),
            };
            (member.clone(), here)
        });
        judged.collect()
    }
}

impl Comparison {
    /// What the driver has and the table does not know.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        for row in &self.rows {
            let path = row.path.join("::");
            if row.here == Here::Unknown {
                unknown.push(path);
                continue;
            }
            let members = row.members.iter().filter(|(_, here)| *here == Here::Unknown);
            unknown.extend(
                members.map(|(member, _)| format!("{path}: {}{}", member.name, member.call)),
            );
        }
        unknown
    }
}
