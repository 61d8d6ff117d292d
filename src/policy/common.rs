//! What all rules of a policy share: folders that may be read, secrets, hosts and sets.
//!
//! Must never hand out bounds without the policy's secrets in them.

use super::language::{Kind, Limits};
use super::rule::RawOperand;
use super::types::{Bounds, List};
use super::writes::Writes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What all rules share.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Common {
    pub(super) readable: List,
    /// What of it may be read as root; empty: all.
    pub(super) readable_as_root: List,
    /// Folders in which looking for a name asks another host for it.
    pub(super) remote: List,
    pub(super) secret: List,
    pub(super) open: List,
    pub(super) hosts: List,
    pub(super) sets: BTreeMap<String, List>,
    /// What programs write to.
    pub(super) writes: Vec<Writes>,
    /// Programs whose words may hold code.
    pub(super) code: Vec<String>,
}

impl Common {
    /// `$name` stands for the set of that name.
    pub(super) fn expand(&self, list: &[String]) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        for item in list {
            match item.strip_prefix('$') {
                Some("readable") => out.extend(self.readable.to_vec()),
                Some("readable_as_root") => out.extend(self.readable_as_root.to_vec()),
                Some("secret") => out.extend(self.secret.to_vec()),
                Some("hosts") => out.extend(self.hosts.to_vec()),
                Some(name) => out.extend(
                    self.sets
                        .get(name)
                        .ok_or_else(|| format!("there is no set `{name}`"))?
                        .to_vec(),
                ),
                None => out.push(item.clone()),
            }
        }
        Ok(out)
    }

    /// A type or an option as written, with the set in `keys($name)` written out.
    pub(super) fn with_keys(&self, text: &str) -> Result<String, String> {
        let Some((before, rest)) = text.split_once("keys($") else {
            return Ok(text.to_owned());
        };
        let (name, behind) = rest
            .split_once(')')
            .ok_or_else(|| format!("`{text}`: the `(` is not closed"))?;
        let keys = self.expand(&[format!("${name}")])?.join("|");
        Ok(format!("{before}keys({keys}){behind}"))
    }

    /// A reader with its limits, in which sets are written out and secrets are never readable.
    pub(super) fn reader(
        &self,
        name: Option<&str>,
        raw: Option<Limits>,
    ) -> Result<Option<(Kind, Limits)>, String> {
        let Some(name) = name else {
            return match raw {
                None => Ok(None),
                Some(_) => Err("reader_options belong to a `reader`".into()),
            };
        };
        let kind = Kind::from_name(name)
            .filter(|k| k.is_whole_argv())
            .ok_or_else(|| {
                format!("`{name}` does not read whole commands: see docs/languages.md")
            })?;
        let mut limits = raw.unwrap_or_default();
        for list in [
            &mut limits.under,
            &mut limits.not,
            &mut limits.hosts,
            &mut limits.resolvers,
            &mut limits.domains,
        ] {
            *list = self.expand(list)?;
        }
        limits.not.extend(self.remote.to_vec());
        // Readers know `*` only, and patterns of whole paths.
        for pattern in &mut limits.not {
            *pattern = pattern.replace('?', "*");
            if !pattern.starts_with(['/', '*']) {
                *pattern = format!("*/{pattern}");
            }
        }
        Ok(Some((kind, limits)))
    }

    /// The bounds of one operand.
    pub(super) fn bounds(&self, raw: Option<&RawOperand>) -> Result<Bounds, String> {
        let (under, not, hosts, glob) = raw.map_or((&[][..], &[][..], &[][..], false), |o| {
            (&o.under[..], &o.not[..], &o.hosts[..], o.glob)
        });
        let mut bounds = self.bounds_of(under, not, hosts, glob)?;
        if let Some(own) = raw.and_then(|o| o.as_root.as_ref()) {
            bounds.under_as_root = Some(self.expand(own)?.as_slice().into());
        }
        Ok(bounds)
    }

    /// Bounds from their parts; what is not written is the policy's own.
    pub(super) fn bounds_of(
        &self,
        under: &[String],
        not: &[String],
        hosts: &[String],
        glob: bool,
    ) -> Result<Bounds, String> {
        // A rule that says itself where its paths may lead means it for root as well.
        let under_as_root = (under.is_empty() && !self.readable_as_root.is_empty())
            .then(|| self.readable_as_root.clone());
        let under = match under {
            [] => self.readable.clone(),
            [all] if all == "$readable" => self.readable.clone(),
            _ => self.expand(under)?.as_slice().into(),
        };
        let mut secret = self.secret.clone();
        if !not.is_empty() {
            secret.extend(&self.expand(not)?);
        }
        let hosts = if hosts.is_empty() {
            self.hosts.clone()
        } else {
            self.expand(hosts)?.as_slice().into()
        };
        Ok(Bounds {
            under,
            under_as_root,
            root: false,
            remote: self.remote.clone(),
            secret,
            open: self.open.clone(),
            hosts,
            glob,
        })
    }
}
