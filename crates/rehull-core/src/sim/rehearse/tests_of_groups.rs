//! Rehearsals of whole plans: etcd, then the control plane, then workers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::tests::{desired, file, now};
use super::*;
use crate::domain::ids::{GroupName, StepId};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::KubernetesVersion;

const CONTROL_PLANE: &str = "
controlPlane:
  version: 1.34.2
  binaries:
    kube-apiserver: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    kube-controller-manager: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    kube-scheduler: cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
  image: ami-0fedcba9876543211
  instanceType: m7g.large
  instanceProfile: orders-servers
  securityGroups: [sg-0aaaaaaaaaaaaaaa3]
  serviceCidr: 10.96.0.0/16
  flags: { kube-apiserver: { authorization-mode: \"Node,RBAC\", shutdown-delay-duration: 6s } }
  template: { builtIn: 1 }
  machineTls: { bucket: orders-secrets, prefix: servers/, revision: \"1\" }
  clientTls: { files: { ca: k.crt, cert: c.crt, key: c.key } }
  autoScalingGroup: orders-servers
  launchTemplate: orders-servers-template
  targetGroup: arn:aws:elasticloadbalancing:eu-central-1:444455556666:targetgroup/orders-api/0123456789abcdef
  serving: { floor: 3 }
";

const WORKERS: &str = "
workers:
  server: https://api.orders.example:6443
  clientTls: { files: { ca: k.crt, cert: w.crt, key: w.key } }
  budget: 2
  order:
    - { first: shop/redis, then: shop/cart }
  groups:
    - autoScalingGroup: orders-general
      launchTemplate: orders-general-template
      targetGroups:
        - arn:aws:elasticloadbalancing:eu-central-1:444455556666:targetgroup/orders-ingress/fedcba9876543210
      version: 1.34.2
      image: ami-0fedcba9876543212
      instanceType: m7g.large
      instanceProfile: orders-workers
      securityGroups: [sg-0aaaaaaaaaaaaaaa4]
      template: { file: worker.yaml }
      rolling: { maxSurge: 2, canary: 1, bake: 90s }
    - autoScalingGroup: orders-memory
      launchTemplate: orders-memory-template
      version: 1.33.5
      image: ami-0fedcba9876543212
      instanceType: r7g.large
      instanceProfile: orders-workers
      securityGroups: [sg-0aaaaaaaaaaaaaaa4]
      template: { file: worker.yaml }
";

/// A cluster file with all parts.
fn whole() -> String {
    file(EtcdStrategy::RemoveThenAdd, 3) + CONTROL_PLANE + WORKERS
}

fn group(name: &str) -> GroupName {
    GroupName::new(name)
}

const GROUPS: [&str; 3] = ["orders-servers", "orders-general", "orders-memory"];

#[test]
fn a_whole_plan_is_the_planner_s_with_everything_that_the_file_says_of_groups() {
    let wanted = desired(&whole());
    let rehearsal = Rehearsal::of(&wanted, &now()).unwrap();
    let plan = rehearsal.plan();
    assert_eq!(
        plan.headline(),
        "etcd 3.5.33 → 3.6.14 on 3 machines, remove-then-add; Kubernetes 1.33.0 → 1.34.2 on 3 control-plane machines; kubelet 1.33.5, 1.34.2 on 6 workers of 2 groups"
    );
    assert_eq!(plan.forecast.blockers, Vec::<String>::new());
    let role = wanted.control_plane.as_ref().unwrap();
    let servers = plan.envelope.servers().unwrap();
    assert_eq!(
        (&servers.group, &servers.launch_template),
        (&role.group, &role.launch_template)
    );
    assert_eq!(
        (&servers.policy, servers.to.version),
        (&role.serving, role.version)
    );
    assert_ne!(servers.targets, role.target_group);
    assert_eq!(
        rehearsal.names.back(servers.targets.as_str()),
        role.target_group.as_str()
    );
    let roles = wanted.workers.as_ref().unwrap();
    let workers = plan.envelope.workers.as_ref().unwrap();
    assert_eq!((workers.budget, &workers.order), (roles.budget, &roles.order));
    for (planned, role) in workers.groups.iter().zip(&roles.groups) {
        assert_eq!(
            (&planned.group, &planned.launch_template),
            (&role.group, &role.launch_template)
        );
        assert_eq!(
            (&planned.policy, planned.to.version),
            (&role.policy, role.version)
        );
        assert_eq!(planned.machine.image, role.machine.image);
        assert_eq!(planned.machine.instance_type, role.machine.instance_type);
        let told: Vec<String> = planned
            .targets
            .iter()
            .map(|arn| rehearsal.names.back(arn.as_str()))
            .collect();
        let given: Vec<String> = role.target_groups.iter().map(ToString::to_string).collect();
        assert_eq!(told, given);
    }
}

#[test]
fn a_whole_plan_is_carried_out_and_breaks_no_promise() {
    let rehearsal = Rehearsal::of(&desired(&whole()), &now()).unwrap();
    let runs: Vec<Performance> = (1..=3).map(|seed| rehearsal.perform(seed).unwrap()).collect();
    for run in &runs {
        assert_eq!(run.ends, Ends::Finished, "{run:?}");
        assert_eq!(run.breaches, Vec::<String>::new(), "seed {}", run.seed);
        // Parts are rolled one after the other.
        assert_eq!(run.parts.values().sum::<Duration>(), run.took, "{run:?}");
        assert_eq!(run.parts.keys().copied().collect::<Vec<_>>(), Part::ALL);
        let workers = run.parts[&Part::Workers];
        let of_groups = GROUPS[1..]
            .iter()
            .map(|name| run.groups[&StepId::new(format!("workers/{name}"))]);
        assert!(of_groups.max().unwrap() <= workers, "{run:?}");
    }
    let report = rehearsal.report(&runs, None);
    let parts: Vec<Part> = report.parts.iter().map(|part| part.part).collect();
    assert_eq!(parts, Part::ALL);
    let slots: Vec<_> = report.steps.iter().filter_map(|step| step.slot.clone()).collect();
    assert_eq!(slots.len(), 3);
    assert!(
        report
            .steps
            .iter()
            .all(|step| !step.step.as_str().contains("orders-")),
        "{:?}",
        report.steps
    );
    let groups: Vec<_> = report
        .groups
        .iter()
        .map(|line| (line.group.as_str(), line.machines))
        .collect();
    assert_eq!(groups, GROUPS.map(|name| (name, 3)));
    assert!(report.groups.iter().all(|line| line.time.min_s > 0), "{report:?}");
    assert_eq!(report.left_out, []);
}

#[test]
fn what_nobody_has_said_of_groups_is_told_in_a_line_each() {
    let wanted = desired(&whole());
    let told = |as_it_is: &AsItIs| {
        let assumed = as_it_is.assumptions(&wanted).into_iter();
        let lines = assumed.map(|one| match one.flag {
            Some(flag) => format!("{} [{flag}]", one.says),
            None => one.says,
        });
        lines.collect::<Vec<_>>()
    };
    insta::assert_snapshot!(told(&now()).join("\n"), @r"
    apiservers and kubelets run Kubernetes 1.33.0 [--kubernetes VERSION]
    orders-servers has 3 machines, which is its floor [--machines orders-servers=N]
    orders-general has 3 machines [--machines orders-general=N]
    orders-memory has 3 machines [--machines orders-memory=N]
    groups lie in the zones of the members (eu-central-1a, eu-central-1b, eu-central-1c), and may not be smaller or larger than they are
    a deregistered target keeps its connections for 300 s [--deregistration-delay SECONDS]
    two pods of assumed/web run on each node, and a quarter of them may be away; CoreDNS and an operator that tolerates cordons run as well
    workloads of `order` have two pods each, of which one may be away
    a node answers the checks of its target groups while it is ready
    machines of groups boot as modelled ones do, with the pinned release: no model carries out the built-in set 1, worker.yaml
    ");
    let said = AsItIs {
        kubernetes: Some(KubernetesVersion::new(1, 33, 7)),
        machines: GROUPS.map(|name| (group(name), 5)).into(),
        deregistration_delay_s: Some(30),
        ..now()
    };
    let lines = told(&said);
    assert!(lines.iter().all(|line| !line.contains("[--")), "{lines:#?}");
    assert!(
        lines.contains(
            &"kubelets of orders-memory run 1.33.5 already and are replaced for something else".to_owned()
        ),
        "{lines:#?}"
    );
    let servers_alone = AsItIs {
        parts: [Part::ControlPlane].into(),
        ..now()
    };
    let part = servers_alone.part_of(&wanted);
    let lines = servers_alone.assumptions(&part);
    assert!(lines[0].says.starts_with("apiservers run "), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.says.contains("pods")), "{lines:#?}");
    let etcd_only = file(EtcdStrategy::RemoveThenAdd, 3);
    assert_eq!(now().assumptions(&desired(&etcd_only)), []);
}

#[test]
fn what_was_said_of_groups_is_so() {
    let as_it_is = AsItIs {
        kubernetes: Some(KubernetesVersion::new(1, 34, 1)),
        machines: [(group("orders-servers"), 4), (group("orders-general"), 5)].into(),
        parts: [Part::ControlPlane, Part::Workers].into(),
        ..now()
    };
    let rehearsal = Rehearsal::of(&desired(&whole()), &as_it_is).unwrap();
    let report = rehearsal.report(&[], None);
    let told: Vec<_> = report
        .groups
        .iter()
        .map(|line| (line.from.unwrap().to_string(), line.machines))
        .collect();
    // Nobody is taken down to what the file says.
    let expected = [("1.34.1", 4), ("1.34.1", 5), ("1.33.5", 3)];
    assert_eq!(told, expected.map(|(from, machines)| (from.to_owned(), machines)));
}

#[test]
fn a_part_alone_is_rehearsed_and_its_apiservers_serve_what_the_file_says() {
    let as_it_is = AsItIs {
        parts: [Part::Workers].into(),
        ..now()
    };
    let rehearsal = Rehearsal::of(&desired(&whole()), &as_it_is).unwrap();
    let envelope = &rehearsal.plan().envelope;
    assert!(!envelope.replaces_members() && envelope.servers().is_none());
    assert_eq!(envelope.worker_groups().count(), 2);
    let run = rehearsal.perform(1).unwrap();
    assert_eq!(run.ends, Ends::Finished);
    assert_eq!(run.breaches, Vec::<String>::new());
    let what_ifs = rehearsal.what_ifs(1).unwrap().unwrap();
    assert!(what_ifs.all.iter().all(|what_if| what_if.part == Part::Workers));
    let report = rehearsal.report(&[run], Some((&what_ifs, Vec::new())));
    assert_eq!(
        report.parts.iter().map(|part| part.part).collect::<Vec<_>>(),
        [Part::Workers]
    );
    assert_eq!(report.what_if, None);
    assert_eq!(report.group_what_ifs.len(), 1);
    let left: Vec<_> = report.left_out.iter().map(|left| left.group.as_str()).collect();
    assert_eq!(left, ["orders-servers"]);
    assert!(
        report.left_out[0].why.contains("only workers"),
        "{:?}",
        report.left_out
    );
    assert!(
        report
            .assumed
            .iter()
            .all(|line| !line.says.contains("orders-servers has")),
        "{:?}",
        report.assumed
    );
}

#[test]
fn a_hop_that_the_planner_refuses_is_not_rehearsed() {
    let as_it_is = AsItIs {
        kubernetes: Some(KubernetesVersion::new(1, 32, 9)),
        ..now()
    };
    let Err(Unplanned::Refused(refusals)) = Rehearsal::of(&desired(&whole()), &as_it_is) else {
        panic!("it is planned");
    };
    assert_eq!(refusals[0].code, "plan::kubernetes_hop");
    assert_eq!(refusals[0].pointer.as_deref(), Some("/controlPlane/version"));
}

#[test]
fn where_a_module_makes_versions_those_of_groups_are_there() {
    let text = whole() + "terraform: { templates: terraform/templates }\n";
    let rehearsal = Rehearsal::of(&desired(&text), &now()).unwrap();
    let run = rehearsal.perform(1).unwrap();
    assert_eq!(run.ends, Ends::Finished);
    assert_eq!(run.breaches, Vec::<String>::new());
}

/// Faults of a part, tried at this phase.
fn tried(rehearsal: &Rehearsal, part: Part, all: &[(Likely, Phase)]) -> Vec<Tried> {
    let what_ifs = rehearsal.what_ifs(1).unwrap().unwrap();
    let find = |(fault, phase): &(Likely, Phase)| {
        let mut of_part = what_ifs.all.iter().filter(|one| one.part == part);
        let found = of_part.find(|one| one.fault == *fault && one.begun.phase == *phase);
        let tried = rehearsal.try_out(&what_ifs, found.unwrap()).unwrap();
        assert_eq!(tried.breaches, Vec::<String>::new(), "{tried:?}");
        let ends = if *fault == Likely::Abort {
            Ends::Aborted
        } else {
            Ends::Finished
        };
        assert_eq!(tried.ends, ends, "{tried:?}");
        tried
    };
    all.iter().map(find).collect()
}

fn reasons(tried: &Tried) -> Vec<&'static str> {
    let stops = tried.stops.iter();
    let names = stops.map(|stop| match &stop.why {
        StopWhy::Stopped { reason } => reason.name(),
        StopWhy::Failed { .. } => "failed",
    });
    names.collect()
}

#[test]
fn likely_faults_of_a_control_plane_are_got_over() {
    let as_it_is = AsItIs {
        parts: [Part::ControlPlane].into(),
        ..now()
    };
    let rehearsal = Rehearsal::of(&desired(&whole()), &as_it_is).unwrap();
    let all = [
        (Likely::NoCapacity, Phase::Surge),
        (Likely::NeverBoots, Phase::Surge),
        (Likely::ServerDies, Phase::LetGo),
        (Likely::ServerDies, Phase::End),
        (Likely::ZoneLost, Phase::End),
        (Likely::RehullKilled, Phase::End),
        (Likely::Abort, Phase::LetGo),
    ];
    let tried = tried(&rehearsal, Part::ControlPlane, &all);
    assert_eq!(reasons(&tried[0]), ["no-launch"], "{:?}", tried[0]);
    assert_eq!(reasons(&tried[1]), ["deadline"], "{:?}", tried[1]);
    assert_eq!(tried[5].processes, 2);
}

#[test]
fn likely_faults_of_workers_are_got_over() {
    let as_it_is = AsItIs {
        parts: [Part::Workers].into(),
        ..now()
    };
    let rehearsal = Rehearsal::of(&desired(&whole()), &as_it_is).unwrap();
    let all = [
        (Likely::NoCapacity, Phase::Surge),
        (Likely::NeverBoots, Phase::Surge),
        (Likely::BudgetBlocks, Phase::Drain),
        (Likely::NodeDies, Phase::LetGo),
        (Likely::ZoneLost, Phase::End),
        (Likely::RehullKilled, Phase::Drain),
        (Likely::Abort, Phase::Drain),
    ];
    let tried = tried(&rehearsal, Part::Workers, &all);
    assert_eq!(reasons(&tried[0]), ["no-launch"], "{:?}", tried[0]);
    assert_eq!(reasons(&tried[1]), ["deadline"], "{:?}", tried[1]);
    // The file's deadline is that of nobody who says otherwise: 15 minutes.
    assert_eq!(tried[2].lasts_s, 25 * 60);
    assert_eq!(reasons(&tried[2]), ["undrained"], "{:?}", tried[2]);
    assert_eq!(tried[5].processes, 2);
}

#[test]
fn every_likely_fault_of_a_part_has_its_phases() {
    let rehearsal = Rehearsal::of(&desired(&whole()), &now()).unwrap();
    let what_ifs = rehearsal.what_ifs(1).unwrap().unwrap();
    let of = |part, fault| {
        let all = what_ifs.all.iter();
        let of = all.filter(move |one| (one.part, one.fault) == (part, fault));
        of.map(|one| one.begun.phase).collect::<Vec<_>>()
    };
    let servers = [Phase::Surge, Phase::LetGo, Phase::End];
    let workers = [Phase::Surge, Phase::Drain, Phase::LetGo, Phase::End];
    for fault in Likely::ALL {
        let told = |part, phases: &[Phase]| {
            let expected = if fault.is_of(part) { phases } else { &[] };
            assert_eq!(of(part, fault), expected, "{fault:?}");
        };
        told(Part::ControlPlane, &servers);
        told(Part::Workers, &workers);
    }
}
