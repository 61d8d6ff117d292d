//! The store under any sequence of votes, clocks and crashes: nothing is claimed twice, early, late, or by too few.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::approval::code::{self, OneTime};
use aiops::approval::{
    Approval, Claim, Clock, Limits, Question, Selector, State, Store, Tried, Vote,
};
use aiops::command::Shell;
use aiops::policy::{Quorum, RiskLevel};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const QUESTION_TTL: i64 = 60;
const APPROVAL_TTL: i64 = 30;
const CODE: &str = "22222-33333";

/// A clock that only the test moves.
#[derive(Clone)]
struct Hands {
    wall: i64,
    boot: i64,
}

impl Hands {
    fn read(&self) -> Clock {
        Clock {
            wall: DateTime::<Utc>::from_timestamp(1_700_000_000 + self.wall, 0).unwrap(),
            boot_ms: self.boot * 1000,
            boot_id: "b".into(),
        }
    }
}

fn question(number: usize, quorum: &Quorum, clock: &Clock) -> Question {
    Question {
        asked_as: None,
        target: "srv1".into(),
        target_identity: "local".into(),
        command: format!("touch /tmp/{number}"),
        canonical: format!("touch /tmp/{number}"),
        shell: Shell::Posix,
        requester: "hermes".into(),
        caller: 1000,
        session: None,
        reason: "test".into(),
        request_id: None,
        risk_level: RiskLevel::Medium,
        rules: vec!["r".into()],
        effect: None,
        reversibility: None,
        quorum: quorum.clone(),
        states: vec![],
        dry_runs: vec![],
        trust: 0,
        policy_hash: "h".into(),
        timeout_s: 60,
        asked_at: clock.wall,
        expires_at: clock.wall + TimeDelta::seconds(QUESTION_TTL),
    }
}

fn open(dir: &Path) -> Store {
    Store::open(
        dir,
        Limits {
            pending_per_caller: 4,
            approval_ttl: TimeDelta::seconds(APPROVAL_TTL),
        },
    )
    .unwrap()
}

/// A folder in memory where there is one: every step is synced to disk.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Ask(usize),
    Vote(usize, usize),
    Deny(usize),
    Cancel(usize),
    Void(usize),
    Claim(usize),
    Finish(usize),
    /// The process that holds the claim dies.
    Crash(usize),
    Recover,
    Expire,
    RightCode(usize),
    WrongCode(usize),
    /// Time passes.
    Pass(i64),
    /// Somebody sets the clock.
    Set(i64),
    /// The program is started anew.
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0usize..3;
    prop::collection::vec(
        prop_oneof![
            3 => which.clone().prop_map(Step::Ask),
            6 => (which.clone(), 0usize..4).prop_map(|(a, b)| Step::Vote(a, b)),
            1 => which.clone().prop_map(Step::Deny),
            1 => which.clone().prop_map(Step::Cancel),
            1 => which.clone().prop_map(Step::Void),
            5 => which.clone().prop_map(Step::Claim),
            2 => which.clone().prop_map(Step::Finish),
            1 => which.clone().prop_map(Step::Crash),
            1 => Just(Step::Recover),
            1 => Just(Step::Expire),
            2 => which.clone().prop_map(Step::RightCode),
            3 => which.prop_map(Step::WrongCode),
            2 => (1i64..40).prop_map(Step::Pass),
            1 => (-200i64..200).prop_map(Step::Set),
            1 => Just(Step::Reopen),
        ],
        1..60,
    )
}

/// What the test knows of an approval by itself.
#[derive(Default)]
struct Known {
    asked: i64,
    asked_wall: i64,
    voters: BTreeSet<usize>,
    approved: Option<(i64, i64)>,
    claims: usize,
    wrong: u32,
}

const PEOPLE: [&str; 4] = ["alice", "bob", "Alice", "carol"];
const ROLES: [&str; 4] = ["operator", "", "operator", "owner"];

fn play(steps: Vec<Step>, quorum: &Quorum) {
    let dir = folder();
    let mut store = open(dir.path());
    let mut hands = Hands { wall: 0, boot: 0 };
    let mut latest: [Option<String>; 3] = [None, None, None];
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut claims: BTreeMap<String, Claim> = BTreeMap::new();
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    for step in steps {
        let clock = hands.read();
        let id = |n: &usize| latest[*n].clone();
        match &step {
            Step::Ask(n) => {
                if let Ok(asked) = store.ask(question(*n, quorum, &clock), &clock) {
                    let a = asked.approval;
                    if latest[*n].as_deref() != Some(&a.id) {
                        known.insert(
                            a.id.clone(),
                            Known {
                                asked: hands.boot,
                                asked_wall: hands.wall,
                                ..Known::default()
                            },
                        );
                        store
                            .set_codes(
                                &a.id,
                                vec![OneTime {
                                    approver: "alice".into(),
                                    hash: code::hash(&a.id, &a.digest, "alice", CODE),
                                    sent_by: vec!["x".into()],
                                }],
                                &clock,
                            )
                            .unwrap();
                        latest[*n] = Some(a.id);
                    }
                }
            }
            Step::Vote(n, who) => {
                if let Some(id) = id(n) {
                    let vote = Vote {
                        approver: PEOPLE[*who].into(),
                        method: "unix".into(),
                        roles: vec![ROLES[*who].into()],
                        at: clock.wall,
                        comment: None,
                    };
                    if let Ok(a) = store.vote(&id, vote, &clock) {
                        let k = known.get_mut(&id).unwrap();
                        assert!(
                            hands.boot - k.asked <= QUESTION_TTL,
                            "a vote after its time"
                        );
                        assert!(hands.wall >= k.asked_wall, "a vote before the question");
                        // Alice in two spellings is one person.
                        assert!(k.voters.insert(who % 2 + who / 3 * 2), "one person twice");
                        if a.state == State::Approved {
                            k.approved = Some((hands.boot, hands.wall));
                            assert!(k.voters.len() >= quorum.need as usize, "too few");
                            for role in &quorum.roles {
                                assert!(
                                    a.votes.iter().any(|v| v.roles.contains(role)),
                                    "no {role}"
                                );
                            }
                        }
                    }
                }
            }
            Step::Deny(n) => {
                if let Some(id) = id(n) {
                    let _ = store.deny(&id, "bob", None, &clock);
                }
            }
            Step::Cancel(n) => {
                if let Some(id) = id(n) {
                    let _ = store.cancel(&id, &clock);
                }
            }
            Step::Void(n) => {
                if let Some(id) = id(n) {
                    let _ = store.void(&id, "changed", &clock);
                }
            }
            Step::Claim(n) => {
                if let Some(id) = id(n)
                    && let Ok(claim) = store.claim(&id, &clock)
                {
                    let k = known.get_mut(&id).unwrap();
                    k.claims += 1;
                    assert_eq!(k.claims, 1, "claimed twice");
                    let (boot, wall) = k.approved.expect("claimed without enough votes");
                    assert!(
                        hands.boot - boot <= APPROVAL_TTL && hands.wall >= wall,
                        "claimed too late"
                    );
                    claims.insert(id, claim);
                }
            }
            Step::Finish(n) => {
                if let Some(id) = id(n)
                    && let Some(claim) = claims.remove(&id)
                {
                    store.finish(claim, "executed", &clock).unwrap();
                }
            }
            Step::Crash(n) => {
                if let Some(id) = id(n) {
                    claims.remove(&id);
                }
            }
            Step::Recover => {
                for a in store.interrupted(&clock).unwrap() {
                    assert!(!claims.contains_key(&a.id), "a living run was called dead");
                }
            }
            Step::Expire => {
                store.expire(&clock).unwrap();
            }
            Step::RightCode(n) => {
                if let Some(id) = id(n) {
                    let selector = Selector {
                        approval: Some(&id),
                        session: None,
                    };
                    if let Tried::Right(a, who) = store.try_code(&selector, CODE, &clock).unwrap() {
                        assert_eq!((a.id.as_str(), who.as_str()), (id.as_str(), "alice"));
                        assert!(
                            known[&id].wrong < code::TRIES,
                            "taken after five wrong ones"
                        );
                        assert_eq!(a.state, State::Pending);
                    }
                }
            }
            Step::WrongCode(n) => {
                if let Some(id) = id(n) {
                    let selector = Selector {
                        approval: Some(&id),
                        session: None,
                    };
                    match store.try_code(&selector, "44444-55555", &clock).unwrap() {
                        Tried::Wrong(_) => known.get_mut(&id).unwrap().wrong += 1,
                        Tried::Locked => known.get_mut(&id).unwrap().wrong = code::TRIES,
                        Tried::NoCode => {}
                        Tried::Right(..) => panic!("a wrong code was taken"),
                    }
                }
            }
            Step::Pass(seconds) => {
                hands.wall += seconds;
                hands.boot += seconds;
            }
            Step::Set(seconds) => hands.wall += seconds,
            Step::Reopen => store = open(dir.path()),
        }
        // Every approval took a legal step, or none.
        for id in known.keys() {
            let now: Approval = store.find(id).unwrap().expect("nothing is ever lost");
            if let Some(before) = states.insert(id.clone(), now.state) {
                let by_way = before == State::Pending && now.state == State::Claimed;
                assert!(
                    before == now.state || before.may_become(now.state) || by_way,
                    "{before:?} -> {:?} by {step:?}",
                    now.state
                );
            }
            assert!(
                known[id].claims > 0
                    || !matches!(now.state, State::Claimed | State::Done | State::Interrupted)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_approval_is_enough(steps in steps()) {
        play(steps, &Quorum { need: 1, roles: vec![] });
    }

    #[test]
    fn five_wrong_codes_are_the_end_of_all_codes(tries in prop::collection::vec(
        prop_oneof![
            2 => (0usize..2).prop_map(Step::WrongCode),
            2 => (0usize..2).prop_map(Step::RightCode),
            1 => Just(Step::Reopen),
            1 => Just(Step::Pass(1)),
        ],
        1..40,
    )) {
        let mut steps = vec![Step::Ask(0), Step::Ask(1)];
        steps.extend(tries);
        play(steps, &Quorum { need: 1, roles: vec![] });
    }

    #[test]
    fn two_people_are_needed(steps in steps()) {
        play(steps, &Quorum { need: 2, roles: vec![] });
    }

    #[test]
    fn two_people_with_roles_are_needed(steps in steps()) {
        play(steps, &Quorum { need: 2, roles: vec!["operator".into(), "owner".into()] });
    }
}

#[test]
fn one_person_with_two_roles_fills_only_one() {
    let dir = folder();
    let store = open(dir.path());
    let clock = Hands { wall: 0, boot: 0 }.read();
    let quorum = Quorum {
        need: 2,
        roles: vec!["operator".into(), "owner".into()],
    };
    let a = store
        .ask(question(0, &quorum, &clock), &clock)
        .unwrap()
        .approval;
    let vote = |name: &str, roles: &[&str]| {
        let vote = Vote {
            approver: name.into(),
            method: "unix".into(),
            roles: roles.iter().map(|r| (*r).to_owned()).collect(),
            at: clock.wall,
            comment: None,
        };
        store.vote(&a.id, vote, &clock).map(|a| a.state)
    };
    assert_eq!(
        vote("alice", &["operator", "owner"]).unwrap(),
        State::Pending
    );
    assert_eq!(
        vote("bob", &[]).unwrap(),
        State::Pending,
        "two people, but nobody else for the second role"
    );
    assert!(vote("ALICE", &["owner"]).is_err());
    assert_eq!(vote("carol", &["owner"]).unwrap(), State::Approved);
}

#[test]
fn a_hundred_thousand_closed_approvals_cost_an_answer_nothing() {
    let time = |store: &Store, number: usize| {
        let clock = Hands { wall: 0, boot: 0 }.read();
        let mut best = std::time::Duration::MAX;
        for _ in 0..5 {
            let a = store
                .ask(
                    question(
                        number,
                        &Quorum {
                            need: 1,
                            roles: vec![],
                        },
                        &clock,
                    ),
                    &clock,
                )
                .unwrap()
                .approval;
            let began = std::time::Instant::now();
            let found = store
                .resolve(
                    &Selector {
                        approval: Some(&a.code),
                        session: None,
                    },
                    &clock,
                )
                .unwrap();
            let vote = Vote {
                approver: "alice".into(),
                method: "unix".into(),
                roles: vec![],
                at: clock.wall,
                comment: None,
            };
            store.vote(&found.id, vote, &clock).unwrap();
            let claim = store.claim(&found.id, &clock).unwrap();
            store.finish(claim, "executed", &clock).unwrap();
            best = best.min(began.elapsed());
        }
        best
    };
    let dir = folder();
    let store = open(dir.path());
    let few = time(&store, 0);
    let closed = dir.path().join("closed");
    let day = std::fs::read_dir(&closed)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let one = std::fs::read_dir(&day)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for _ in 0..100_000 {
        std::fs::hard_link(&one, day.join(format!("{}.json", uuid::Uuid::now_v7())))
            .or_else(|_| {
                std::fs::copy(&one, day.join(format!("{}.json", uuid::Uuid::now_v7()))).map(|_| ())
            })
            .unwrap();
    }
    let many = time(&store, 1);
    assert!(
        many < few * 3 + std::time::Duration::from_millis(10),
        "{few:?} with one, {many:?} with a hundred thousand"
    );
    println!("an answer took {few:?} with one closed approval, {many:?} with 100,000");
}
