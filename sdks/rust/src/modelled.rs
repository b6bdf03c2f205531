//! Every exception that an operation's model lists, by its variant.
use aws_sdk_cloudtrail::operation::lookup_events::LookupEventsError;
use aws_sdk_marketplaceentitlement::operation::get_entitlements::GetEntitlementsError;
use aws_sdk_marketplacemetering::operation::{
    batch_meter_usage::BatchMeterUsageError, meter_usage::MeterUsageError, register_usage::RegisterUsageError,
    resolve_customer::ResolveCustomerError,
};

pub trait Modelled {
    /// The variant's name; nothing for an error that the operation's model does not list.
    fn variant(&self) -> Option<&'static str>;
}

macro_rules! modelled {
    ($error:ident: $($variant:ident)+) => {
        impl Modelled for $error {
            fn variant(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => Some(stringify!($variant)),)+
                    _ => None,
                }
            }
        }
    };
}

modelled!(BatchMeterUsageError:
    DisabledApiException
    InternalServiceErrorException
    InvalidCustomerIdentifierException
    InvalidLicenseException
    InvalidProductCodeException
    InvalidTagException
    InvalidUsageAllocationsException
    InvalidUsageDimensionException
    ThrottlingException
    TimestampOutOfBoundsException
);
modelled!(MeterUsageError:
    CustomerNotEntitledException
    DuplicateRequestException
    IdempotencyConflictException
    InternalServiceErrorException
    InvalidEndpointRegionException
    InvalidProductCodeException
    InvalidTagException
    InvalidUsageAllocationsException
    InvalidUsageDimensionException
    ThrottlingException
    TimestampOutOfBoundsException
);
modelled!(RegisterUsageError:
    CustomerNotEntitledException
    DisabledApiException
    InternalServiceErrorException
    InvalidProductCodeException
    InvalidPublicKeyVersionException
    InvalidRegionException
    PlatformNotSupportedException
    ThrottlingException
);
modelled!(ResolveCustomerError:
    DisabledApiException
    ExpiredTokenException
    InternalServiceErrorException
    InvalidTokenException
    ThrottlingException
);
modelled!(GetEntitlementsError:
    InternalServiceErrorException
    InvalidParameterException
    ThrottlingException
);
modelled!(LookupEventsError:
    InvalidEventCategoryException
    InvalidLookupAttributesException
    InvalidMaxResultsException
    InvalidNextTokenException
    InvalidTimeRangeException
    OperationNotPermittedException
    UnsupportedOperationException
);
