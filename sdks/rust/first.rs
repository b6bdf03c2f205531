// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who: no line here does.
use aws_config::BehaviorVersion;
use aws_sdk_marketplacemetering::{
    Client,
    primitives::{DateTime, DateTimeFormat},
    types::UsageRecord,
};
use std::{env::var, error::Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let record = UsageRecord::builder()
        .timestamp(DateTime::from_str(&var("HOUR")?, DateTimeFormat::DateTime)?)
        .customer_aws_account_id(var("CUSTOMER")?)
        .dimension("gb")
        .quantity(1)
        .build()?;
    let answer = client.batch_meter_usage().product_code(var("PRODUCT_CODE")?).usage_records(record).send().await?;
    for result in answer.results() {
        println!("{:?} {:?}", result.status(), result.metering_record_id());
    }
    println!("{} unprocessed", answer.unprocessed_records().len());
    Ok(())
}
