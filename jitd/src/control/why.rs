//! The verdict about somebody, and the road to it.

use std::sync::Arc;

use jit_control::{Answer, Why};
use jit_model::decide::{Allow, Unguarded, Verdict, explain};
use jit_model::name::{Login, Service};
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::{Caller, grants, refused};
use crate::desk::Desk;

/// Somebody who is not in /etc/passwd has some uid, if any, and it is not root's. Nothing else is decided by it: with this one
/// he is no local account.
pub(super) const SOME_UID: u32 = u32::MAX - 2;

/// What a module would be told now, or at another time.
pub(super) fn why(
    desk: &Arc<Desk>,
    caller: &Caller,
    user: &str,
    service: Option<&str>,
    at: Option<i64>,
) -> Answer {
    let login = match Login::new(user) {
        Ok(login) => login,
        Err(error) => return refused("bad-request", error.to_string()),
    };
    let service = match Service::new(service.unwrap_or("sshd")) {
        Ok(service) => service,
        Err(error) => return refused("bad-request", error.to_string()),
    };
    if !caller.may_ask_about(&login) {
        return refused(
            "not-permitted",
            "about others may ask only root and the members of the local group jit-admin",
        );
    }
    let own = (caller.login.as_ref() == Some(&login)).then_some(caller.peer.uid);
    let view = desk.view();
    let question = desk.question_about(&login, own.unwrap_or(SOME_UID), &service);
    let present = desk.clock().now().login;
    let now = at.map_or(present, Timestamp);
    let (verdict, steps) = explain(&view.snapshot, &question, now);
    let stranger = (!question.local).then(|| {
        format!("{login} is not in /etc/passwd; if no name service knows {login} either, nobody can come in by that name")
    });
    let (word, code, text, until) = match &verdict {
        Verdict::Allow(Allow::Grants { grants, until }) => {
            let ids: Vec<&str> = grants.iter().map(|grant| grant.grant.id.as_str()).collect();
            let text = format!("allowed until {} by {}", clock_time(*until), ids.join(", "));
            ("allow", "grant", text, Some(until.0))
        }
        Verdict::Allow(Allow::BreakGlass) => {
            ("allow", "break-glass", "allowed by break-glass; each use is an alert".to_owned(), None)
        }
        Verdict::Deny(reason) => ("deny", reason.code(), reason.to_string(), None),
        Verdict::Unguarded(why) => ("unguarded", why.code(), unguarded(*why, &login), None),
    };
    Answer::Why(Why {
        user: login.to_string(),
        service: service.to_string(),
        at: now.0,
        verdict: word.to_owned(),
        code: Some(code.to_owned()),
        text,
        until,
        mode: desk.mode().mode(present).as_str().to_owned(),
        road: stranger.into_iter().chain(steps.iter().map(ToString::to_string)).collect(),
        grants: view
            .snapshot
            .grants_of(&login)
            .iter()
            .map(|grant| grants::shown(grant, &view, now).explained(grant, &login))
            .collect(),
    })
}

fn unguarded(why: Unguarded, login: &Login) -> String {
    match why {
        Unguarded::NotProduction => "this is no production host: nothing is guarded".to_owned(),
        Unguarded::Service => "the service is not guarded".to_owned(),
        Unguarded::Background => format!("a background service, and {login} has held no grant lately"),
        Unguarded::Exempt(index) => format!("exempt by entry {} of [[exempt]]", index.saturating_add(1)),
    }
}
