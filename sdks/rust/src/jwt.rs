//! The signature of RegisterUsage: a JWT by PS256.
use crate::{Failure, Saved, compare::matches, text};
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose};
use serde_json::Value;

/// Fails unless the product's key signed the token and it holds the claims.
pub fn verify(jwt: &str, claims: &Value, endpoint: &str) -> Result<(), Failure> {
    let parts: Vec<&str> = jwt.split('.').collect();
    let [head, payload, signature] = parts[..] else {
        return Err(format!("expected a JWT, got {jwt:?}"));
    };
    let algorithm = &decoded(head)?["alg"];
    if algorithm != "PS256" {
        return Err(format!("expected a JWT of PS256, got {algorithm}"));
    }
    let url = format!("{endpoint}/keys/{}/{}.pem", text(claims, "productCode"), claims["publicKeyVersion"]);
    let pem = ureq::get(&url).call().and_then(|mut answer| answer.body_mut().read_to_string());
    let key = spki(&pem.map_err(|error| format!("{url}: {error}"))?)?;
    let signed = &jwt[..head.len() + 1 + payload.len()];
    // The algorithm's salt has the length of its hash, as PS256 asks.
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &bytes(signature)?)
        .map_err(|_| "the JWT's signature does not verify")?;
    matches(Some(&decoded(payload)?), claims, &Saved::new(), "jwt")
}

fn decoded(part: &str) -> Result<Value, Failure> {
    serde_json::from_slice(&bytes(part)?).map_err(|error| format!("a JWT without JSON: {error}"))
}

fn bytes(part: &str) -> Result<Vec<u8>, Failure> {
    general_purpose::URL_SAFE_NO_PAD.decode(part).map_err(|error| format!("a JWT without base64url: {error}"))
}

/// The bytes in a public key's PEM form.
fn spki(pem: &str) -> Result<Vec<u8>, Failure> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    general_purpose::STANDARD.decode(body).map_err(|error| format!("no public key in {pem:?}: {error}"))
}
