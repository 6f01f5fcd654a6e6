//! What may be shown of a value, found by walking value and mask together. Whatever is not understood is masked.
//!
//! Terraform writes every value in clear, and beside it a tree of the same shape whose leaves say which parts are
//! sensitive. The tree does not follow copies: a provider that repeats a sensitive argument in a computed attribute
//! repeats it unmasked. So an attribute is shown only if it also stands in [`SHOWN`].

use std::fmt;

use serde::Serialize;

use super::node::Node;

/// What a person may see of one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "value")]
pub enum Shown {
    /// The value: it stands in the list of attributes that may be shown, and is not sensitive.
    Value(String),
    /// There is one.
    Masked,
    /// Known after the apply.
    Unknown,
    /// None.
    Nothing,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Masked => f.write_str("(not shown)"),
            Self::Unknown => f.write_str("(known after apply)"),
            Self::Nothing => f.write_str("(none)"),
        }
    }
}

/// Attributes that hold ids, sizes and names and are chosen by people who write clusters; all others are masked,
/// sensitive or not. User data is not among them: it is told by digest.
const SHOWN: &[(&str, &[&str])] = &[
    (
        "aws_launch_template",
        &[
            "id",
            "name",
            "description",
            "image_id",
            "instance_type",
            "latest_version",
            "default_version",
        ],
    ),
    (
        "aws_ebs_volume",
        &[
            "id",
            "availability_zone",
            "size",
            "type",
            "iops",
            "throughput",
            "encrypted",
        ],
    ),
    ("aws_network_interface", &["id", "subnet_id", "private_ip"]),
    (
        "aws_instance",
        &["id", "ami", "instance_type", "availability_zone", "subnet_id"],
    ),
    (
        "aws_autoscaling_group",
        &["id", "name", "min_size", "max_size", "desired_capacity"],
    ),
    ("aws_s3_bucket", &["id", "bucket", "force_destroy"]),
    ("aws_lb", &["id", "name", "internal", "load_balancer_type"]),
    (
        "aws_lb_target_group",
        &["id", "name", "port", "protocol", "deregistration_delay"],
    ),
    ("aws_security_group", &["id", "name"]),
];

/// Longer values are no ids.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// How much of a value is sensitive.
pub(super) enum Masking<'m, 'a> {
    Clear,
    Whole,
    /// Parts of it: ask with [`part`] and [`item`].
    Parts(&'m Node<'a>),
}

/// An absent mask is not an empty one: everything is sensitive. Nor is one of another shape understood.
pub(super) fn masking<'m, 'a>(value: &Node<'_>, mask: Option<&'m Node<'a>>) -> Masking<'m, 'a> {
    let Some(mask) = mask else {
        return Masking::Whole;
    };
    match (value, mask) {
        (_, Node::Bool(false)) => Masking::Clear,
        (Node::Map(_), Node::Map(_)) => Masking::Parts(mask),
        (Node::List(items), Node::List(masks)) if items.len() == masks.len() => Masking::Parts(mask),
        _ => Masking::Whole,
    }
}

/// The mask of one attribute of an object: Terraform leaves out what is not sensitive.
pub(super) fn part<'m, 'a>(value: &Node<'_>, mask: &'m Node<'a>, name: &str) -> Masking<'m, 'a> {
    mask.get(name)
        .map_or(Masking::Clear, |mask| masking(value, Some(mask)))
}

/// The mask of one element of a list: both lists are as long.
pub(super) fn item<'m, 'a>(value: &Node<'_>, mask: &'m Node<'a>, n: usize) -> Masking<'m, 'a> {
    masking(value, mask.list().and_then(|masks| masks.get(n)))
}

impl Masking<'_, '_> {
    /// Any part of it is sensitive.
    pub(super) fn any(&self) -> bool {
        match self {
            Self::Clear => false,
            Self::Whole => true,
            Self::Parts(mask) => mask.has_true(),
        }
    }
}

pub(super) type Covered<'n, 'a> = (Option<&'n Node<'a>>, Option<&'n Node<'a>>, Option<&'n Node<'a>>);

/// One attribute of an object: shown if it stands in the list for its type, is one plain value, and no mask lies on it.
/// `side`: the object, its mask, and what of it is not known yet.
pub(super) fn redact(kind: &str, name: &str, side: Covered<'_, '_>) -> Shown {
    let (object, mask, unknown) = side;
    if unknown
        .and_then(|unknown| unknown.get(name))
        .is_some_and(Node::has_true)
    {
        return Shown::Unknown;
    }
    let Some(object) = object else {
        return Shown::Nothing;
    };
    let value = match object.get(name) {
        None | Some(Node::Null) => return Shown::Nothing,
        Some(value) => value,
    };
    let masking = match masking(object, mask) {
        Masking::Clear => Masking::Clear,
        Masking::Whole => Masking::Whole,
        Masking::Parts(mask) => part(value, mask, name),
    };
    let listed = SHOWN
        .iter()
        .any(|(of, names)| *of == kind && names.contains(&name));
    if listed && !masking.any() {
        plain(value)
    } else {
        Shown::Masked
    }
}

/// One value under its mask, for places that are listed by their reader.
pub(super) fn plain(value: &Node<'_>) -> Shown {
    let text = match value {
        Node::Null => return Shown::Nothing,
        Node::Bool(value) => value.to_string(),
        Node::Number(digits) => digits.to_string(),
        Node::Text(text) => text.to_string(),
        Node::List(_) | Node::Map(_) => return Shown::Masked,
    };
    if text.chars().count() > SHOWN_CHARACTERS_MAX || text.chars().any(crate::domain::terraform::is_disguise)
    {
        Shown::Masked
    } else {
        Shown::Value(text)
    }
}
