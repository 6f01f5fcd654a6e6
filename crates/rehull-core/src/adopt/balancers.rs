//! Load balancers that send requests to a member's machine.

use serde_json::Value;

use super::layout::{BALANCED, Layout, STACKED};
use super::state::{Object, State};

/// Clients ask etcd here; anything else that is balanced to a member's machine is another service on it.
const CLIENT_PORT: u64 = 2379;

/// A member's machine behind a balancer is more than a member, or is known by more than its address. `own`: instance id
/// and addresses.
pub(super) fn against(state: &State, machine: &str, own: &[Option<&str>]) -> Vec<(&'static Layout, String)> {
    let row = |(balancer, port): (&str, Option<u64>)| {
        if port == Some(CLIENT_PORT) {
            (&BALANCED, format!("`{balancer}` sends clients to it"))
        } else {
            (
                &STACKED,
                format!("`{balancer}` sends requests to machine {machine}"),
            )
        }
    };
    balanced(state, own).into_iter().map(row).collect()
}

fn balanced<'s>(state: &'s State, own: &[Option<&str>]) -> Vec<(&'s str, Option<u64>)> {
    let is_own = |target: Option<&str>| target.is_some() && own.contains(&target);
    let mut found = Vec::new();
    for tie in state.of(&[
        "aws_lb_target_group_attachment",
        "aws_alb_target_group_attachment",
    ]) {
        if is_own(tie.text("target_id")) {
            let group = tie.text("target_group_arn");
            let groups = ["aws_lb_target_group", "aws_alb_target_group"];
            let group = state
                .of(&groups)
                .find(|one| group.is_some() && one.text("arn") == group);
            let port = tie.number("port").filter(|port| *port > 0);
            let port = port.or_else(|| group?.number("port"));
            found.push((tie.address.as_str(), port));
        }
    }
    let ports = |elb: &Object| -> Vec<u64> {
        let port = |one: &Value| one.get("instance_port").and_then(Value::as_u64);
        elb.blocks("listener").filter_map(port).collect()
    };
    let first = |ports: Vec<u64>| {
        ports
            .iter()
            .copied()
            .find(|port| *port != CLIENT_PORT)
            .or(ports.first().copied())
    };
    for elb in state.of(&["aws_elb"]) {
        if elb
            .texts("instances")
            .iter()
            .any(|one| is_own(Some(one.as_str())))
        {
            found.push((elb.address.as_str(), first(ports(elb))));
        }
    }
    for tie in state.of(&["aws_elb_attachment"]) {
        if is_own(tie.text("instance")) {
            let named =
                |elb: &&Object| elb.text("name") == tie.text("elb") || elb.text("id") == tie.text("elb");
            let elb = state.of(&["aws_elb"]).find(named);
            found.push((tie.address.as_str(), elb.and_then(|elb| first(ports(elb)))));
        }
    }
    found
}
