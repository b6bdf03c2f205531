//! Typed requests of the SDK from the scenario's JSON, and its typed answers back to it.
use crate::{Failure, modelled::Modelled, text};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_cloudtrail::{operation::lookup_events::LookupEventsOutput, types as cloudtrail};
use aws_sdk_marketplaceentitlement::{operation::get_entitlements::GetEntitlementsOutput, types as entitlement};
use aws_sdk_marketplacemetering::{
    Client as Metering,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::{BoxError, BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::batch_meter_usage::BatchMeterUsageOutput,
    primitives::DateTime,
    types::{Tag, UsageAllocation, UsageRecord},
};
use serde_json::{Map, Value, json};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// One call of the scenario.
pub struct Call<'a> {
    pub operation: &'a str,
    /// With the members' wire names.
    pub input: Value,
    pub endpoint: &'a str,
    pub region: &'a str,
    pub keys: &'a Value,
}

/// What the SDK says of an error.
pub struct Told {
    pub name: String,
    pub message: String,
    /// The variant of the operation's error, if it is one that the model lists.
    pub variant: Option<&'static str>,
}

type Outcome = Result<Value, Told>;

impl Call<'_> {
    /// Sends it with a client of its own and the SDK's own retries; what came, and how many attempts it took.
    pub async fn send(&self) -> Result<(Outcome, u32), Failure> {
        let config = self.config().await;
        let attempts = Attempts::default();
        let outcome = match self.operation {
            "GetEntitlements" => self.get_entitlements(&config, &attempts).await,
            "LookupEvents" => self.lookup_events(&config, &attempts).await.map_err(failure)?,
            _ => self.meter(&Metering::new(&config), &attempts).await.map_err(failure)?,
        };
        Ok((outcome, attempts.0.load(Ordering::Relaxed)))
    }

    async fn config(&self) -> SdkConfig {
        let token = self.keys["sessionToken"].as_str().map(str::to_string);
        let (id, secret) = (text(self.keys, "accessKeyId"), text(self.keys, "secretAccessKey"));
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.endpoint)
            .region(Region::new(self.region.to_string()))
            .credentials_provider(Credentials::new(id, secret, token, None, "scenario"))
            .load()
            .await
    }

    /// One of the four operations of the Metering Service.
    async fn meter(&self, client: &Metering, attempts: &Attempts) -> Result<Outcome, BuildError> {
        let input = &self.input;
        Ok(match self.operation {
            "BatchMeterUsage" => {
                let records = list(input, "UsageRecords").map(usage_record).collect::<Result<_, _>>()?;
                let request = client
                    .batch_meter_usage()
                    .set_usage_records(Some(records))
                    .set_product_code(string(input, "ProductCode"));
                outcome(request.customize().interceptor(attempts.clone()).send().await, batch_answer)
            }
            "MeterUsage" => {
                let request = client
                    .meter_usage()
                    .set_product_code(string(input, "ProductCode"))
                    .set_timestamp(timestamp(input))
                    .set_usage_dimension(string(input, "UsageDimension"))
                    .set_usage_quantity(integer(input, "UsageQuantity"))
                    .set_dry_run(input["DryRun"].as_bool())
                    .set_usage_allocations(allocations(input)?)
                    .set_client_token(string(input, "ClientToken"));
                outcome(request.customize().interceptor(attempts.clone()).send().await, |answer| {
                    members([("MeteringRecordId", answer.metering_record_id().map(Value::from))])
                })
            }
            "RegisterUsage" => {
                let request = client
                    .register_usage()
                    .set_product_code(string(input, "ProductCode"))
                    .set_public_key_version(integer(input, "PublicKeyVersion"))
                    .set_nonce(string(input, "Nonce"));
                outcome(request.customize().interceptor(attempts.clone()).send().await, |answer| {
                    members([
                        ("Signature", answer.signature().map(Value::from)),
                        ("PublicKeyRotationTimestamp", answer.public_key_rotation_timestamp().map(seconds)),
                    ])
                })
            }
            "ResolveCustomer" => {
                let request = client.resolve_customer().set_registration_token(string(input, "RegistrationToken"));
                outcome(request.customize().interceptor(attempts.clone()).send().await, |answer| {
                    members([
                        ("CustomerIdentifier", answer.customer_identifier().map(Value::from)),
                        ("CustomerAWSAccountId", answer.customer_aws_account_id().map(Value::from)),
                        ("ProductCode", answer.product_code().map(Value::from)),
                        ("LicenseArn", answer.license_arn().map(Value::from)),
                    ])
                })
            }
            other => unknown(other),
        })
    }

    async fn get_entitlements(&self, config: &SdkConfig, attempts: &Attempts) -> Outcome {
        let mut request = aws_sdk_marketplaceentitlement::Client::new(config)
            .get_entitlements()
            .set_product_code(string(&self.input, "ProductCode"))
            .set_next_token(string(&self.input, "NextToken"))
            .set_max_results(integer(&self.input, "MaxResults"));
        for (name, values) in self.input["Filter"].as_object().into_iter().flatten() {
            let values = values.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_string);
            request = request.filter(name.as_str().into(), values.collect());
        }
        outcome(request.customize().interceptor(attempts.clone()).send().await, entitlements_answer)
    }

    async fn lookup_events(&self, config: &SdkConfig, attempts: &Attempts) -> Result<Outcome, BuildError> {
        let mut request = aws_sdk_cloudtrail::Client::new(config)
            .lookup_events()
            .set_max_results(integer(&self.input, "MaxResults"))
            .set_next_token(string(&self.input, "NextToken"));
        for attribute in list(&self.input, "LookupAttributes") {
            let attribute = cloudtrail::LookupAttribute::builder()
                .attribute_key(text(attribute, "AttributeKey").into())
                .attribute_value(text(attribute, "AttributeValue"))
                .build()?;
            request = request.lookup_attributes(attribute);
        }
        Ok(outcome(request.customize().interceptor(attempts.clone()).send().await, events_answer))
    }
}

/// Counts the attempts of one call.
#[derive(Clone, Debug, Default)]
struct Attempts(Arc<AtomicU32>);

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn outcome<Output, E, R>(came: Result<Output, SdkError<E, R>>, wire: impl Fn(&Output) -> Value) -> Outcome
where
    E: Modelled + ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    came.map(|answer| wire(&answer)).map_err(|error| Told {
        name: error.code().unwrap_or("no exception").to_string(),
        message: match error.message() {
            Some(message) => message.to_string(),
            None => DisplayErrorContext(&error).to_string(),
        },
        variant: error.as_service_error().and_then(Modelled::variant),
    })
}

fn unknown(operation: &str) -> Outcome {
    Err(Told { name: "unknown call".into(), message: operation.into(), variant: None })
}

fn failure(error: BuildError) -> Failure {
    format!("the SDK refuses the request: {error}")
}

fn usage_record(record: &Value) -> Result<UsageRecord, BuildError> {
    UsageRecord::builder()
        .set_timestamp(timestamp(record))
        .set_customer_identifier(string(record, "CustomerIdentifier"))
        .set_customer_aws_account_id(string(record, "CustomerAWSAccountId"))
        .set_license_arn(string(record, "LicenseArn"))
        .set_dimension(string(record, "Dimension"))
        .set_quantity(integer(record, "Quantity"))
        .set_usage_allocations(allocations(record)?)
        .build()
}

fn allocations(input: &Value) -> Result<Option<Vec<UsageAllocation>>, BuildError> {
    let allocation = |allocation: &Value| {
        let mut builder =
            UsageAllocation::builder().set_allocated_usage_quantity(integer(allocation, "AllocatedUsageQuantity"));
        for tag in list(allocation, "Tags") {
            builder = builder.tags(Tag::builder().key(text(tag, "Key")).value(text(tag, "Value")).build()?);
        }
        builder.build()
    };
    match input.get("UsageAllocations") {
        Some(_) => list(input, "UsageAllocations").map(allocation).collect::<Result<_, _>>().map(Some),
        None => Ok(None),
    }
}

fn batch_answer(answer: &BatchMeterUsageOutput) -> Value {
    let results = answer.results().iter().map(|result| {
        members([
            ("UsageRecord", result.usage_record().map(record_wire)),
            ("MeteringRecordId", result.metering_record_id().map(Value::from)),
            ("Status", result.status().map(|status| status.as_str().into())),
        ])
    });
    let unprocessed = answer.unprocessed_records().iter().map(record_wire);
    json!({ "Results": results.collect::<Value>(), "UnprocessedRecords": unprocessed.collect::<Value>() })
}

fn record_wire(record: &UsageRecord) -> Value {
    let allocations = record.usage_allocations.as_ref().map(|list| list.iter().map(allocation_wire).collect());
    members([
        ("Timestamp", Some(seconds(record.timestamp()))),
        ("CustomerIdentifier", Some(record.customer_identifier()).filter(|id| !id.is_empty()).map(Value::from)),
        ("CustomerAWSAccountId", record.customer_aws_account_id().map(Value::from)),
        ("LicenseArn", record.license_arn().map(Value::from)),
        ("Dimension", Some(record.dimension().into())),
        ("Quantity", record.quantity().map(Value::from)),
        ("UsageAllocations", allocations),
    ])
}

fn allocation_wire(allocation: &UsageAllocation) -> Value {
    let tag = |tag: &Tag| json!({ "Key": tag.key(), "Value": tag.value() });
    members([
        ("AllocatedUsageQuantity", Some(allocation.allocated_usage_quantity().into())),
        ("Tags", allocation.tags.as_ref().map(|tags| tags.iter().map(tag).collect())),
    ])
}

fn entitlements_answer(answer: &GetEntitlementsOutput) -> Value {
    members([
        ("Entitlements", Some(answer.entitlements().iter().map(entitlement_wire).collect())),
        ("NextToken", answer.next_token().map(Value::from)),
    ])
}

fn entitlement_wire(one: &entitlement::Entitlement) -> Value {
    let value = |value: &entitlement::EntitlementValue| {
        members([
            ("IntegerValue", value.integer_value().map(Value::from)),
            ("DoubleValue", value.double_value().map(Value::from)),
            ("BooleanValue", value.boolean_value().map(Value::from)),
            ("StringValue", value.string_value().map(Value::from)),
        ])
    };
    members([
        ("ProductCode", one.product_code().map(Value::from)),
        ("Dimension", one.dimension().map(Value::from)),
        ("CustomerIdentifier", one.customer_identifier().map(Value::from)),
        ("CustomerAWSAccountId", one.customer_aws_account_id().map(Value::from)),
        ("LicenseArn", one.license_arn().map(Value::from)),
        ("Value", one.value().map(value)),
        ("ExpirationDate", one.expiration_date().map(seconds)),
    ])
}

fn events_answer(answer: &LookupEventsOutput) -> Value {
    let event = |event: &cloudtrail::Event| {
        members([
            ("EventId", event.event_id().map(Value::from)),
            ("EventName", event.event_name().map(Value::from)),
            ("EventTime", event.event_time().map(seconds)),
            ("EventSource", event.event_source().map(Value::from)),
            ("Username", event.username().map(Value::from)),
            ("CloudTrailEvent", event.cloud_trail_event().map(Value::from)),
        ])
    };
    members([
        ("Events", Some(answer.events().iter().map(event).collect())),
        ("NextToken", answer.next_token().map(Value::from)),
    ])
}

/// An object of what is there: a member that the SDK leaves out is absent.
fn members<const N: usize>(all: [(&str, Option<Value>); N]) -> Value {
    Value::Object(all.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect::<Map<_, _>>())
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn string(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_string)
}

fn integer(value: &Value, name: &str) -> Option<i32> {
    value[name].as_i64().and_then(|whole| whole.try_into().ok())
}

fn timestamp(value: &Value) -> Option<DateTime> {
    value["Timestamp"].as_i64().map(DateTime::from_secs)
}

fn seconds(at: &DateTime) -> Value {
    match at.subsec_nanos() {
        0 => at.secs().into(),
        _ => at.as_secs_f64().into(),
    }
}
