//! What existing clusters look like, and what can be taken over of them. `docs/adopt.md` is this table in words; a test
//! compares them, and each refusal has a test that leads to it.

use crate::plan::Refusal;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Stable word, for example `adopt::stacked`.
    pub id: &'static str,
    /// What it looks like.
    pub looks: &'static str,
    /// Whether it can be taken over.
    pub verdict: Verdict,
    /// Why.
    pub why: &'static str,
    /// What to do.
    pub way: &'static str,
}

/// Whether a layout can be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it is.
    Supported,
    /// After a person has changed something.
    NeedsStep,
    /// Not by this version.
    Refused,
}

impl Verdict {
    /// Its word in the table.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::NeedsStep => "needs a step",
            Self::Refused => "refused",
        }
    }
}

macro_rules! layouts {
    ($($name:ident $id:literal: $verdict:ident, $looks:literal because $why:literal, so $way:literal;)+) => {
        $(pub(super) const $name: Layout = Layout {
            id: $id, looks: $looks, verdict: Verdict::$verdict, why: $why, way: $way,
        };)+
        /// Every layout that is known by name.
        pub const LAYOUTS: &[Layout] = &[$($name),+];
    };
}

layouts! {
    EXTERNAL "adopt::external": Supported,
        "etcd on EC2 instances of its own, each with a second interface and a data volume that outlive it (vishwakarma)"
        because "name, address and disk stay; rehull replaces the machine behind them, one at a time",
        so "HANDOVER.md, step by step";
    TOLD "adopt::told": Supported,
        "the same, and no Terraform state: the mapping file names every id"
        because "there is no state to take anything out of, so the hand-over is tags and the identity record",
        so "HANDOVER.md, step by step";
    BESIDE "adopt::told_beside_state": Supported,
        "the same, and a state that does not know every machine: the mapping file names all ids of those members"
        because "what the state knows of their interfaces and volumes is handed over like that of others; the rest is tags",
        so "HANDOVER.md, step by step: it asks for what no file tells";
    CLASSIC_BALANCER "adopt::classic_elb": Supported,
        "a Classic ELB in front of the apiservers"
        because "etcd is rolled behind it untouched; a Classic ELB cannot check `/readyz` over HTTPS by status, so apiservers are rolled behind another balancer only",
        so "nothing now; make a Network Load Balancer beside it (module `control-plane`) and move the clients before apiservers are rolled";
    DELETED_DISK "adopt::disk_dies_with_machine": NeedsStep,
        "a data volume that is deleted when its instance ends (`delete_on_termination`)"
        because "the old machine is terminated in the end, and the member's disk has to stay",
        so "aws ec2 modify-instance-attribute --instance-id ID --block-device-mappings 'DeviceName=DEVICE,Ebs={DeleteOnTermination=false}', then write the state anew";
    DELETED_INTERFACE "adopt::interface_dies_with_machine": NeedsStep,
        "a second interface that is deleted when its instance ends (`delete_on_termination`)"
        because "the old machine is terminated in the end, and the member's address has to stay",
        so "aws ec2 modify-network-interface-attribute --network-interface-id ID --attachment AttachmentId=ATTACHMENT,DeleteOnTermination=false, then write the state anew";
    PROTECTED "adopt::termination_protection": NeedsStep,
        "instances with termination protection (`disable_api_termination`)"
        because "a rollout ends the old machine through the EC2 API, and would stop half way with one member out",
        so "aws ec2 modify-instance-attribute --instance-id ID --no-disable-api-termination, then write the state anew";
    SHARED "adopt::shared_resource": NeedsStep,
        "one Terraform resource (`count`, `for_each`) that makes members and something else"
        because "`removed` takes whole resources out of a state, so the others would be forgotten too",
        so "give the members a resource of their own: terraform state mv, with the same change in the configuration";
    MORE_PARTS "adopt::more_parts": NeedsStep,
        "a machine with further volumes or interfaces (a volume for the write-ahead log, say)"
        because "a slot is one interface and one volume: the next machine would come up without the rest",
        so "bring the data onto one volume, detach the other parts, then write the state anew";
    NO_MACHINE "adopt::no_machine": NeedsStep,
        "members that are no `aws_instance` in the state: in an Auto Scaling group, or made by hand"
        because "a group would replace what rehull takes away; what is made by hand no state tells of",
        so "in a group: aws autoscaling detach-instances --should-decrement-desired-capacity, one at a time; then name `zone`, `subnet`, `interface`, `volume` and `address` of the member in the mapping";
    PRIMARY "adopt::primary_interface": Refused,
        "members whose address is on the machine's own first interface"
        because "EC2 never detaches a first interface, so the address ends with the machine",
        so "give each member a second interface (`aws_network_interface`), move its peer URL there with `etcdctl member update`, then adopt";
    NO_DISK "adopt::no_data_volume": Refused,
        "members whose data is on the root volume or on instance storage"
        because "no disk outlives the machine",
        so "give each member a volume (`aws_ebs_volume`), move its data there while it is stopped, one member at a time, then adopt";
    STACKED "adopt::stacked": Refused,
        "stacked etcd: the member's machine is an apiserver too (kubeadm, typhoon)"
        because "a machine that rehull makes for a member has etcd and nothing else: the apiserver would go with the old one and not come back",
        so "move etcd to machines of its own: add members there and remove these one at a time, then adopt";
    BALANCED "adopt::etcd_behind_balancer": Refused,
        "members behind a load balancer on port 2379"
        because "a new machine would not be registered there, and clients that only know the balancer would lose etcd",
        so "point the clients at the members' addresses and take the members out of the balancer, then adopt";
    KOPS "adopt::kops": Refused,
        "kops: volumes tagged `k8s.io/etcd/…`, membership by etcd-manager"
        because "etcd-manager owns membership: it would undo what rehull does, and rehull what it does",
        so "stay with `kops rolling-update cluster`, or move etcd to members outside of kops and adopt those";
    SINGLE "adopt::single_member": Refused,
        "one member"
        because "only `reattach` replaces a single member, and it starts from a data directory that rehull has laid itself",
        so "grow it to three members, then adopt";
    REATTACH "adopt::reattach": Refused,
        "`strategy: reattach` for the first rollout"
        because "it starts from a data directory that rehull has laid itself, and adopted volumes have none yet",
        so "adopt with `strategy: remove-then-add`; once every machine is rehull's the strategy may be changed";
}

impl Layout {
    /// A refusal by this row.
    pub(super) fn refusal(&self, what: impl core::fmt::Display) -> Refusal {
        let message = format!("{what}\n{}: {}", self.verdict.words(), self.why);
        Refusal::new(self.id, message, self.way)
    }
}

/// The table as `docs/adopt.md` has it.
#[must_use]
pub fn reference() -> String {
    let mut out = "| layout | verdict | why | what to do |\n|---|---|---|---|\n".to_owned();
    for row in LAYOUTS {
        out.push_str(&format!(
            "| {} (`{}`) | {} | {} | {} |\n",
            row.looks,
            row.id,
            row.verdict.words(),
            row.why,
            row.way
        ));
    }
    out
}
