//! Labels (`[IP_1]`) toward the agent and in the log, where the configuration asks for them.
//!
//! A label that the agent sends is put back as soon as the message is read, so that reading, policy,
//! approval and run are all about the same real line, and an approval is bound to it. On the way out,
//! to the agent and to the log, values become labels again. People who look through the gate's own
//! doors see the values. Must never let a value out because its label could not be kept.

use super::{Fault, Gate};
use crate::approval::Approval;
use crate::audit::Entry;
use crate::labels::{Talk, blank, literal, values};
use crate::outcome::Outcome;
use crate::request::Request;
use std::borrow::Cow;

/// What every record of a message says: the conversation and the request that it is about.
#[derive(Default)]
pub(super) struct About {
    session: Option<String>,
    request_id: Option<String>,
}

/// The labels of the conversation that a message belongs to.
pub(super) struct Privacy {
    talk: Talk,
    /// Values that the agent wrote itself: it is shown its own words as they were.
    known: Vec<String>,
}

impl Gate {
    fn talk(&self, uid: u32, session: Option<&str>) -> Result<Option<Talk>, Fault> {
        let kinds = &self.config.pseudonyms;
        if kinds.is_empty() {
            return Ok(None);
        }
        let dir = self.config.state_dir.join("labels");
        Talk::open(&dir, kinds, uid, session.unwrap_or_default())
            .map(Some)
            .map_err(|e| Fault::record("the labels cannot be kept", e))
    }

    fn whose(&self) -> std::sync::MutexGuard<'_, Option<Privacy>> {
        self.privacy
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// From here on, what goes out belongs to no conversation: values are masked for good.
    pub(super) fn converse_about_nothing(&self) {
        *self.whose() = None;
        *self.about() = About::default();
    }

    fn about(&self) -> std::sync::MutexGuard<'_, About> {
        self.about
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// From here on, what goes out belongs to this conversation; `words` are the agent's own.
    pub(super) fn converse(
        &self,
        uid: u32,
        session: Option<&str>,
        request_id: Option<&str>,
        words: &[&str],
    ) -> Result<(), Fault> {
        *self.about() = About {
            session: session.map(str::to_owned),
            request_id: request_id.map(str::to_owned),
        };
        let privacy = self.talk(uid, session)?.map(|talk| Privacy {
            known: words.iter().flat_map(|w| values(w, talk.kinds())).collect(),
            talk,
        });
        *self.whose() = privacy;
        Ok(())
    }

    /// The same for the conversation that a question was asked in.
    pub(super) fn converse_about(&self, approval: &Approval) -> Result<(), Fault> {
        let question = &approval.question;
        let words = question.asked_as.as_ref().unwrap_or(&question.command);
        self.converse(
            question.caller,
            question.session.as_deref(),
            question.request_id.as_deref(),
            &[words, &question.reason],
        )
    }

    /// The request with values in the place of labels, or what is wrong with a label.
    pub(super) fn real<'a>(
        &self,
        request: &'a Request,
    ) -> Result<Result<Cow<'a, Request>, String>, Fault> {
        self.converse(
            self.caller.uid,
            request.session.as_deref(),
            request.request_id.as_deref(),
            &[&request.command, &request.reason],
        )?;
        let privacy = self.whose();
        let Some(privacy) = privacy.as_ref() else {
            return Ok(Ok(Cow::Borrowed(request)));
        };
        Ok(match privacy.talk.put_back(&request.command) {
            Ok((_, false)) => Ok(Cow::Borrowed(request)),
            Ok((command, true)) => Ok(Cow::Owned(Request {
                command,
                ..request.clone()
            })),
            Err(why) => Err(why),
        })
    }

    fn hide(&self, text: &str, own_words: bool) -> String {
        let kinds = &self.config.pseudonyms;
        let privacy = self.whose();
        let Some(privacy) = privacy.as_ref() else {
            return blank(text, kinds);
        };
        let known: &[String] = if own_words { &privacy.known } else { &[] };
        privacy.talk.hide(text, known).unwrap_or_else(|e| {
            tracing::error!("labels cannot be kept, so values are masked for good: {e}");
            blank(text, kinds)
        })
    }

    /// A record as the log may have it, with the conversation and the request that it is about.
    pub(super) fn labelled(&self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        let about = self.about();
        entry.session = entry.session.or_else(|| about.session.clone());
        entry.request_id = entry.request_id.or_else(|| about.request_id.clone());
        drop(about);
        if self.config.pseudonyms.is_empty() {
            return entry;
        }
        for text in [
            &mut entry.command,
            &mut entry.canonical,
            &mut entry.reason,
            &mut entry.why,
        ]
        .into_iter()
        .flatten()
        {
            *text = self.hide(text, false);
        }
        for text in [&mut entry.stdout, &mut entry.stderr].into_iter().flatten() {
            *text = self.hide(&literal(text), false);
        }
        entry
    }

    /// An outcome as the agent may have it.
    pub(super) fn for_agent(&self, mut outcome: Outcome) -> Outcome {
        if self.config.pseudonyms.is_empty() {
            return outcome;
        }
        outcome.message = self.hide(&outcome.message, false);
        if let Some(why) = &mut outcome.why {
            *why = self.hide(why, false);
        }
        for text in [&mut outcome.stdout, &mut outcome.stderr]
            .into_iter()
            .flatten()
        {
            *text = self.hide(&literal(text), false);
        }
        for text in [
            &mut outcome.command,
            &mut outcome.canonical,
            &mut outcome.reason,
            &mut outcome.display,
        ]
        .into_iter()
        .flatten()
        {
            *text = self.hide(text, true);
        }
        outcome
    }

    /// The command of a question as it is listed to the agent, in the labels of its own conversation.
    pub(super) fn listed(&self, approval: &Approval) -> Result<String, Fault> {
        let question = &approval.question;
        let shown = crate::display::escape(&question.command).into_owned();
        Ok(
            match self.talk(question.caller, question.session.as_deref())? {
                None => shown,
                Some(talk) => talk
                    .hide(&shown, &[])
                    .unwrap_or_else(|_| blank(&shown, talk.kinds())),
            },
        )
    }
}
