//! What the AWS adapters must do, whatever stands behind the wire. Each scenario runs against every double; where a
//! double is wrong about AWS, the scenario says so where it matters and docs/fidelity.md says why.

use std::collections::BTreeMap;

use rehull_core::domain::fleet::{Attachment, BootPhase, Join, Machine, MachineState, SlotParts as Parts};
use rehull_core::domain::ids::{
    AccountId, Generation, InstanceId, InterfaceId, LaunchTemplateName, LaunchTemplateVersion, Region,
    SlotName, Token, VolumeId,
};
use rehull_core::ports::{LaunchRequest, LaunchTemplates, Machines, PortError, SlotParts};

use crate::account::{Account, BUCKET, REGION, eventually};

pub(crate) fn token(mark: u32) -> Token {
    Token::new(format!("{mark:032x}"))
}

impl Account {
    pub(crate) fn launch_request(&self, version: LaunchTemplateVersion, mark: u32) -> LaunchRequest {
        let tags = [
            ("rehull:cluster", self.cluster.as_str()),
            ("rehull:slot", self.slot.name.as_str()),
            ("rehull:generation", "1"),
            ("rehull:join", "bootstrap"),
            ("rehull:digest", "sha256:00"),
            ("rehull:rollout", "dev-1"),
        ];
        LaunchRequest {
            template: self.slot.launch_template.clone(),
            version,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            token: token(mark),
        }
    }

    pub(crate) async fn version(&self, mark: u8) -> LaunchTemplateVersion {
        let content = self.content(mark);
        let made = self
            .templates()
            .create_version(&self.slot.launch_template, &content, &token(mark.into()))
            .await;
        made.unwrap().0
    }

    /// A machine that runs.
    pub(crate) async fn running(&self, mark: u32) -> InstanceId {
        let version = self.version(1).await;
        let request = self.launch_request(version, 1000 + mark);
        let id = eventually("the template version is visible to RunInstances", async || {
            self.machines().launch(&request).await.ok()
        })
        .await;
        self.seen(&id, "running", |machine| machine.state == MachineState::Running)
            .await;
        id
    }

    pub(crate) async fn seen(
        &self,
        id: &InstanceId,
        what: &str,
        is_so: impl Fn(&Machine) -> bool,
    ) -> Machine {
        eventually(what, async || {
            let seen = self.machines().observe(&self.cluster).await;
            assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
            seen.value
                .into_iter()
                .find(|machine| machine.id == *id && is_so(machine))
        })
        .await
    }

    pub(crate) async fn parts_seen(&self) -> Parts {
        let seen = self.parts().observe(std::slice::from_ref(&self.slot)).await;
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        seen.value[&self.slot.name].clone()
    }

    pub(crate) async fn volume_seen(&self, what: &str, is_so: impl Fn(&Attachment) -> bool) {
        eventually(what, async || {
            is_so(&self.parts_seen().await.volume.attachment).then_some(())
        })
        .await;
    }

    pub(crate) async fn interface_seen(&self, what: &str, is_so: impl Fn(&Attachment) -> bool) {
        eventually(what, async || {
            is_so(&self.parts_seen().await.interface.attachment).then_some(())
        })
        .await;
    }
}

pub(crate) async fn the_caller_learns_account_and_region(account: &Account) {
    let who = account.machines().whoami().await.unwrap();
    assert_eq!(
        who,
        (AccountId::new(&account.double.account), Region::new(REGION))
    );
}

pub(crate) async fn a_template_gets_one_version_per_content(account: &Account) {
    let (templates, name) = (account.templates(), &account.slot.launch_template);
    let nothing = templates.observe(std::slice::from_ref(name)).await;
    assert!(nothing.gaps.is_empty() && nothing.value.is_empty(), "{nothing:?}");

    let (one, two) = (account.content(1), account.content(2));
    let first = templates.create_version(name, &one, &token(1)).await.unwrap();
    assert_eq!(first.0.to_string(), "1");
    let again = eventually("the template is visible", async || {
        match templates.create_version(name, &one, &token(1)).await {
            Err(error) if error.is_passing() => None,
            answer => Some(answer),
        }
    });
    assert_eq!(again.await, Ok(first), "the same content makes no second version");
    let second = templates.create_version(name, &two, &token(2)).await.unwrap();
    assert_eq!(second.0.to_string(), "2");

    let versions = eventually("both versions are visible", async || {
        let seen = templates.observe(std::slice::from_ref(name)).await;
        let versions = seen.value.get(name).cloned()?;
        (versions.len() == 2).then_some(versions)
    });
    let versions: Vec<_> = versions
        .await
        .into_iter()
        .map(|seen| (seen.version, seen.digest))
        .collect();
    assert_eq!(
        versions,
        [(first.0, Some(one.digest)), (second.0, Some(two.digest))]
    );
}

pub(crate) async fn a_template_says_what_a_machine_needs_and_keeps_its_default(account: &Account) {
    account.version(1).await;
    account.version(2).await;
    let name = account.slot.launch_template.as_str();
    let seen = eventually("version 2 is visible", async || {
        let request = account
            .ec2
            .describe_launch_template_versions()
            .launch_template_name(name)
            .versions("2");
        request
            .send()
            .await
            .ok()?
            .launch_template_versions()
            .first()
            .cloned()
    })
    .await;
    assert_ne!(
        seen.default_version(),
        Some(true),
        "nobody asked for another default"
    );
    let data = seen.launch_template_data().unwrap();
    assert_eq!(data.image_id(), Some(account.double.image.as_str()));
    assert_eq!(data.instance_type().unwrap().as_str(), "m6i.large");
    assert_eq!(
        data.iam_instance_profile().unwrap().name(),
        Some(account.double.profile.as_str())
    );
    let user_data = aws_smithy_types::base64::decode(data.user_data().unwrap()).unwrap();
    assert_eq!(
        String::from_utf8(user_data).unwrap(),
        account.content(2).user_data
    );
    let metadata = data.metadata_options().unwrap();
    assert_eq!(metadata.http_tokens().unwrap().as_str(), "required");
    assert_eq!(metadata.instance_metadata_tags().unwrap().as_str(), "enabled");
    assert_eq!(metadata.http_put_response_hop_limit(), Some(1));
    let interface = &data.network_interfaces()[0];
    assert_eq!(interface.subnet_id(), Some(account.slot.subnet.as_str()));
    assert_eq!(interface.groups(), account.content(2).security_groups);
    assert_eq!(interface.delete_on_termination(), Some(true));
}

pub(crate) async fn a_machine_is_launched_told_and_terminated(account: &Account) {
    let id = account.running(0).await;
    let machine = account.seen(&id, "running", |_| true).await;
    assert_eq!(machine.slot, account.slot.name);
    assert_eq!(machine.zone, Some(account.slot.zone.clone()));
    assert_eq!(
        (machine.generation, machine.join),
        (Some(Generation(1)), Some(Join::Bootstrap))
    );
    assert_eq!(
        (machine.go, machine.stop_asked, &machine.report),
        (false, false, &None)
    );
    assert!(machine.launched_at.is_some());

    let machines = account.machines();
    for tag in ["rehull:go", "rehull:stop"] {
        machines
            .tag(&id, &BTreeMap::from([(tag.to_owned(), "1".to_owned())]))
            .await
            .unwrap();
    }
    account
        .seen(&id, "told", |machine| machine.go && machine.stop_asked)
        .await;

    machines.terminate(&id).await.unwrap();
    machines.terminate(&id).await.unwrap();
    account
        .seen(&id, "terminated", |machine| {
            machine.state == MachineState::Terminated
        })
        .await;
}

pub(crate) async fn a_machine_knows_the_template_version_it_came_from(account: &Account) {
    let id = account.running(0).await;
    let machine = account.seen(&id, "running", |_| true).await;
    assert_eq!(
        machine
            .template_version
            .map(|version| version.to_string())
            .as_deref(),
        Some("1")
    );
}

pub(crate) async fn the_same_token_launches_once(account: &Account) {
    let first = account.running(0).await;
    let repeated = account.launch_request(account.version(1).await, 1000);
    assert_eq!(account.machines().launch(&repeated).await, Ok(first));
    assert_eq!(account.machines().observe(&account.cluster).await.value.len(), 1);
}

pub(crate) fn nobody() -> InstanceId {
    InstanceId::new("i-0123456789abcdef0")
}

pub(crate) async fn a_tag_for_a_machine_that_nobody_knows_is_not_set(account: &Account) {
    let go = BTreeMap::from([("rehull:go".to_owned(), "1".to_owned())]);
    let tagged = account.machines().tag(&nobody(), &go).await;
    assert!(
        matches!(tagged, Err(PortError::NotYetVisible { .. })),
        "{tagged:?}"
    );
}

pub(crate) async fn what_does_not_exist_is_said_in_its_own_way(account: &Account) {
    let (nobody, machines) = (nobody(), account.machines());
    let terminated = machines.terminate(&nobody).await;
    assert!(
        matches!(terminated, Err(PortError::Gone { .. })),
        "{terminated:?}"
    );

    let mut request = account.launch_request("1".parse().unwrap(), 1);
    request.template = LaunchTemplateName::new("no-such-template");
    let launched = machines.launch(&request).await;
    assert!(
        matches!(launched, Err(PortError::NotYetVisible { .. })),
        "{launched:?}"
    );

    let (volume, interface) = (
        VolumeId::new("vol-0123456789abcdef0"),
        InterfaceId::new("eni-0123456789abcdef0"),
    );
    let parts = account.parts();
    let attached = parts.attach_volume(&volume, &nobody, Generation(1)).await;
    assert!(matches!(attached, Err(PortError::Gone { .. })), "{attached:?}");
    let mut slot = account.slot.clone();
    (slot.volume, slot.interface, slot.name) = (volume, interface, SlotName::new("etcd-x"));
    let seen = parts.observe(&[slot.clone(), account.slot.clone()]).await;
    assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
    assert_eq!(seen.value[&slot.name].volume.attachment, Attachment::Missing);
    assert_eq!(seen.value[&slot.name].interface.attachment, Attachment::Missing);
    assert_eq!(
        seen.value[&account.slot.name].volume.attachment,
        Attachment::Available,
        "the others are still seen"
    );
}

pub(crate) async fn a_launch_from_a_version_that_is_not_there_is_not_a_launch(account: &Account) {
    account.version(1).await;
    let launched = account
        .machines()
        .launch(&account.launch_request("99".parse().unwrap(), 1))
        .await;
    assert!(
        matches!(launched, Err(PortError::NotYetVisible { .. })),
        "{launched:?}"
    );
}

pub(crate) async fn a_machine_s_own_report_is_joined_in(account: &Account) {
    let machine = account.running(0).await;
    let machines = account.machines();
    assert_eq!(machines.boot_report(&account.slot.name, &machine).await, Ok(None));

    let key = format!(
        "{}boot/{}/{}/{machine}.json",
        account.artefacts().prefix,
        account.cluster,
        account.slot.name
    );
    let report = format!(
        r#"{{"format":1,"instance":"{machine}","phase":"refused","code":"blank-volume","text":"no"}}"#
    );
    account.put(&key, report.as_bytes()).await;
    let seen = account
        .seen(&machine, "reported", |machine| machine.report.is_some())
        .await
        .report
        .unwrap();
    assert_eq!(
        (seen.phase, seen.code.as_str()),
        (BootPhase::Refused, "blank-volume")
    );

    account.put(&key, b"{\"format\":1,\"inst").await;
    let torn = machines.observe(&account.cluster).await;
    assert!(
        torn.gaps.iter().any(|gap| gap.why.contains(machine.as_str())),
        "{:?}",
        torn.gaps
    );
    assert_eq!(torn.value[0].report, None);
    let torn = machines.boot_report(&account.slot.name, &machine).await;
    assert!(matches!(torn, Err(PortError::Unreadable { .. })), "{torn:?}");
    account
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
}
