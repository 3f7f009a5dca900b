//! What a user may do: rights over names that begin in some way.
//!
//! One grant holds for topics, groups and transactional ids alike. Whoever has any right over a name sees it. `read`
//! fetches from topics and uses groups; `write` produces, also in transactions; `admin` is both, and makes, changes and
//! deletes. `admin` over every name is also the right to see and change the broker and its users. Topics of changes are
//! read-only, even for administrators: only a grant of `write` that names such a topic in full lets a client produce to it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Fetching, and being in groups.
    Read,
    /// Producing, also in transactions.
    Write,
    /// Everything.
    Admin,
}

impl Right {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Write => "write",
            Right::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Right {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Right::Read, Right::Write, Right::Admin].into_iter().find(|right| right.name() == text);
        found.ok_or_else(|| "the rights are read, write and admin".to_owned())
    }
}

/// A right over all names that begin with something; the empty prefix is every name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// What may be done.
    pub right: Right,
    /// How the names begin.
    pub prefix: String,
}

/// Everything that one user may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// All of them, sorted.
    pub fn all(&self) -> &[Grant] {
        &self.0
    }

    /// With one more.
    #[must_use]
    pub fn with(&self, grant: Grant) -> Grants {
        let mut grants = self.0.clone();
        grants.push(grant);
        grants.sort();
        grants.dedup();
        Grants(grants)
    }

    /// With one less.
    #[must_use]
    pub fn without(&self, grant: &Grant) -> Grants {
        Grants(self.0.iter().filter(|one| *one != grant).cloned().collect())
    }

    /// Whether a name may be seen.
    pub fn may_see(&self, name: &str) -> bool {
        self.0.iter().any(|grant| name.starts_with(&grant.prefix))
    }

    /// Whether this right, or all rights, are granted over a name.
    pub fn may(&self, right: Right, name: &str) -> bool {
        let matches = |grant: &Grant| {
            (grant.right == right || grant.right == Right::Admin) && name.starts_with(grant.prefix.as_str())
        };
        self.0.iter().any(matches)
    }

    /// Whether records of clients may be added to a topic of changes.
    pub fn may_write_changes(&self, topic: &str) -> bool {
        self.0.iter().any(|grant| grant.right == Right::Write && grant.prefix == topic)
    }

    /// Whether there is anything that may be written.
    pub fn may_write_something(&self) -> bool {
        self.0.iter().any(|grant| grant.right != Right::Read)
    }

    /// Whether everything may be done.
    pub fn is_administrator(&self) -> bool {
        self.0.iter().any(|grant| grant.right == Right::Admin && grant.prefix.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(all: &[(Right, &str)]) -> Grants {
        let grant = |(right, prefix): &(Right, &str)| Grant { right: *right, prefix: (*prefix).to_owned() };
        all.iter().map(grant).fold(Grants::default(), |grants, grant| grants.with(grant))
    }

    #[test]
    fn a_right_holds_for_names_with_its_prefix_and_admin_is_all_rights() {
        let some = grants(&[(Right::Read, "shop."), (Right::Write, "app"), (Right::Admin, "ops.")]);
        let may = |name: &str| [Right::Read, Right::Write, Right::Admin].map(|right| some.may(right, name));
        assert_eq!(may("shop.orders"), [true, false, false]);
        assert_eq!(may("shop"), [false; 3]);
        assert_eq!(may("application"), [false, true, false]);
        assert_eq!(may("ops.x"), [true; 3]);
        assert!(some.may_see("app") && some.may_see("shop.x") && !some.may_see("other"));
        assert!(some.may_write_something() && !some.is_administrator());
        assert!(!grants(&[(Right::Read, "")]).may_write_something());
        assert!(grants(&[(Right::Admin, "")]).is_administrator());
        assert_eq!(Grants::default().all(), &[]);
    }

    #[test]
    fn topics_of_changes_are_written_only_by_who_has_them_named() {
        assert!(
            !grants(&[(Right::Admin, ""), (Right::Write, ""), (Right::Write, "shop.")]).may_write_changes("shop.t")
        );
        assert!(!grants(&[(Right::Read, "shop.t"), (Right::Admin, "shop.t")]).may_write_changes("shop.t"));
        assert!(grants(&[(Right::Write, "shop.t")]).may_write_changes("shop.t"));
    }

    #[test]
    fn a_grant_given_twice_is_one_and_is_taken_back_whole() {
        let grant = Grant { right: Right::Read, prefix: "a".into() };
        let twice = Grants::default().with(grant.clone()).with(grant.clone());
        assert_eq!(twice.all(), std::slice::from_ref(&grant));
        assert_eq!(twice.without(&grant), Grants::default());
        assert_eq!("write".parse(), Ok(Right::Write));
        assert!("all".parse::<Right>().is_err());
    }
}
