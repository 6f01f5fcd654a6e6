//! Which node and which target a new connection gets.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use rehull_core::world::{Route, TargetId, Timing, World};
use sha2::{Digest, Sha256};

/// A port of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    /// ARN of the load balancer.
    pub(super) balancer: String,
    pub(super) port: i64,
}

impl Port {
    pub(super) fn of(route: &Route) -> Self {
        Self {
            balancer: route.balancer.clone(),
            port: route.port,
        }
    }
}

/// A node of a load balancer now: its zone, whether the name leads there, and who gets new connections of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    zone: String,
    is_named: bool,
    targets: Vec<(TargetId, Ipv4Addr)>,
}

/// The nodes that listen at this port.
pub(super) fn nodes(world: &World, now: Timestamp, at: &Port) -> Vec<Node> {
    let routes = world.data_plane(now).into_iter();
    let addressed = |target: TargetId| {
        let address = world.address_of(&target.instance)?;
        Some((target, address))
    };
    let node = |route: Route| Node {
        zone: route.zone,
        is_named: route.is_named,
        targets: route.targets.into_iter().filter_map(addressed).collect(),
    };
    routes.filter(|route| Port::of(route) == *at).map(node).collect()
}

/// What the name of a load balancer led to, and when: clients ask for it and remember the answer for a while.
#[derive(Debug)]
pub(super) struct Name {
    remembered: Duration,
    named_at: BTreeMap<String, Timestamp>,
}

impl Name {
    /// A minute in AWS.
    pub(super) fn new(timing: Timing) -> Self {
        let remembered = match timing {
            Timing::Aws => Duration::from_secs(60),
            Timing::Fast => Duration::from_secs(2),
        };
        Self {
            remembered,
            named_at: BTreeMap::new(),
        }
    }

    pub(super) fn look(&mut self, nodes: &[Node], now: Timestamp) {
        for node in nodes.iter().filter(|node| node.is_named) {
            self.named_at.insert(node.zone.clone(), now);
        }
    }

    /// Where a connection from this address goes: to one of the nodes that its client knows, who has asked for the name a
    /// moment ago or has still to ask again, and there to a target by its hash. `None`: nobody gets it.
    pub(super) fn choose(
        &self,
        nodes: &[Node],
        now: Timestamp,
        client: SocketAddr,
    ) -> Option<(TargetId, Ipv4Addr)> {
        let hash = Sha256::digest(client.to_string());
        let mut bytes = hash.iter().copied();
        let asked_before = self.remembered * u32::from(bytes.next()?) / 256;
        let leads_to = |node: &&Node| {
            let named_at = self.named_at.get(&node.zone).copied();
            let ago = named_at.and_then(|at| Duration::try_from(now.duration_since(at)).ok());
            node.is_named || ago.is_some_and(|ago| ago < asked_before)
        };
        let known: Vec<&Node> = nodes.iter().filter(leads_to).collect();
        let node = pick(&known, bytes.next()?)?;
        pick(&node.targets, bytes.next()?).cloned()
    }
}

fn pick<T>(all: &[T], number: u8) -> Option<&T> {
    all.get(usize::from(number).checked_rem(all.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(zone: &str, is_named: bool, instance: Option<&str>) -> Node {
        let target = |instance: &str| TargetId {
            group: "g".to_owned(),
            instance: instance.to_owned(),
            port: 6443,
        };
        Node {
            zone: zone.to_owned(),
            is_named,
            targets: instance
                .map(|instance| (target(instance), Ipv4Addr::LOCALHOST))
                .into_iter()
                .collect(),
        }
    }

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    /// How many of these clients get whom.
    fn shares(name: &Name, nodes: &[Node], now: Timestamp) -> BTreeMap<String, u32> {
        let mut shares = BTreeMap::new();
        for port in 1_000..1_900_u16 {
            let chosen = name.choose(nodes, now, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            let instance = chosen.map_or("nobody".to_owned(), |(target, _)| target.instance);
            *shares.entry(instance).or_default() += 1;
        }
        shares
    }

    #[test]
    fn connections_spread_over_the_zones_and_nobody_is_picked_from_nobody() {
        let nodes = ["a", "b", "c"].map(|zone| node(zone, true, Some(zone)));
        let name = Name::new(Timing::Fast);
        let shares = shares(&name, &nodes, at(0));
        assert!(shares.values().all(|share| *share > 200), "{shares:?}");
        assert_eq!(shares.len(), 3);
        assert_eq!(pick::<u8>(&[], 3), None);
    }

    #[test]
    fn clients_that_remember_the_name_come_to_a_node_that_has_left_it_and_are_refused_there() {
        let mut name = Name::new(Timing::Fast);
        name.look(&["a", "b"].map(|zone| node(zone, true, Some(zone))), at(0));
        let nodes = [node("a", true, Some("a")), node("b", false, None)];
        let early = shares(&name, &nodes, at(100));
        let late = shares(&name, &nodes, at(1_500));
        let (early, late) = (early["nobody"], late["nobody"]);
        assert!(early > late && late > 0, "{early} {late}");
        assert_eq!(
            shares(&name, &nodes, at(2_000)),
            BTreeMap::from([("a".to_owned(), 900)])
        );
    }
}
