//! Machines and launch templates.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use async_trait::async_trait;

use super::Hands;
use super::kept::{Kept, unexpected};
use super::read::{gone, machine, not_yet};
use crate::domain::fleet::{BootReport, Machine, TemplateVersion, tag};
use crate::domain::ids::{
    AccountId, ClusterName, ContentDigest, InstanceId, LaunchTemplateName, LaunchTemplateVersion, Region,
    SlotName, Token,
};
use crate::domain::observed::{Gap, Part, Partial};
use crate::ports::{LaunchRequest, LaunchTemplates, Machines, MadeVersion, PortError, Rule, TemplateContent};
use crate::sim::lab::{Due, Lab};
use crate::world::Kind;
use crate::world::api::ec2::{
    CreateLaunchTemplate, CreateLaunchTemplateVersion, Describe, DescribeTemplateVersions, Filter,
    InterfaceSpec, LaunchData, MetadataSpec, PageRequest, Request as Ask, Response as Told, RunInstances,
    TemplateRef,
};
use crate::world::template::TemplateVersion as Row;

/// What stands before the digest in the description of a launch template version.
const DESCRIPTION_PREFIX: &str = "rehull ";

#[async_trait]
impl Machines for Hands {
    async fn observe(&self, cluster: &ClusterName) -> Partial<Vec<Machine>> {
        let now = self.now();
        let mut lab = self.lab();
        lab.advance(now);
        self.looks(&lab);
        let mut machines = match lab.machines(now, cluster) {
            Ok(machines) => machines,
            Err(error) => return unread(Part::Machines, &error),
        };
        for machine in machines.iter_mut().filter(|machine| machine.is_live()) {
            machine.report = lab.reports.get(&machine.id).cloned();
        }
        Partial {
            value: machines,
            gaps: Vec::new(),
        }
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<InstanceId, PortError> {
        let asked = RunInstances {
            min_count: 1,
            max_count: 1,
            template: Some((
                TemplateRef::Name(request.template.as_str().to_owned()),
                Some(request.version.to_string()),
            )),
            data: LaunchData {
                tags: BTreeMap::from([("instance".to_owned(), request.tags.clone())]),
                ..LaunchData::default()
            },
            zone: None,
            token: Some(request.token.as_str().to_owned()),
        };
        self.request("RunInstances", move |lab, now| {
            let told = lab.ec2(now, Ask::RunInstances(Box::new(asked.clone())), not_yet)?;
            let Told::Reservation(launched) = told else {
                return Err(unexpected());
            };
            let Some(sight) = launched.first() else {
                return Err(unexpected());
            };
            // Nothing happens in the world then, but there is something new to see.
            lab.plan(sight.instance.seen.listed_from, Due::Seen);
            Ok(InstanceId::new(&sight.instance.id))
        })
        .await
    }

    async fn tag(&self, machine: &InstanceId, tags: &BTreeMap<String, String>) -> Result<(), PortError> {
        let what = if tags.contains_key(tag::GO) {
            "tag go"
        } else {
            "tag stop"
        };
        let (id, tags) = (machine.as_str().to_owned(), tags.clone());
        self.request(what, move |lab, now| {
            let ask = Ask::CreateTags {
                ids: vec![id.clone()],
                tags: tags.clone(),
            };
            lab.ec2(now, ask, not_yet).map(drop)
        })
        .await
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        let id = machine.as_str().to_owned();
        self.request("TerminateInstances", move |lab, now| {
            let ids = vec![id.clone()];
            lab.ec2(now, Ask::TerminateInstances { ids }, gone).map(drop)
        })
        .await
    }

    async fn whoami(&self) -> Result<(AccountId, Region), PortError> {
        let lab = self.lab();
        let setup = lab.world.setup();
        Ok((AccountId::new(&setup.account), Region::new(&setup.region)))
    }

    async fn boot_report(
        &self,
        _slot: &SlotName,
        machine: &InstanceId,
    ) -> Result<Option<BootReport>, PortError> {
        Ok(self.lab().reports.get(machine).cloned())
    }
}

#[async_trait]
impl LaunchTemplates for Hands {
    async fn observe(
        &self,
        templates: &[LaunchTemplateName],
    ) -> Partial<BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>> {
        let now = self.now();
        let mut lab = self.lab();
        let (mut value, mut gaps) = (BTreeMap::new(), Vec::new());
        for template in templates {
            match lab.template_versions(now, template) {
                Ok(Some(versions)) => {
                    value.insert(template.clone(), versions);
                }
                Ok(None) => {}
                Err(error) => gaps.push(Gap {
                    part: Part::Templates,
                    why: format!("`{template}`: {error}"),
                }),
            }
        }
        Partial { value, gaps }
    }

    async fn create_version(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        self.request("CreateLaunchTemplateVersion", |lab, now| {
            lab.make_version(now, template, content, token)
        })
        .await
    }
}

impl Lab {
    fn machines(&mut self, now: jiff::Timestamp, cluster: &ClusterName) -> Result<Vec<Machine>, PortError> {
        let by = || Describe {
            filters: vec![Filter {
                name: format!("tag:{}", tag::CLUSTER),
                values: vec![cluster.as_str().to_owned()],
            }],
            ..Describe::default()
        };
        let kept = self.views.machines.take().filter(|kept| kept.asked == *cluster);
        let mut kept = kept.unwrap_or_else(|| {
            let call = self.signed(Ask::DescribeInstances(by()));
            Kept::new(cluster.clone(), vec![call], Kind::Instances)
        });
        self.views.comes(self.draw)?;
        let (world, lag) = (&mut self.world, self.views.lag);
        let answer = kept.ask(world, (now, lag), gone, |world| {
            let rows = world.instances_by(&by())?;
            let mut machines: Vec<Machine> = rows.into_iter().filter_map(machine).collect();
            machines.sort_by(|one, other| (one.launched_at, &one.id).cmp(&(other.launched_at, &other.id)));
            Ok(machines)
        });
        let shows_from = kept.shows_from();
        self.views.machines = Some(kept);
        self.look_again(shows_from);
        answer
    }

    /// `None`: there is no such template.
    fn template_versions(
        &mut self,
        now: jiff::Timestamp,
        template: &LaunchTemplateName,
    ) -> Result<Option<Vec<TemplateVersion>>, PortError> {
        let name = || TemplateRef::Name(template.as_str().to_owned());
        if !self.views.templates.contains_key(template) {
            let call = self.signed(Ask::DescribeLaunchTemplateVersions(DescribeTemplateVersions {
                template: name(),
                versions: Vec::new(),
                min: None,
                max: None,
                page: PageRequest::default(),
            }));
            let kept = Kept::new((), vec![call], Kind::Templates);
            self.views.templates.insert(template.clone(), kept);
        }
        self.views.comes(self.draw)?;
        let lag = self.views.lag;
        let Some(kept) = self.views.templates.get_mut(template) else {
            return Err(unexpected());
        };
        let answer = kept.ask(&mut self.world, (now, lag), not_yet, |world| {
            let found = world.launch_template(&name()).ok();
            // By number, so ascending.
            Ok(found.map(|found| found.versions.values().filter_map(version).collect()))
        });
        let shows_from = kept.shows_from();
        self.look_again(shows_from);
        answer
    }

    fn make_version(
        &mut self,
        now: jiff::Timestamp,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        let present = self.template_versions(now, template)?;
        let same = |version: &&TemplateVersion| version.digest.as_ref() == Some(&content.digest);
        if let Some(found) = present.iter().flatten().rfind(same) {
            return Ok(MadeVersion(found.version));
        }
        self.write_version(now, template, content, (token, present.is_some()))
    }

    /// The first version of a template, or another one.
    pub(in crate::sim) fn write_version(
        &mut self,
        now: jiff::Timestamp,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        (token, is_there): (&Token, bool),
    ) -> Result<MadeVersion, PortError> {
        let description = Some(format!("{DESCRIPTION_PREFIX}{}", content.digest));
        let token = Some(token.as_str().to_owned());
        let told = if is_there {
            let asked = CreateLaunchTemplateVersion {
                template: TemplateRef::Name(template.as_str().to_owned()),
                source_version: None,
                description,
                data: data(content),
                token,
            };
            self.ec2(now, Ask::CreateLaunchTemplateVersion(Box::new(asked)), not_yet)?
        } else {
            let asked = CreateLaunchTemplate {
                name: template.as_str().to_owned(),
                description,
                data: data(content),
                tags: content.tags.clone(),
                token,
            };
            self.ec2(now, Ask::CreateLaunchTemplate(Box::new(asked)), not_yet)?
        };
        let number = if let Told::Template(made) = &told {
            made.latest_version()
        } else if let Told::TemplateVersion(_, made) = &told {
            made.number
        } else {
            return Err(unexpected());
        };
        let number = number
            .to_string()
            .parse()
            .map_err(|_| super::read::refused(Rule::Other, "no number".to_owned()))?;
        Ok(MadeVersion(number))
    }
}

fn version(row: &Row) -> Option<TemplateVersion> {
    Some(TemplateVersion {
        version: LaunchTemplateVersion(NonZeroU64::new(row.number)?),
        digest: content_of(row),
    })
}

/// The content digest that a version says it has.
pub(in crate::sim) fn content_of(row: &Row) -> Option<ContentDigest> {
    let digest = row.description.as_deref()?.strip_prefix(DESCRIPTION_PREFIX)?;
    Some(ContentDigest::new(digest))
}

fn data(content: &TemplateContent) -> LaunchData {
    LaunchData {
        image: Some(content.image.clone()),
        instance_type: Some(content.instance_type.clone()),
        profile: Some(content.instance_profile.clone()),
        interfaces: vec![InterfaceSpec {
            device_index: 0,
            subnet: content.subnet.clone(),
            security_groups: content.security_groups.clone(),
            delete_on_termination: Some(true),
            ..InterfaceSpec::default()
        }],
        metadata: MetadataSpec {
            http_tokens: Some("required".to_owned()),
            http_endpoint: Some("enabled".to_owned()),
            hop_limit: Some(1),
            instance_tags: Some("enabled".to_owned()),
        },
        user_data: Some(content.user_data.as_str().into()),
        ..LaunchData::default()
    }
}

fn unread<T: Default>(part: Part, error: &PortError) -> Partial<T> {
    Partial {
        value: T::default(),
        gaps: vec![Gap {
            part,
            why: error.to_string(),
        }],
    }
}
