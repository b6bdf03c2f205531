//! The scenario through the AWS SDK for Rust.
mod calls;
mod compare;
mod jwt;
mod modelled;

use calls::Call;
use compare::{at, matches, resolved};
use serde_json::{Map, Value};
use std::{env, fs, process::ExitCode};

const HAS: [&str; 8] = [
    "CustomerAWSAccountId",
    "LicenseArn",
    "UsageAllocations",
    "ClientToken",
    "ResolvedAccountId",
    "GetEntitlements",
    "LookupEvents",
    "clockSkewCorrection",
];

/// What a case expected did not come.
pub type Failure = String;

/// What earlier steps of a case kept, by name.
pub type Saved = Map<String, Value>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

/// Runs every case; the number of those that failed.
async fn run() -> Result<usize, Failure> {
    let run = read(&env::args().nth(1).ok_or("the path of a run is missing")?)?;
    let scenario = read(text(&run, "scenario"))?;
    let (mut passed, mut failed) = (0, 0);
    for case in scenario["cases"].as_array().ok_or("the scenario has no cases")? {
        let id = text(case, "id");
        let needs = case["needs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = needs.into_iter().find(|need| !HAS.contains(need)) {
            println!("skip {id}: this client has no {missing}");
            continue;
        }
        println!("\n# {id}: {}", text(case, "title"));
        match run_case(case, &run, &scenario).await {
            Ok(()) => {
                passed += 1;
                println!("ok {id}");
            }
            Err(failure) => {
                failed += 1;
                println!("not ok {id}: {}", failure.replace('\n', " "));
            }
        }
    }
    println!("\nclient: AWS SDK for Rust {}", aws_sdk_marketplacemetering::meta::PKG_VERSION);
    println!("{passed} passed, {failed} failed");
    Ok(failed)
}

async fn run_case(case: &Value, run: &Value, scenario: &Value) -> Result<(), Failure> {
    let endpoint = text(run, if case["server"] == "skewed" { "skewedEndpoint" } else { "endpoint" });
    let mut saved = Saved::new();
    for step in case["steps"].as_array().into_iter().flatten() {
        if step.get("control").is_some() {
            control(step, endpoint, text(run, "adminToken"), &saved)?;
        } else {
            let call = Call {
                operation: text(step, "call"),
                input: resolved(&step["input"], &saved),
                endpoint,
                region: step["region"].as_str().unwrap_or(text(run, "region")),
                keys: &scenario["credentials"][text(step, "credentials")],
            };
            send(step, call, &mut saved).await?;
        }
    }
    Ok(())
}

async fn send(step: &Value, call: Call<'_>, saved: &mut Saved) -> Result<(), Failure> {
    println!("> {} {}", call.operation, call.input);
    let (outcome, attempts) = call.send().await?;
    let answer = match outcome {
        Ok(answer) => answer,
        Err(told) => {
            println!("< {}: {} (attempts: {attempts})", told.name, told.message);
            return check_error(step, &told);
        }
    };
    println!("< {answer} (attempts: {attempts})");
    if let Some(name) = step["error"].as_str() {
        return Err(format!("expected {name}, got an answer"));
    }
    if let Some(expected) = step.get("expect") {
        matches(Some(&answer), expected, saved, "")?;
    }
    for (name, path) in step["save"].as_object().into_iter().flatten() {
        let part = at(&answer, path.as_str().unwrap_or_default());
        saved.insert(name.clone(), part.cloned().unwrap_or_default());
    }
    match step.get("jwt") {
        Some(claims) => jwt::verify(text(&answer, "Signature"), claims, call.endpoint),
        None => Ok(()),
    }
}

fn check_error(step: &Value, told: &calls::Told) -> Result<(), Failure> {
    let calls::Told { name, message, variant } = told;
    let Some(expected) = step["error"].as_str() else {
        return Err(format!("{name}: {message}"));
    };
    if name != expected {
        return Err(format!("expected {expected}, got {name}: {message}"));
    }
    if step["modelled"] != false && *variant != Some(expected) {
        return Err(format!("{name} is not the variant of that name, but {}", variant.unwrap_or("none")));
    }
    let part = step["message"].as_str().unwrap_or_default();
    if !message.to_lowercase().contains(&part.to_lowercase()) {
        return Err(format!("expected a message with {part:?}, got {message:?}"));
    }
    Ok(())
}

fn control(step: &Value, endpoint: &str, admin_token: &str, saved: &Saved) -> Result<(), Failure> {
    let (method, path) = (text(step, "control"), text(step, "path"));
    // An answer of 4xx or 5xx is read like any other: its text tells what is wrong.
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{endpoint}{path}"))
        .header("authorization", format!("Bearer {admin_token}"))
        .header("content-type", "application/json")
        .body(step.get("body").map(Value::to_string).unwrap_or_default())
        .map_err(|error| error.to_string())?;
    let mut answer = agent.run(request).map_err(|error| format!("{method} {path}: {error}"))?;
    let body = answer.body_mut().read_to_string().map_err(|error| format!("{method} {path}: {error}"))?;
    if !answer.status().is_success() {
        return Err(format!("{method} {path} answered {}: {body}", answer.status()));
    }
    match step.get("expect") {
        Some(expected) => {
            let got: Value =
                serde_json::from_str(&body).map_err(|error| format!("{method} {path}: {error}: {body}"))?;
            matches(Some(&got), expected, saved, "")
        }
        None => Ok(()),
    }
}

fn read(path: &str) -> Result<Value, Failure> {
    let bytes = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{path}: {error}"))
}

/// A member that is text; empty where it is not there.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
