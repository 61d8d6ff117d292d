//! Compiles one rule: from what is written to what decides.
//!
//! Must never take a rule whose fields do not fit its decision: it would say less than its author meant.

use super::RiskLevel;
use super::builtin::SHELL_BUILTINS;
use super::common::Common;
use super::options::{OptionSpec, Value};
use super::pattern::Pattern;
use super::rule::{
    Groups, Many, Operand, Operands, Raw, RawOperand, RawOperands, Rule, Signs, Verdict,
};
use super::types::Type;
use super::when;

pub(super) fn compile(
    mut raw: Raw,
    common: &Common,
    place: (String, usize),
) -> Result<Rule, String> {
    let commands = raw.command.clone().map(Many::into_vec).unwrap_or_default();
    if let Some(odd) = commands.iter().find(|c| !is_command(c, raw.decision)) {
        return Err(format!(
            "`{odd}`: `command` is a program's name without folders; in an auto rule it may be a whole path, such as /opt/kafka/bin/kafka-topics.sh"
        ));
    }
    check_kind(&raw, &commands)?;
    for template in raw.probe.iter().chain(&raw.dry_run) {
        if raw.decision != Verdict::Approval {
            return Err(
                "probe and dry_run are for approval rules: nobody is asked about the others".into(),
            );
        }
        super::state::check_template(template)?;
    }
    let reader = common.reader(raw.reader.as_deref(), raw.reader_options.clone())?;
    let specs = |list: &[String]| {
        list.iter()
            .map(|o| OptionSpec::parse(&common.with_keys(o)?))
            .collect::<Result<Vec<_>, String>>()
    };
    let level = raw.risk.unwrap_or(match raw.decision {
        Verdict::Auto => RiskLevel::Low,
        Verdict::Approval => RiskLevel::Medium,
        Verdict::Forbidden => RiskLevel::Critical,
    });
    Ok(Rule {
        level,
        commands,
        subcommands: raw
            .subcommands
            .iter()
            .map(|s| s.split_whitespace().map(str::to_owned).collect())
            .collect(),
        global_options: specs(&raw.global_options)?,
        options: specs(&raw.options)?,
        operands: operands(raw.operands.as_ref(), common)?,
        bounds: common.bounds_of(&raw.under, &raw.not, &raw.hosts, false)?,
        reader,
        when: when::compile(raw.when.take().unwrap_or_default())?,
        signs: signs(&mut raw, common)?,
        probe: raw.probe,
        dry_run: raw.dry_run,
        id: raw.id,
        about: raw.about,
        verdict: raw.decision,
        reversibility: raw.reversibility,
        style: raw.style,
        stdin: raw.stdin,
        picked_by: raw
            .picked_by
            .as_deref()
            .map(|text| picked_by(text, common))
            .transpose()?,
        sudo: raw.sudo,
        run_as: raw.run_as,
        env: raw.env,
        wraps: raw.wraps,
        hint: raw.hint,
        unless_auto: raw.unless_auto,
        matches: raw.matches,
        no_match: raw.no_match,
        place,
    })
}

/// A program's name; in an auto rule also where exactly it lies. One path is not another's spelling, so rules that ask or
/// forbid go by the name alone.
fn is_command(text: &str, decision: Verdict) -> bool {
    let whole = || {
        decision == Verdict::Auto
            && super::path::components(text).is_some_and(|parts| parts.len() > 1)
            && !text.contains("//")
            && !text.ends_with('/')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(&b))
    };
    !text.is_empty() && (!text.contains('/') || whole())
}

/// The keys whose lines a filter behind the command may pick.
fn picked_by(text: &str, common: &Common) -> Result<Type, String> {
    match Type::parse(&common.with_keys(text)?)? {
        keys @ Type::Keys(_) => Ok(keys),
        _ => Err("picked_by takes keys(…)".into()),
    }
}

/// What a tightening rule looks for, taken out of what is written.
fn signs(raw: &mut Raw, common: &Common) -> Result<Signs, String> {
    if let Some(places) = &mut raw.has_operand {
        places.at = common.expand(&places.at)?;
        places.under = common.expand(&places.under)?;
    }
    if let Some(places) = &mut raw.redirects_to {
        places.under = common.expand(&places.under)?;
    }
    if let Some(places) = &mut raw.writes_to {
        let lists = [
            &mut places.under,
            &mut places.at,
            &mut places.trees,
            &mut places.not,
        ];
        for list in lists {
            *list = common.expand(list)?;
        }
    }
    Ok(Signs {
        options: match raw.has_option.take() {
            None => Vec::new(),
            Some(Groups::One(list)) => vec![list],
            Some(Groups::All(lists)) => lists,
        },
        as_root: raw.as_root,
        without: std::mem::take(&mut raw.lacks_option),
        operand: raw.has_operand.take(),
        words: common.expand(&raw.has_word.take().map(Many::into_vec).unwrap_or_default())?,
        redirects: raw.redirects_to.take(),
        writes: raw.writes_to.take(),
        pipes_into: common.expand(&raw.pipes_into)?,
        substituted_into: common.expand(&raw.substituted_into)?,
        line: raw.line_regex.take().map(|t| Pattern::part(&t)),
        word: raw.word_regex.take().map(|t| Pattern::part(&t)),
    })
}

/// Auto rules are allow lists, the others look for signs: the fields of one are a mistake in the other.
fn check_kind(raw: &Raw, commands: &[String]) -> Result<(), String> {
    let signs = raw.has_option.is_some()
        || !raw.lacks_option.is_empty()
        || raw.as_root
        || raw.has_operand.is_some()
        || raw.has_word.is_some()
        || raw.redirects_to.is_some()
        || raw.writes_to.is_some()
        || !raw.pipes_into.is_empty()
        || !raw.substituted_into.is_empty()
        || raw.word_regex.is_some()
        || raw.line_regex.is_some();
    if raw.decision == Verdict::Auto {
        check_auto(raw, commands, signs)
    } else {
        check_tightening(raw, commands, signs)
    }
}

fn check_auto(raw: &Raw, commands: &[String], signs: bool) -> Result<(), String> {
    if signs {
        return Err("has_option, has_operand, has_word, redirects_to, writes_to, pipes_into, substituted_into and line_regex may only make a line stricter".into());
    }
    if commands.is_empty() {
        return Err("an auto rule names its command".into());
    }
    let lists = !raw.options.is_empty()
        || !raw.global_options.is_empty()
        || !raw.subcommands.is_empty()
        || raw.operands.is_some()
        || raw.wraps;
    if raw.reader.is_some() && lists {
        return Err("a reader reads all words: options, global_options, subcommands, operands and wraps say nothing beside it".into());
    }
    match commands
        .iter()
        .find(|c| SHELL_BUILTINS.contains(&c.as_str()))
    {
        None => Ok(()),
        Some(builtin) => Err(format!(
            "`{builtin}` is a builtin of the shell that reads its arguments as code or changes the shell: it is never auto"
        )),
    }
}

fn check_tightening(raw: &Raw, commands: &[String], signs: bool) -> Result<(), String> {
    let lists = !raw.options.is_empty()
        || !raw.global_options.is_empty()
        || raw.operands.is_some()
        || !raw.env.is_empty()
        || raw.picked_by.is_some()
        || !raw.under.is_empty()
        || !raw.not.is_empty()
        || !raw.hosts.is_empty()
        || raw.wraps;
    if lists {
        return Err("options, global_options, operands, env and wraps are allow lists: they belong in auto rules; look for signs with has_option, has_operand, has_word".into());
    }
    if raw.when.as_ref().is_some_and(|w| w.rate.is_some()) {
        return Err("a rate limits what runs without a human: it belongs in auto rules".into());
    }
    if raw.unless_auto && raw.decision != Verdict::Approval {
        return Err(
            "unless_auto is for approval rules: what is forbidden gives way to nothing".into(),
        );
    }
    if commands.is_empty() && !signs {
        return Err("it would speak of every command: name a command or a sign".into());
    }
    Ok(())
}

fn operands(raw: Option<&RawOperands>, common: &Common) -> Result<Operands, String> {
    let one = |o: &RawOperand| -> Result<Operand, String> {
        Ok(Operand {
            kind: Type::parse(&common.with_keys(&o.kind)?)?,
            bounds: common.bounds(Some(o))?,
            optional: o.optional,
            repeat: o.repeat,
        })
    };
    match raw {
        None => Ok(Operands::default()),
        Some(RawOperands::Word(word)) if word == "none" => Ok(Operands::default()),
        Some(RawOperands::Word(word)) => Err(format!(
            "operands: `{word}`: write none, one type, or a list of types"
        )),
        Some(RawOperands::One(o)) => {
            let mut operand = one(o)?;
            operand.repeat = true;
            Ok(Operands {
                list: vec![operand],
                min: o.min.unwrap_or(0),
                max: o.max.unwrap_or(32),
            })
        }
        Some(RawOperands::List(list)) => {
            let compiled = list.iter().map(one).collect::<Result<Vec<_>, _>>()?;
            let min = compiled.iter().filter(|o| !o.optional).count();
            let max = match list.last() {
                Some(last) if last.repeat => compiled.len() - 1 + last.max.unwrap_or(32),
                _ => compiled.len(),
            };
            Ok(Operands {
                list: compiled,
                min,
                max,
            })
        }
    }
}

/// Whether each regular expression of a rule can be compiled, which is not done before it is asked.
pub(super) fn check_patterns(rule: &Rule) -> Result<(), String> {
    for option in rule.options.iter().chain(&rule.global_options) {
        if let Value::Required(kind) | Value::Optional(kind) = &option.value {
            kind.check()?;
        }
    }
    for operand in &rule.operands.list {
        operand.kind.check()?;
    }
    for (key, pattern) in [
        ("line_regex", &rule.signs.line),
        ("word_regex", &rule.signs.word),
    ] {
        if let Some(pattern) = pattern {
            pattern.check().map_err(|why| format!("{key}: {why}"))?;
        }
    }
    Ok(())
}
