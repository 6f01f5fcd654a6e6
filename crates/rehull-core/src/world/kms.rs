//! Keys: held and told; nothing is encrypted by them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;
use super::query::{Document, Operation, Scope};

/// Days of the waiting period.
const WAITS: std::ops::RangeInclusive<i64> = 7..=30;

/// Keys and their other names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kms {
    keys: BTreeMap<String, Key>,
    aliases: BTreeMap<String, String>,
}

/// A symmetric key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    id: String,
    description: String,
    policy: String,
    created: Timestamp,
    enabled: bool,
    rotated: bool,
    /// When it is gone.
    deletion: Option<Timestamp>,
    tags: Tags,
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateKey", create),
    Operation::of("DescribeKey", |world, at| {
        let row = metadata(world, world.key(&at.need("KeyId")?)?);
        Ok(Document::new().document("KeyMetadata", row))
    }),
    Operation::of("UpdateKeyDescription", |world, at| {
        world.key_mut(at)?.description = at.need("Description")?;
        Ok(Document::new())
    }),
    Operation::of("GetKeyPolicy", |world, at| {
        at.ignore(&["PolicyName"]);
        let policy = &world.key(&at.need("KeyId")?)?.policy;
        Ok(Document::new()
            .text("Policy", policy)
            .text("PolicyName", "default"))
    }),
    Operation::of("PutKeyPolicy", |world, at| {
        at.ignore(&["PolicyName", "BypassPolicyLockoutSafetyCheck"]);
        world.key_mut(at)?.policy = at.need("Policy")?;
        Ok(Document::new())
    }),
    Operation::of("GetKeyRotationStatus", |world, at| {
        let rotated = world.key(&at.need("KeyId")?)?.rotated;
        Ok(Document::new().flag("KeyRotationEnabled", rotated))
    }),
    Operation::of("EnableKeyRotation", |world, at| {
        at.ignore(&["RotationPeriodInDays"]);
        world.key_mut(at)?.rotated = true;
        Ok(Document::new())
    }),
    Operation::of("DisableKeyRotation", |world, at| {
        world.key_mut(at)?.rotated = false;
        Ok(Document::new())
    }),
    Operation::of("EnableKey", |world, at| {
        world.key_mut(at)?.enabled = true;
        Ok(Document::new())
    }),
    Operation::of("DisableKey", |world, at| {
        world.key_mut(at)?.enabled = false;
        Ok(Document::new())
    }),
    Operation::of("ScheduleKeyDeletion", schedule_deletion),
    Operation::of("ListResourceTags", |world, at| {
        at.ignore(&["Limit", "Marker"]);
        let tags = &world.key(&at.need("KeyId")?)?.tags;
        let rows = tags
            .iter()
            .map(|(key, value)| Document::new().text("TagKey", key).text("TagValue", value));
        Ok(Document::new().list("Tags", rows).flag("Truncated", false))
    }),
    Operation::of("TagResource", |world, at| {
        let tags = tags(at);
        world.key_mut(at)?.tags.extend(tags);
        Ok(Document::new())
    }),
    Operation::of("UntagResource", |world, at| {
        let keys = at.list("TagKeys");
        world.key_mut(at)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Document::new())
    }),
    Operation::of("CreateAlias", create_alias),
    Operation::of("UpdateAlias", update_alias),
    Operation::of("ListAliases", list_aliases),
    Operation::of("DeleteAlias", |world, at| {
        let name = at.need("AliasName")?;
        let gone = world.kms.aliases.remove(&name);
        gone.map(|_| Document::new())
            .ok_or_else(|| no_alias(world, &name))
    }),
];

fn tags(at: &Scope<'_>) -> Tags {
    let pairs = at.items("Tags");
    let pairs = pairs
        .iter()
        .filter_map(|tag| Some((tag.text("TagKey")?, tag.text("TagValue").unwrap_or_default())));
    pairs.collect()
}

impl World {
    fn key_arn(&self, id: &str) -> String {
        format!(
            "arn:aws:kms:{}:{}:key/{id}",
            self.setup.region, self.setup.account
        )
    }

    /// By id, ARN or alias.
    fn key(&self, name: &str) -> Result<&Key, AwsError> {
        let id = match name.rsplit_once(":key/") {
            Some((_, id)) => id,
            None => name.rsplit_once(':').map_or(name, |(_, alias)| alias),
        };
        let id = self.kms.aliases.get(id).map_or(id, String::as_str);
        let key = self.kms.keys.get(id);
        let key = key.filter(|key| key.deletion.is_none_or(|at| at > self.now));
        key.ok_or_else(|| {
            AwsError::bad(
                "NotFoundException",
                format!("Key '{}' does not exist", self.key_arn(id)),
            )
        })
    }

    /// One that is not about to be deleted.
    fn key_mut(&mut self, at: &Scope<'_>) -> Result<&mut Key, AwsError> {
        let name = at.need("KeyId")?;
        let key = self.key(&name)?;
        let (id, arn) = (key.id.clone(), self.key_arn(&key.id));
        if key.deletion.is_some() {
            return Err(AwsError::bad(
                "KMSInvalidStateException",
                format!("{arn} is pending deletion."),
            ));
        }
        let key = self.kms.keys.get_mut(&id);
        key.ok_or_else(|| AwsError::bad("NotFoundException", format!("Key '{arn}' does not exist")))
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["BypassPolicyLockoutSafetyCheck", "MultiRegion"]);
    for (name, only) in [
        ("KeyUsage", "ENCRYPT_DECRYPT"),
        ("KeySpec", "SYMMETRIC_DEFAULT"),
        ("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"),
    ] {
        if let Some(other) = at.text(name).filter(|said| said != only) {
            return Err(AwsError::bad(
                "UnsupportedOperationException",
                format!("The sandbox models keys with {name} {only} only, not {other}"),
            ));
        }
    }
    // A UUID in form: what else could take it for a name?
    let digits = world.new_id("key").replace("key-", "");
    let (first, rest) = digits.split_at_checked(8).unwrap_or((digits.as_str(), ""));
    let (second, third) = rest.split_at_checked(4).unwrap_or((rest, ""));
    let id = format!("{first}-{second}-4000-8000-0000000{third}");
    let account = &world.setup.account;
    let default = format!(
        "{{\"Version\":\"2012-10-17\",\"Id\":\"key-default-1\",\"Statement\":[{{\"Sid\":\"Enable IAM User Permissions\",\
         \"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"arn:aws:iam::{account}:root\"}},\"Action\":\"kms:*\",\"Resource\":\"*\"}}]}}"
    );
    let key = Key {
        id: id.clone(),
        description: at.text("Description").unwrap_or_default(),
        policy: at.text("Policy").unwrap_or(default),
        created: world.now,
        enabled: true,
        rotated: false,
        deletion: None,
        tags: tags(at),
    };
    let answer = Document::new().document("KeyMetadata", metadata(world, &key));
    world.kms.keys.insert(id, key);
    Ok(answer)
}

fn metadata(world: &World, key: &Key) -> Document {
    let state = match (key.deletion.is_some(), key.enabled) {
        (true, _) => "PendingDeletion",
        (false, true) => "Enabled",
        (false, false) => "Disabled",
    };
    let document = Document::new()
        .text("KeyId", &key.id)
        .text("Arn", world.key_arn(&key.id))
        .text("AWSAccountId", &world.setup.account)
        .number("CreationDate", key.created.as_second())
        .flag("Enabled", key.enabled && key.deletion.is_none())
        .text("Description", &key.description)
        .text("KeyUsage", "ENCRYPT_DECRYPT")
        .text("KeyState", state)
        .text("Origin", "AWS_KMS")
        .text("KeyManager", "CUSTOMER")
        .text("KeySpec", "SYMMETRIC_DEFAULT")
        .text("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT")
        .list("EncryptionAlgorithms", ["SYMMETRIC_DEFAULT".to_owned()])
        .flag("MultiRegion", false);
    match key.deletion {
        Some(at) => document.number("DeletionDate", at.as_second()),
        None => document,
    }
}

fn schedule_deletion(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let days = at.parse::<i64>("PendingWindowInDays")?.unwrap_or(*WAITS.end());
    if !WAITS.contains(&days) {
        return Err(AwsError::bad(
            "ValidationException",
            format!(
                "Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value between 7 and 30"
            ),
        ));
    }
    let wait = SignedDuration::from_hours(days.saturating_mul(24));
    let then = world.now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let key = world.key_mut(at)?;
    key.deletion = Some(then);
    let id = key.id.clone();
    Ok(Document::new()
        .text("KeyId", world.key_arn(&id))
        .number("DeletionDate", then.as_second())
        .text("KeyState", "PendingDeletion")
        .number("PendingWindowInDays", days))
}

fn alias_arn(world: &World, name: &str) -> String {
    format!(
        "arn:aws:kms:{}:{}:{name}",
        world.setup.region, world.setup.account
    )
}

fn no_alias(world: &World, name: &str) -> AwsError {
    AwsError::bad(
        "NotFoundException",
        format!("Alias {} is not found.", alias_arn(world, name)),
    )
}

fn create_alias(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (name, key) = (at.need("AliasName")?, at.need("TargetKeyId")?);
    if !name.starts_with("alias/") || name.starts_with("alias/aws/") {
        return Err(AwsError::bad(
            "ValidationException",
            "Alias must start with the prefix \"alias/\" and must not start with \"alias/aws/\".",
        ));
    }
    if world.kms.aliases.contains_key(&name) {
        let arn = alias_arn(world, &name);
        return Err(AwsError::bad(
            "AlreadyExistsException",
            format!("An alias with the name {arn} already exists"),
        ));
    }
    let id = world.key(&key)?.id.clone();
    world.kms.aliases.insert(name, id);
    Ok(Document::new())
}

fn update_alias(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (name, key) = (at.need("AliasName")?, at.need("TargetKeyId")?);
    let id = world.key(&key)?.id.clone();
    match world.kms.aliases.get_mut(&name) {
        Some(known) => *known = id,
        None => return Err(no_alias(world, &name)),
    }
    Ok(Document::new())
}

fn list_aliases(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["Limit", "Marker"]);
    let of_key = match at.text("KeyId") {
        Some(name) => Some(world.key(&name)?.id.clone()),
        None => None,
    };
    let rows = world
        .kms
        .aliases
        .iter()
        .filter(|(_, id)| of_key.as_ref().is_none_or(|wanted| wanted == *id));
    let rows = rows.map(|(name, id)| {
        Document::new()
            .text("AliasName", name)
            .text("AliasArn", alias_arn(world, name))
            .text("TargetKeyId", id)
    });
    Ok(Document::new().list("Aliases", rows).flag("Truncated", false))
}
