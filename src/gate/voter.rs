//! Who gives a reply, how that is known, and whether they may vote on a question.
//!
//! Must never take an identity from the message itself, except by the method `relay`, which is the
//! gateway's word and says so in every record.

use super::Gate;
use super::vote::Door;
use crate::approval::{Approval, code, signature, totp};
use crate::config::Approver;
use crate::outcome::{level_name, rfc3339};
use crate::policy::RiskLevel;
use crate::request::{Reply, Verdict};

/// Somebody's right to vote on one question.
pub(super) struct Voter {
    /// Who, as counted and recorded.
    pub id: String,
    /// How they are known: one of [`crate::policy::METHODS`].
    pub method: &'static str,
    pub roles: Vec<String>,
}

/// What a reply offers as proof of who gives it.
pub(super) enum Proof<'a> {
    /// The kernel's word for the user at the terminal.
    Kernel,
    /// The gateway's word.
    Word,
    /// A one-time code that the gate sent.
    OneTime(String),
    /// A one-time password.
    Password(&'a str),
    /// An SSH signature.
    Signature(&'a str),
}

impl Proof<'_> {
    pub fn of<'a>(reply: &'a Reply, door: Door) -> Result<Proof<'a>, String> {
        if let Some(signature) = &reply.signature {
            return Ok(Proof::Signature(signature));
        }
        match (&reply.code, door) {
            (None, Door::Terminal) => Ok(Proof::Kernel),
            (None, Door::Relay) => Ok(Proof::Word),
            (Some(text), _) if totp::is_password(text) => Ok(Proof::Password(text)),
            (Some(text), _) => code::normal(text).map(Proof::OneTime).ok_or_else(|| {
                "what stands behind Approve is neither a request's code (4 characters), nor a one-time code (10), nor a one-time password (6 digits)".to_owned()
            }),
        }
    }
}

impl Gate {
    /// Who gives this reply, and whether they may vote on this question. `coded` is whose one-time code it was.
    pub(super) fn voter(
        &self,
        reply: &Reply,
        proof: &Proof,
        coded: Option<&str>,
        door: Door,
        approval: &Approval,
    ) -> Result<Voter, String> {
        // A person who sees only the chat does not see what a label stands for.
        if approval.question.asked_as.is_some()
            && reply.verdict == Verdict::Approve
            && matches!(proof, Proof::Word | Proof::Password(_))
        {
            return Err(format!(
                "the command holds labels whose values the chat does not show. Reply with one of: {}",
                self.ways(approval, true).join("; ")
            ));
        }
        let (name, method) = match proof {
            Proof::Word => return self.relayed(reply, approval),
            Proof::Kernel => (self.by_kernel()?, "unix"),
            Proof::OneTime(_) => (coded.unwrap_or_default().to_owned(), "code"),
            Proof::Password(password) => {
                self.accepts("totp", reply, approval)?;
                (self.by_password(reply, password)?, "totp")
            }
            Proof::Signature(signature) => {
                self.accepts("ssh", reply, approval)?;
                (self.by_signature(reply, signature, approval)?, "ssh")
            }
        };
        self.accepts(method, reply, approval)?;
        let Some((name, person)) = self.config.approvers.get_key_value(&name) else {
            return Err(format!(
                "{} is no longer an approver in the configuration",
                crate::display::escape(&name)
            ));
        };
        if let (Some(said), true) = (&reply.approver, method != "unix")
            && !said.eq_ignore_ascii_case(name)
        {
            return Err(format!(
                "the reply says {}, but the proof is {name}'s",
                crate::display::escape(said)
            ));
        }
        if reply.verdict == Verdict::Approve {
            self.apart(name, person, (method, door), approval)?;
        }
        Ok(Voter {
            id: name.clone(),
            method,
            roles: person.roles.clone(),
        })
    }

    /// The user at the terminal, by the kernel's word.
    pub(super) fn by_kernel(&self) -> Result<String, String> {
        self.config
            .approvers
            .iter()
            .find(|(_, p)| p.unix.as_deref() == Some(self.caller.name.as_str()))
            .map(|(name, _)| name.clone())
            .ok_or_else(|| {
                format!(
                    "user {} is not an approver: add them under `approvers` in the configuration",
                    self.caller.name
                )
            })
    }

    fn by_password(&self, reply: &Reply, password: &str) -> Result<String, String> {
        let names = self.people(reply)?;
        let checked = self
            .secrets()
            .check(&names, password, self.clock.wall)
            .map_err(|e| format!("the secrets cannot be read: {e}"))?;
        match checked {
            totp::Checked::Right(name) => Ok(name),
            totp::Checked::Wrong => {
                Err("the one-time password is wrong: wait for the next one".into())
            }
            totp::Checked::Used => {
                Err("the one-time password was used before: wait for the next one".into())
            }
            totp::Checked::Paused(until) => Err(format!(
                "too many wrong one-time passwords: none is taken before {}",
                rfc3339(until)
            )),
            totp::Checked::Nobody => Err(
                "no approver has a secret for one-time passwords: aiops approver add NAME --totp"
                    .into(),
            ),
            totp::Checked::Ambiguous => Err(
                "the one-time password could be two people's: say whose, as JSON with `approver`"
                    .into(),
            ),
        }
    }

    fn by_signature(
        &self,
        reply: &Reply,
        given: &str,
        approval: &Approval,
    ) -> Result<String, String> {
        let Some(allowed) = &self.config.allowed_signers else {
            return Err(
                "the configuration names no `allowed_signers`: see docs/approvals.md".into(),
            );
        };
        // Again now: others must not have been able to write it since it was checked at the start.
        crate::yaml::read_trusted(allowed).map_err(|e| e.to_string())?;
        let names = self.people(reply)?;
        let scratch = self.config.state_dir.join("scratch");
        signature::signer(&names, &approval.signable(), given, allowed, &scratch)?.ok_or_else(|| {
            "the signature is not an approver's over this request: sign the output of `aiops approval show CODE --signable` for this very request".to_owned()
        })
    }

    /// Whom a proof may belong to: the one that the reply names, or everybody.
    fn people(&self, reply: &Reply) -> Result<Vec<&str>, String> {
        let all = self.config.approvers.keys().map(String::as_str);
        match &reply.approver {
            None => Ok(all.collect()),
            Some(said) => {
                let named: Vec<&str> = all.filter(|name| name.eq_ignore_ascii_case(said)).collect();
                if named.is_empty() {
                    return Err(not_an_approver(said));
                }
                Ok(named)
            }
        }
    }

    /// Whether the policy takes that method for this question. A denial only stops things.
    fn accepts(&self, method: &str, reply: &Reply, approval: &Approval) -> Result<(), String> {
        let level = approval.question.risk_level;
        let methods = self.policy.methods(level);
        if methods.contains(&method) || (reply.verdict == Verdict::Deny && method != "relay") {
            return Ok(());
        }
        Err(format!(
            "this policy does not accept the method `{method}` for a {} risk: it takes {}",
            level_name(level),
            methods.join(", ")
        ))
    }

    /// Separation of duties: who asked, who relays and who approves are different people.
    pub(super) fn apart(
        &self,
        name: &str,
        person: &Approver,
        (method, door): (&str, Door),
        approval: &Approval,
    ) -> Result<(), String> {
        if !self.policy.approval().separation {
            return Ok(());
        }
        let question = &approval.question;
        let login = person.unix.as_deref();
        let asker = crate::caller::name_of(question.caller);
        if name.eq_ignore_ascii_case(&question.requester)
            || login == Some(asker.as_str())
            || (method == "unix" && self.caller.uid == question.caller)
        {
            return Err(format!(
                "{name} asked for this: somebody else must approve it"
            ));
        }
        if door == Door::Relay && login == Some(self.caller.name.as_str()) {
            return Err(format!(
                "{name} relays this reply: somebody else must approve it"
            ));
        }
        Ok(())
    }

    /// The gateway's word.
    fn relayed(&self, reply: &Reply, approval: &Approval) -> Result<Voter, String> {
        let question = &approval.question;
        // A denial stops things, and the caller could cancel its own question anyway.
        let own_denial = reply.verdict == Verdict::Deny && self.caller.uid == question.caller;
        if !own_denial {
            let methods = self.policy.methods(question.risk_level);
            if !methods.contains(&"relay") {
                let why = if question.risk_level >= RiskLevel::High
                    && self.policy.approval().methods.iter().any(|m| m == "relay")
                {
                    "the gateway's word is not enough for a risk this high"
                } else {
                    "this policy does not take the gateway's word for an approval"
                };
                return Err(format!(
                    "{why}. Reply with one of: {}",
                    self.ways(approval, true).join("; ")
                ));
            }
        }
        let mut roles = Vec::new();
        if let Some(name) = reply
            .approver
            .as_ref()
            .filter(|_| !self.config.approvers.is_empty() && !own_denial)
        {
            roles = self
                .config
                .approvers
                .get(name)
                .ok_or_else(|| not_an_approver(name))?
                .roles
                .clone();
        }
        if reply.verdict == Verdict::Approve {
            // Without a name, two replies of one person would be two people.
            if reply.approver.is_none() && question.quorum.need > 1 {
                return Err(format!(
                    "{} different people must approve this: say who replies, as JSON with `approver`",
                    question.quorum.need
                ));
            }
            if self.policy.approval().separation
                && reply
                    .approver
                    .as_deref()
                    .is_some_and(|a| a.eq_ignore_ascii_case(&question.requester))
            {
                return Err(format!(
                    "{} asked for this: somebody else must approve it",
                    question.requester
                ));
            }
        }
        let id = reply
            .approver
            .clone()
            .unwrap_or_else(|| format!("relay:{}", self.caller.name));
        Ok(Voter {
            id,
            method: "relay",
            roles,
        })
    }
}

fn not_an_approver(name: &str) -> String {
    format!(
        "{:?} is not an approver in the configuration",
        crate::display::escape(name)
    )
}
