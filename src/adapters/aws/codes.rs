//! What kind of "no" an error code is.
//!
//! Sources: EC2 User Guide, "Error codes for the Amazon EC2 API"; S3 API reference, "Error responses"; the SDK's own list
//! of throttling codes. EC2, S3 and STS use the same words for the same things.

use rehull_core::ports::Rule;

/// What a failed call has in common with others, whichever operation it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Asked to slow down.
    Throttled,
    /// These credentials may not, or are none.
    Denied,
    /// Good credentials, too old: somebody may renew them while we wait.
    Expired,
    /// No such instance.
    NoInstance,
    /// No such launch template or version.
    NoTemplate,
    /// No such volume, interface or attachment.
    NoPart,
    /// Their fault; it may have been carried out.
    Internal,
    /// A rule says no.
    Rule(Rule),
}

const CODES: &[(Family, &[&str])] = &[
    (
        Family::Throttled,
        &[
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "EC2ThrottledException",
            "BandwidthLimitExceeded",
            "PriorRequestNotComplete",
            "SlowDown",
        ],
    ),
    (
        Family::Denied,
        &[
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
            "MissingAuthenticationToken",
            "OptInRequired",
            "Blocked",
        ],
    ),
    (
        Family::Expired,
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "TokenRefreshRequired",
        ],
    ),
    (Family::NoInstance, &["InvalidInstanceID.NotFound"]),
    (
        Family::NoTemplate,
        &[
            "InvalidLaunchTemplateName.NotFoundException",
            "InvalidLaunchTemplateId.NotFound",
            "InvalidLaunchTemplateId.NotFoundException",
            "InvalidLaunchTemplateId.VersionNotFound",
        ],
    ),
    (
        Family::NoPart,
        &[
            "InvalidVolume.NotFound",
            "InvalidVolumeID.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
            "InvalidNetworkInterface.NotFound",
            "InvalidAttachmentID.NotFound",
            "InvalidAttachment.NotFound",
        ],
    ),
    (
        Family::Internal,
        &[
            "InternalError",
            "InternalFailure",
            "ServiceUnavailable",
            "Unavailable",
        ],
    ),
    (
        Family::Rule(Rule::InsufficientCapacity),
        &[
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientCapacity",
            "InsufficientAddressCapacity",
            // The subnet is full: for a rollout the same as a zone without machines.
            "InsufficientFreeAddressesInSubnet",
        ],
    ),
    (
        Family::Rule(Rule::Busy),
        &[
            "IncorrectState",
            "IncorrectInstanceState",
            "InvalidState",
            "InvalidAttachment",
            "VolumeInUse",
            "InvalidNetworkInterface.InUse",
            "DependencyViolation",
            "ConcurrentTagAccess",
            "ScalingActivityInProgress",
            "ResourceContention",
            // Somebody made the same template at this moment: the next look finds it.
            "InvalidLaunchTemplateName.AlreadyExistsException",
        ],
    ),
    (
        Family::Rule(Rule::Invalid),
        &[
            "IdempotentParameterMismatch",
            "Unsupported",
            "UnsupportedOperation",
            "VolumeTypeNotAvailableInZone",
        ],
    ),
];

/// The family of an answer with this code (may be empty) and HTTP status.
pub(super) fn family(code: &str, status: u16) -> Family {
    // EC2 documents some codes with a side: `Client.InstanceLimitExceeded`.
    let code = code
        .strip_prefix("Client.")
        .or_else(|| code.strip_prefix("Server."))
        .unwrap_or(code);
    let known = CODES.iter().find(|(_, codes)| codes.contains(&code));
    known.map_or_else(|| by_shape(code, status), |(family, _)| *family)
}

/// New codes appear without notice; their shape and the status still tell the careful reading.
fn by_shape(code: &str, status: u16) -> Family {
    let starts = |words: &[&str]| words.iter().any(|word| code.starts_with(word));
    if code.contains("LimitExceeded") {
        Family::Rule(Rule::LimitExceeded)
    } else if status == 429 {
        Family::Throttled
    } else if status >= 500 {
        Family::Internal
    } else if status == 401 || status == 403 {
        Family::Denied
    } else if starts(&["Invalid", "Missing", "Unknown"]) {
        Family::Rule(Rule::Invalid)
    } else {
        Family::Rule(Rule::Other)
    }
}
